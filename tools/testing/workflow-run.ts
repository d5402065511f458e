import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  type Action,
  type Contexts,
  holds,
  matrixCells,
  type Step,
  substituted,
  type Workflow,
} from './workflow.ts';

/** A command that a step ran: its name and its words, as the program would have got them. */
export interface Invocation {
  /** Job, matrix cell and step, for messages. */
  readonly where: string;
  readonly words: readonly string[];
}

/** A step that uses an action, with the values that it gives. */
export interface Use {
  readonly where: string;
  readonly uses: string;
  readonly with: Readonly<Record<string, string>>;
}

export interface RehearsedRun {
  readonly invocations: readonly Invocation[];
  readonly uses: readonly Use[];
}

/** What a workflow is rehearsed with. */
export interface Rehearsal {
  /** An empty folder. */
  readonly folder: string;
  /** Stands for `uses: ./`, `uses: ./.kernel-soak` and `uses: OWNER/kernel-soak@…`. */
  readonly action: Action;
  readonly github: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** The action of this repository, from here or from elsewhere. */
const OWN_ACTION = /^\.\/|^[\w.-]+\/kernel-soak@/;

// Each stand-in writes its words down. One that is told where to put something puts a journal there.
export const STAND_IN = `#!/usr/bin/env bash
printf '%s\\0' "$(( $# + 1 ))" "$(basename "$0")" "$@" >> "$REHEARSAL"
while [ $# -gt 1 ]; do
  if [ "$1" = --out ]; then mkdir -p "$2" && touch "$2/journal.jsonl"; fi
  shift
done
`;

const GIT = `#!/usr/bin/env bash
if [ "$1" != ls-remote ]; then exec "$REAL_GIT" "$@"; fi
case "$*" in
  *refs/tags/v*) printf '%s\\t%s\\n' bbb refs/tags/v8.0.0a1 aaa refs/tags/v7.4.0 aab refs/tags/v7.3.0 ;;
  *) printf '%s\\t%s\\n' 0123456789abcdef0123456789abcdef01234567 refs/heads/main ;;
esac
`;

/**
 * Rehearse a workflow: each job, for each cell of its matrix, runs the scripts of its steps under a real bash as
 * GitHub does, with npm, node and pipx written down and not run: what an audit would find is not rehearsed, since it
 * asks a registry. Composite actions are taken apart; other actions are
 * written down too.
 *
 * @throws Error when a script fails, names a program that is not there, or an expression names nothing
 */
export function rehearsedWorkflow(workflow: Workflow, rehearsal: Rehearsal): RehearsedRun {
  const invocations: Invocation[] = [];
  const uses: Use[] = [];
  const needs: Record<string, unknown> = {};
  for (const [id, job] of Object.entries(workflow.jobs)) {
    let outputs: Record<string, string> = {};
    const base = { github: rehearsal.github, inputs: rehearsal.inputs, needs };
    const matrix = JSON.parse(substituted(JSON.stringify(job.strategy?.matrix ?? {}), base));
    for (const cell of matrixCells(matrix)) {
      const label = Object.keys(cell).length === 0 ? id : `${id} ${JSON.stringify(cell)}`;
      const run = new JobRun(label, rehearsal, invocations, uses);
      const contexts = { ...base, matrix: cell, ...run.contexts };
      run.steps(job.steps, contexts, { ...workflow.env, ...valuesOf(job.env ?? {}, contexts) });
      outputs = valuesOf(job.outputs ?? {}, { ...contexts, steps: run.outputs });
    }
    needs[id] = { result: 'success', outputs };
  }
  return { invocations, uses };
}

function valuesOf(values: Readonly<Record<string, unknown>>, contexts: Contexts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, substituted(String(value ?? ''), contexts)]),
  );
}

type Outputs = Record<string, { outputs: Record<string, string> }>;

class JobRun {
  readonly outputs: Outputs = {};
  readonly contexts: Contexts;
  readonly #label: string;
  readonly #rehearsal: Rehearsal;
  readonly #invocations: Invocation[];
  readonly #uses: Use[];
  readonly #folder: string;
  readonly #workspace: string;
  readonly #programs: string;
  /** What steps wrote to GITHUB_ENV. */
  #environment: Record<string, string> = {};

