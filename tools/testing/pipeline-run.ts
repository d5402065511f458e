import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { recorded, STAND_IN } from './workflow-run.ts';

/** A job of a GitLab pipeline, as it is written. */
export interface PipelineJob {
  readonly variables: Readonly<Record<string, string>>;
  readonly before_script: readonly string[];
  readonly script: readonly string[];
  readonly after_script: readonly string[];
  readonly rules: readonly { readonly if: string }[];
  readonly parallel: { readonly matrix: readonly Readonly<Record<string, readonly string[]>>[] };
  readonly cache: { readonly key: string; readonly when: string; readonly paths: readonly string[] };
  readonly artifacts: {
    readonly when: string;
    readonly paths: readonly string[];
    readonly exclude: readonly string[];
    readonly reports: Readonly<Record<string, string>>;
  };
  readonly timeout: string;
}

/** The jobs of a pipeline's file, by name. */
export function parsePipeline(text: string): Readonly<Record<string, PipelineJob>> {
  return parse(text) as Record<string, PipelineJob>;
}

/**
 * Run the scripts of a job under a real bash, as a runner of GitLab does: `before_script` and `script` are one, and
 * `after_script` another, which runs whatever became of the first. npm, node, git and apt-get are written down and not
 * run.
 *
 * @param folder empty; what the job leaves in its checkout is below `project`
 * @param earlier paths of files below `project` that are there before
 * @throws Error when a script fails
 */
export function rehearsedJob(
  { variables, before_script, script, after_script }: PipelineJob,
  folder: string,
  earlier: readonly string[] = [],
): string[][] {
  const project = join(folder, 'project');
  const programs = join(folder, 'programs');
  const record = join(folder, 'record');
  for (const path of [project, programs]) mkdirSync(path);
  for (const path of earlier) {
    mkdirSync(join(project, path, '..'), { recursive: true });
    writeFileSync(join(project, path), '');
  }
  writeFileSync(record, '');
  for (const name of ['npm', 'node', 'git', 'apt-get']) {
    writeFileSync(join(programs, name), STAND_IN);
    chmodSync(join(programs, name), 0o755);
  }
  const predefined: Record<string, string> = {
    CI_PROJECT_DIR: project,
    CI_PIPELINE_ID: '1000',
    CI_JOB_NAME: 'kernel-soak: [node:24-trixie]',
    CI_JOB_NAME_SLUG: 'kernel-soak-node-24-trixie',
  };
  // GitLab puts variables into variables before a script sees them.
  const expanded = (value: string) =>
    value.replaceAll(/\$(\w+)/g, (_, name: string) => predefined[name] ?? '');
  const env = {
    ...predefined,
    ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, expanded(value)])),
    PATH: [programs, '/usr/bin', '/bin'].join(delimiter),
    REHEARSAL: record,
  };
  for (const lines of [[...before_script, ...script], after_script]) {
    const file = join(folder, 'script.sh');
    writeFileSync(file, `set -eo pipefail\n${lines.join('\n')}\n`);
    execFileSync('bash', ['--noprofile', '--norc', file], { cwd: project, env, stdio: 'pipe' });
  }
  return recorded(readFileSync(record, 'utf8'));
}
