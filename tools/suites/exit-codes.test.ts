import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { begunRun, experimentRecord, journalBytes } from '../../harness/journal/journal.fixture.ts';
import { readJournal } from '../../harness/journal/read.ts';
import { EXEC_EXIT_CODES, EXIT_CODES } from '../../harness/model/errors.ts';
import type { JournalRecord } from '../../harness/model/journal.ts';
import type { Outcome, OutcomeKind } from '../../harness/model/outcome.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { buildReport } from '../../harness/report/report.ts';
import { writeReport } from '../../harness/report/write-report.ts';
import { blockOrders } from '../../harness/stats/schedule.ts';
import { codeNotebookText, PYTHON_METADATA } from '../testing/code-notebook.ts';
import { type ExecutePlace, executePlace } from '../testing/jupyter-execute.ts';
import { SoakProcess } from '../testing/soak-process.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';

// The contract of docs/exit-codes.md, through the command as a user starts it.

const folder = temporaryFolder();
let place: ExecutePlace;
const at = (...names: string[]) => join(folder, ...names);
const report = (...names: string[]) => join(packageRoot(), 'reports', ...names);
const QUICK = ['--traffic', 'sequential', '--latency', 'none', '--seed', '1'];
const ONE = ['--runs', '1'];
const NO_PYTHON = ['--python', at('no-such-python')];

function notebook(name: string, source: string): void {
  writeFileSync(at(name), codeNotebookText([source], PYTHON_METADATA));
}

/** That kind of outcome, with what a record of it cannot be without. */
function outcomeOf(outcome: Outcome, kind: OutcomeKind): Outcome {
  const error = kind === 'cell-error' ? { ename: 'ValueError', evalue: '' } : null;
  return { ...outcome, kind, error, cell: kind === 'completed' ? null : 0 };
}

/** A report of two arms, of which each run ended in this way. */
async function experiment(name: string, control: OutcomeKind, fix: OutcomeKind): Promise<void> {
  const kinds = { control, fix };
  const first = experimentRecord();
  const records: JournalRecord[] = [first];
  // As the protocol orders them: `verify` looks at that too.
  for (const { arm, position, seed } of blockOrders(first.protocol, 0)) {
    const kind = kinds[arm as keyof typeof kinds];
    for (const record of begunRun(0, arm, position)) {
      records.push(
        record.type === 'run' ? { ...record, seed, outcome: outcomeOf(record.outcome, kind) } : record,
      );
    }
  }
  mkdirSync(at(name));
  writeFileSync(at(name, 'journal.jsonl'), journalBytes(records));
  const { journal } = await readJournal(at(name));
  await writeReport(at(name), journal, buildReport(journal));
}

beforeAll(async () => {
  place = await executePlace(['never-replies', 'dies-at-start']);
  notebook('good.ipynb', 'x = 1');
  notebook('raising.ipynb', '1 / 0');
  notebook('exiting.ipynb', 'import os; os._exit(3)');
  notebook('slow.ipynb', 'import time; time.sleep(600)');
  writeFileSync(at('text.ipynb'), codeNotebookText([], PYTHON_METADATA));
  writeFileSync(at('three.ipynb'), codeNotebookText(['1', '# aborted', '3'], PYTHON_METADATA));
  await experiment('valid', 'completed', 'completed');
  await experiment('wedged', 'completed', 'wedged-mute');
  await experiment('invalid', 'cell-error', 'harness-fault');
  await experiment('altered', 'completed', 'completed');
  const evidence = at('altered', 'evidence.md');
  writeFileSync(evidence, readFileSync(evidence, 'utf8').replace('control', 'Control'));
  cpSync(report('tune-7.3.0'), at('tuning'), { recursive: true });
  cpSync(report('bisect-ipykernel', 'seed-01'), at('bisected'), { recursive: true });
  mkdirSync(at('damaged'));
  writeFileSync(at('damaged', 'journal.jsonl'), '{"type":"experiment"}\n{}\n');
  // The machine's memory cannot be told: no error that anybody foresaw.
  const fault = "import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module';";
  writeFileSync(
    at('fault.mjs'),
    `${fault} os.totalmem = () => { throw new TypeError('unforeseen'); }; syncBuiltinESMExports();`,
  );
  // Only Windows has the signal: Node emits it as an event of that name.
  writeFileSync(
    at('break.mjs'),
    "const timer = setInterval(() => { if (process.emit('SIGBREAK', 'SIGBREAK')) clearInterval(timer); }, 20);",
  );
  // So with a random number.
  writeFileSync(
    at('fault-in-exec.mjs'),
    `import crypto from 'node:crypto'; import { syncBuiltinESMExports } from 'node:module';
     crypto.randomInt = () => { throw new TypeError('unforeseen'); }; syncBuiltinESMExports();`,
  );
  writeFileSync(
    at('late-fault.mjs'),
    `const { stdout } = process;
     const write = stdout.write.bind(stdout);
     stdout.write = (text, ...rest) => {
       if (String(text).includes('Protocol')) setTimeout(() => { throw new TypeError('unforeseen'); });
       return write(text, ...rest);
     };`,
  );
}, 300_000);

