import { stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';
import { writeOutput } from '../model/write-output.ts';
import { githubWorkflow } from './github-workflow.ts';
import { gitlabPipeline } from './gitlab-pipeline.ts';
import type { Host, WorkflowFile, WorkflowSettings } from './workflow-settings.ts';

/** What `soak init` was asked for. */
export interface InitOptions {
  readonly host: Host;
  /** Folder of the other repository. */
  readonly folder: string;
  /** `OWNER/kernel-soak@REVISION`, or the address of a clone with `@REVISION`. */
  readonly from: string;
  /** Paths from the working folder. */
  readonly notebook: string | null;
  readonly requirements: readonly string[];
  /** Whether a file that is there may be replaced. */
  readonly isForced: boolean;
}

/**
 * Write the workflow into the other repository.
 *
 * @returns the file, and its path from the working folder
 * @throws SoakError `bad-option` for a file that is not in that repository, `file-exists`, `cannot-write`
 */
export async function writeWorkflow(
  options: InitOptions,
): Promise<{ readonly file: WorkflowFile; readonly path: string }> {
  const { host, folder, isForced } = options;
  const settings = await workflowSettings(options);
  const file = host === 'github' ? githubWorkflow(settings) : gitlabPipeline(settings);
  const path = join(resolve(folder), ...file.path.split('/'));
  if (!isForced && (await stat(path).catch(() => null)) !== null) {
    throw new SoakError('file-exists', `${path} is there already.`, {
      remedy: 'Give --force to replace it. What you changed in it is then lost.',
    });
  }
  await writeOutput(path, file.text);
  return { file, path };
}

const FROM = /^((?:https?:\/\/)?[A-Za-z0-9._/-]+)@([A-Za-z0-9._/-]+)$/;

async function workflowSettings({
  host,
  folder,
  from,
  notebook,
  requirements,
}: InitOptions): Promise<WorkflowSettings> {
  const [, repository, revision] = FROM.exec(from) ?? [];
  const isName = /^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/.test(repository ?? '');
  if (repository === undefined || revision === undefined || !(isName || host === 'gitlab')) {
    throw new SoakError('bad-option', `--from cannot be ${quoted(from)}.`, {
      remedy: 'Give the repository that has kernel-soak and a tag or commit: OWNER/kernel-soak@v1.',
      option: { name: 'from', value: from },
    });
  }
  return {
    repository,
    revision,
    notebook: notebook === null ? null : await pathInside(folder, notebook, 'notebook'),
    requirements: await Promise.all(requirements.map((path) => pathInside(folder, path, 'requirements'))),
  };
}

/** A file's path from the root of the repository, with `/`. */
async function pathInside(folder: string, path: string, name: string): Promise<string> {
  const root = resolve(folder);
  // As it is given from here, or else as the repository itself has it.
  const found = [resolve(path), resolve(root, path)];
  for (const file of found) {
    if ((await stat(file).catch(() => null)) === null) continue;
    const inside = relative(root, file);
    if (!inside.startsWith('..') && !isAbsolute(inside)) return inside.split(sep).join('/');
  }
  throw new SoakError('bad-option', `--${name} ${quoted(path)} is no file in ${root}.`, {
    remedy: 'Give a file of the repository that the workflow is for. --in names that repository.',
    option: { name, value: path },
  });
}