  constructor(label: string, rehearsal: Rehearsal, invocations: Invocation[], uses: Use[]) {
    this.#label = label;
    this.#rehearsal = rehearsal;
    this.#invocations = invocations;
    this.#uses = uses;
    this.#folder = mkdtempSync(join(rehearsal.folder, 'job-'));
    this.#workspace = join(this.#folder, 'work space');
    this.#programs = join(this.#folder, 'programs');
    mkdirSync(this.#workspace);
    mkdirSync(join(this.#folder, 'temp'));
    mkdirSync(this.#programs);
    for (const [name, text] of [
      ['npm', STAND_IN],
      ['node', STAND_IN],
      ['pipx', STAND_IN],
      ['git', GIT],
    ] as const) {
      writeFileSync(join(this.#programs, name), text);
      chmodSync(join(this.#programs, name), 0o755);
    }
    this.contexts = {
      runner: { os: 'Linux', arch: 'X64', temp: join(this.#folder, 'temp') },
      job: { status: 'success', workflow_repository: 'OWNER/kernel-soak', workflow_sha: 'f'.repeat(40) },
    };
  }

  steps(
    steps: readonly Step[],
    contexts: Contexts,
    outer: Readonly<Record<string, unknown>>,
    outputs: Outputs = this.outputs,
  ): void {
    steps.forEach((step, index) => {
      const where = `${this.#label}, step ${step.name ?? step.id ?? index + 1}`;
      const seen = { ...contexts, steps: outputs, env: { ...outer, ...this.#environment } };
      // What GitHub gives a step that was left out: nothing.
      if (step.id !== undefined) outputs[step.id] = { outputs: EMPTY_OUTPUTS(step, steps) };
      if (!holds(step.if, seen)) return;
      let made: Record<string, string> = {};
      if (OWN_ACTION.test(step.uses ?? '')) made = this.#composite(step, seen, outer, where);
      else if (step.uses !== undefined) made = this.#use(step, seen, where);
      else if (step.run !== undefined) made = this.#script(step.run, step, seen, outer, where);
      if (step.id !== undefined) outputs[step.id] = { outputs: { ...outputs[step.id]?.outputs, ...made } };
    });
  }

  #composite(
    step: Step,
    contexts: Contexts,
    outer: Readonly<Record<string, unknown>>,
    where: string,
  ): Record<string, string> {
    const { action } = this.#rehearsal;
    const given = valuesOf(step.with ?? {}, contexts);
    for (const name of Object.keys(given)) {
      if (!Object.hasOwn(action.inputs ?? {}, name))
        throw new Error(`${where}: the action has no input ${name}`);
    }
    const path = join(this.#workspace, step.uses ?? '');
    mkdirSync(join(path, 'arms', 'runtime'), { recursive: true });
    writeFileSync(join(path, 'package-lock.json'), '{}');
    writeFileSync(join(path, 'arms', 'runtime', 'requirements.txt'), '');
    const github = { ...(contexts['github'] as object), action_path: path };
    const defaults = Object.entries(action.inputs ?? {}).map(([name, { default: value }]) => [
      name,
      value ?? '',
    ]);
    const inputs = { ...valuesOf(Object.fromEntries(defaults), { ...contexts, github }), ...given };
    const outputs: Outputs = {};
    this.#uses.push({ where, uses: step.uses ?? '', with: given });
    const inside = { ...contexts, github, inputs };
    this.steps(action.runs.steps, inside, outer, outputs);
    const values = Object.entries(action.outputs ?? {}).map(([name, { value }]) => [name, value]);
    return valuesOf(Object.fromEntries(values), { ...inside, steps: outputs });
  }

  #use(step: Step, contexts: Contexts, where: string): Record<string, string> {
    const values = valuesOf(step.with ?? {}, contexts);
    this.#uses.push({ where, uses: step.uses ?? '', with: values });
    if (step.uses?.startsWith('actions/download-artifact@')) {
      for (const part of ['1', '2']) {
        const folder = join(
          this.#workspace,
          values['path'] ?? '',
          (values['pattern'] ?? '').replace('*', part),
        );
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, 'journal.jsonl'), '');
      }
    }
    return step.uses?.startsWith('actions/setup-python@') ? { 'python-version': '3.13.1' } : {};
  }

  #script(
    script: string,
    step: Step,
    contexts: Contexts,
    outer: Readonly<Record<string, unknown>>,
    where: string,
  ): Record<string, string> {
    const file = (name: string) => join(this.#folder, name);
    const [record, output, variables] = [file('record'), file('output'), file('variables')];
    for (const path of [record, output, variables]) writeFileSync(path, '');
    writeFileSync(file('script.sh'), substituted(script, contexts));
    const env = {
      ...valuesOf(outer, contexts),
      ...this.#environment,
      ...valuesOf(step.env ?? {}, contexts),
      PATH: [this.#programs, '/usr/bin', '/bin'].join(delimiter),
      REAL_GIT: '/usr/bin/git',
      REHEARSAL: record,
      RUNNER_TEMP: file('temp'),
      GITHUB_OUTPUT: output,
      GITHUB_ENV: variables,
      GITHUB_RUN_ID: '1000',
      GITHUB_ACTIONS: 'true',
    };
    try {
      // GitHub's own command line for `shell: bash`.
      execFileSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', file('script.sh')], {
        cwd: this.#workspace,
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      throw new Error(`${where}: ${(error as { stderr?: string }).stderr ?? String(error)}`, {
        cause: error,
      });
    }
    for (const words of recorded(readFileSync(record, 'utf8'))) this.#invocations.push({ where, words });
    this.#environment = { ...this.#environment, ...assignments(variables) };
    return assignments(output);
  }
}

/** Outputs that later steps of the list ask of one that may be left out. */
function EMPTY_OUTPUTS(step: Step, steps: readonly Step[]): Record<string, string> {
  const asked = JSON.stringify(steps).matchAll(new RegExp(`steps\\.${step.id}\\.outputs\\.([\\w-]+)`, 'g'));
  return Object.fromEntries([...asked].map((match) => [match[1] ?? '', '']));
}

/** The words of each command that stand-ins wrote down. */
export function recorded(text: string): string[][] {
  const parts = text.split('\0').slice(0, -1);
  const all: string[][] = [];
  for (let at = 0; at < parts.length; ) {
    const count = Number(parts[at]);
    all.push(parts.slice(at + 1, at + 1 + count));
    at += 1 + count;
  }
  return all;
}

function assignments(path: string): Record<string, string> {
  if (!existsSync(path)) return {};
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