interface Case {
  readonly code: number;
  readonly args: readonly string[];
  readonly why: string;
  readonly preload?: string;
  /** Interrupted once it has said this. */
  readonly interruptAt?: RegExp;
}

const ended = EXEC_EXIT_CODES;
const { done, failed, usage, invalidExperiment, environment, internal, interrupted } = EXIT_CODES;
const run = (name: string, ...more: string[]) => [
  ...['run', '--arms', 'control', '--notebook', at(name), ...QUICK],
  ...['--out', at(`out-${more.length}-${name}`)],
  ...(more.some((word) => /^--(runs|max-runs)$/.test(word)) ? [] : ONE),
  ...more,
];
const journal = ['--journal', at('exec.jsonl')];
const exec = (name: string, ...more: string[]) => [
  ...['exec', at(name), '--arm', 'control', '--output', at(`executed-${name}`), ...journal, ...more],
];
const execOn = (kernel: string, ...more: string[]) => [
  ...[
    'exec',
    at('three.ipynb'),
    '--kernel',
    kernel,
    '--output',
    at(`executed-${kernel}`),
    ...journal,
    ...more,
  ],
];
const tune = (name: string, ...more: string[]) => [
  ...['tune', '--minutes', '0.1', '--traffic', 'sequential', '--latencies', 'none', '--notebook', at(name)],
  ...['--out', at(`tune-${name}`), ...more],
];
const bisect = (...more: string[]) => ['bisect', '--releases', '7.3.0,7.4.0', '--good', '7.3.0', ...more];

/** In this order: what resumes comes after what it resumes. */
const CASES: readonly Case[] = [
  { code: done, args: run('good.ipynb'), why: 'every run is recorded' },
  {
    code: failed,
    args: [
      'run',
      '--arms',
      'control',
      ...QUICK,
      '--runs',
      '2',
      '--notebook',
      at('good.ipynb'),
      '--notebook',
      at('raising.ipynb'),
      '--fail-on',
      'competing>0.1',
      '--out',
      at('out-failed'),
    ],
    why: 'a rule of --fail-on was met',
  },
  { code: usage, args: run('good.ipynb', '--timeout', 'soon'), why: 'a value that is none' },
  { code: usage, args: run('good.ipynb', '--no-such-option'), why: 'an option that there is not' },
  { code: invalidExperiment, args: run('raising.ipynb'), why: 'no run is valid' },
  {
    code: invalidExperiment,
    args: run(
      'raising.ipynb',
      '--arm',
      'again=control',
      '--until-decided',
      '--max-runs',
      '4',
      '--alpha',
      '0.5',
    ),
    why: 'nothing was decided',
  },
  {
    code: invalidExperiment,
    args: run('raising.ipynb', '--max-minutes', '0.01', '--runs', '50'),
    why: 'the time was over before a valid run',
  },
  { code: usage, args: run('good.ipynb', '--shard', '2/2'), why: 'the shard has no block' },
  { code: environment, args: run('good.ipynb', ...NO_PYTHON), why: 'there is no such Python' },
  {
    code: internal,
    args: run('good.ipynb', '--autopsy', 'none'),
    preload: 'fault.mjs',
    why: 'a fault of its own',
  },
  {
    code: internal,
    args: run('slow.ipynb', '--autopsy', 'none'),
    preload: 'late-fault.mjs',
    why: 'a fault that nobody caught',
  },
  { code: interrupted, args: run('slow.ipynb'), interruptAt: /Protocol/, why: 'Ctrl-C' },
  {
    code: interrupted,
    args: run('slow.ipynb', '--seed', '2'),
    preload: 'break.mjs',
    why: 'Ctrl-Break, on Windows',
  },
  { code: usage, args: ['run', '--resume', at('out-0-good.ipynb')], why: 'it has finished' },
  { code: usage, args: ['run', '--resume', at('no-such-folder')], why: 'there is nothing to go on with' },
  { code: environment, args: ['run', '--resume', at('damaged')], why: 'its journal is damaged' },
  {
    code: invalidExperiment,
    args: ['run', '--resume', at('out-4-raising.ipynb'), '--max-minutes', '0.01'],
    why: 'still no valid run',
  },
  {
    code: interrupted,
    args: ['run', '--resume', at('out-0-slow.ipynb')],
    interruptAt: /Protocol/,
    why: 'Ctrl-C again',
  },

  { code: done, args: ['report', at('valid')], why: 'written' },
  { code: usage, args: ['report', at('no-such-folder')], why: 'no report' },
  { code: invalidExperiment, args: ['report', at('invalid')], why: 'no run is valid' },
  { code: invalidExperiment, args: ['report', '--line', at('invalid')], why: 'no run is valid' },
  { code: environment, args: ['report', at('damaged')], why: 'a damaged journal' },
  { code: done, args: ['report', at('bisected')], why: 'a bisect, written' },

  { code: done, args: ['verify', at('valid')], why: 'verified' },
  { code: failed, args: ['verify', at('altered')], why: 'a number differs' },
  { code: usage, args: ['verify', at('no-such-folder')], why: 'no report' },
  { code: invalidExperiment, args: ['verify', at('invalid')], why: 'true, and says nothing' },
  { code: done, args: ['verify', at('bisected')], why: 'a bisect, verified' },

  { code: done, args: ['merge', at('valid'), '--out', at('merged-valid')], why: 'merged' },
  {
    code: failed,
    args: ['merge', at('wedged'), '--out', at('merged-wedged'), '--fail-on', 'treatment-wedged'],
    why: 'a rule of --fail-on was met',
  },
  { code: usage, args: ['merge', at('valid'), '--out', at('valid')], why: 'the folder is not empty' },
  {
    code: invalidExperiment,
    args: ['merge', at('invalid'), '--out', at('merged-invalid')],
    why: 'no run is valid',
  },
  {
    code: environment,
    args: ['merge', at('damaged'), '--out', at('merged-damaged')],
    why: 'a damaged journal',
  },

  { code: done, args: ['tune', '--render', at('tuning')], why: 'a setting was chosen' },
  { code: failed, args: tune('good.ipynb'), why: 'nothing wedged' },
  { code: usage, args: tune('good.ipynb', '--minutes', '0'), why: 'no time' },
  { code: invalidExperiment, args: tune('raising.ipynb'), why: 'no run is valid' },
  { code: environment, args: tune('good.ipynb', ...NO_PYTHON), why: 'there is no such Python' },

  { code: usage, args: bisect('--bad', '1.0'), why: 'a release that there is not' },
  {
    code: environment,
    args: bisect('--bad', '7.4.0', ...NO_PYTHON, '--out', at('bisect-none')),
    why: 'there is no such Python',
  },
  {
    code: invalidExperiment,
    args: bisect(
      '--bad',
      '7.4.0',
      '--notebook',
      at('raising.ipynb'),
      '--max-runs',
      '6',
      '--out',
      at('bisect-invalid'),
    ),
    why: 'the bad release has no valid run',
  },

  { code: done, args: ['locate', report('locate-7.3.0'), '--out', at('located')], why: 'located' },
  {
    code: usage,
    args: ['locate', at('valid'), at('wedged'), '--out', at('located-2')],
    why: 'two of one path',
  },
  {
    code: invalidExperiment,
    args: ['locate', at('invalid'), '--out', at('located-3')],
    why: 'no run is valid',
  },
  {
    code: environment,
    args: ['locate', '--out', at('located-4'), ...NO_PYTHON],
    why: 'there is no such Python',
  },

  { code: usage, args: [at('no-such.ipynb')], why: 'no such notebook' },
  { code: environment, args: [at('good.ipynb'), ...NO_PYTHON], why: 'there is no such Python' },

  { code: usage, args: ['mechanism', '--pyzmq', 'x'], why: 'no version' },
  { code: environment, args: ['mechanism', '--env', at('no-such-python')], why: 'there is no such Python' },

  { code: ended.clean, args: exec('good.ipynb'), why: 'every cell executed' },
  { code: ended.clean, args: exec('text.ipynb'), why: 'there was none to execute' },
  { code: ended.cellRaised, args: exec('raising.ipynb'), why: 'a cell raised' },
  {
    code: ended.wedged,
    args: execOn('never-replies', '--attempts', '2', '--begin-timeout', '1', '--timeout', '30'),
    why: 'wedged every time',
  },
  { code: ended.endedOtherwise, args: exec('exiting.ipynb'), why: 'the kernel died' },
  {
    code: ended.endedOtherwise,
    args: exec('slow.ipynb', '--timeout', '1'),
    why: 'a cell passed its deadline',
  },
  { code: ended.endedOtherwise, args: execOn('dies-at-start'), why: 'the kernel did not start' },
  { code: ended.environment, args: exec('good.ipynb', ...NO_PYTHON), why: 'there is no such Python' },
  { code: ended.cellNotExecuted, args: execOn('aborting'), why: 'a cell was not executed' },
  { code: ended.badInput, args: exec('no-such.ipynb'), why: 'there is no such notebook' },
  { code: ended.badInput, args: exec('good.ipynb', '--timeout', 'soon'), why: 'a value that is none' },
  { code: ended.badInput, args: exec('good.ipynb', '--no-such-option'), why: 'an option that there is not' },
  { code: ended.badInput, args: execOn('no-such-kernel'), why: 'there is no such kernel' },
  { code: ended.internal, args: exec('good.ipynb'), preload: 'fault-in-exec.mjs', why: 'a fault of its own' },
  { code: ended.interrupted, args: exec('slow.ipynb'), interruptAt: /at most/, why: 'Ctrl-C' },
  { code: usage, args: run('text.ipynb'), why: 'an experiment needs a cell to execute' },
];

describe.skipIf(process.platform === 'win32')('the exit code of', () => {
  test.each(CASES.map((each) => [`soak ${each.args[0]}: ${each.code}, ${each.why}`, each] as const))(
    '%s',
    async (_name, { args, code, preload, interruptAt }) => {
      const soak = new SoakProcess(args, {
        variables: place.variables,
        ...(preload === undefined ? {} : { preload: [at(preload)] }),
      });
      if (interruptAt !== undefined) {
        while (!interruptAt.test(soak.said) && !soak.isOver)
          await new Promise((next) => setTimeout(next, 20));
        soak.process.kill('SIGINT');
      }
      await soak.ended;
      expect([soak.code, soak.said]).toEqual([code, expect.anything()]);
    },
    120_000,
  );

  test('every code of the contract is among them, and in docs/exit-codes.md', () => {
    const page = readFileSync(join(packageRoot(), 'docs', 'exit-codes.md'), 'utf8');
    const [ofOthers = '', ofExec = ''] = page.split('## Exit codes of soak exec');
    for (const [codes, text] of [
      [EXIT_CODES, ofOthers],
      [EXEC_EXIT_CODES, ofExec],
    ] as const) {
      const cases = CASES.filter(({ args }) => (args[0] === 'exec') === (text === ofExec));
      for (const code of Object.values(codes)) {
        expect(cases.some((each) => each.code === code)).toBe(true);
        expect(text).toMatch(new RegExp(`^\\| ${code} \\| `, 'm'));
      }
    }
  });
});
