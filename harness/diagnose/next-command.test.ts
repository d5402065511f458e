import { describe, expect, test } from 'vitest';
import { shellWords } from '../../tools/suites/docs-pages.ts';
import { parseCommand } from '../../tools/testing/parsed-command.ts';
import { asked, COMPLETED, type Ending, runsOf, STALLED, WEDGED, way } from './diagnosis.fixture.ts';
import { diagnosisOf } from './diagnosis.ts';
import { type Asked, commandText, nextArguments } from './next-command.ts';

const RAISED: Ending = { kind: 'cell-error', cell: 0, error: { ename: 'KeyError', evalue: 'x' } };
const BUSY: Ending = { kind: 'busy', cell: 2, source: 'notebook' };

const CASES: readonly [string, Ending, Ending][] = [
  ['nothing', COMPLETED, COMPLETED],
  ['a wedge', WEDGED, WEDGED],
  ['a stall', COMPLETED, STALLED],
  ['a wedge and a stall', WEDGED, STALLED],
  ['an exception', RAISED, RAISED],
  ['a cell that takes too long', BUSY, BUSY],
  ['a death', { kind: 'died', cell: 1, source: 'kernel' }, COMPLETED],
  ['a start that failed', { kind: 'start-failed', source: 'kernel' }, COMPLETED],
];
const WAYS_TO_ASK: readonly [string, Partial<Asked>][] = [
  ['by default', {}],
  ['with an environment', { given: ['--env', '/my venv'], environment: ['--env', '/my venv'] }],
  ['with a Python', { given: ['--python', 'python3.12'], environment: ['--python', 'python3.12'] }],
  ['with packages', { given: ['--with', 'pandas==2.3.3'], environment: ['--with', 'pandas==2.3.3'] }],
  ['with a release', { given: ['--arm', 'ipykernel==7.2.0'], arm: 'ipykernel==7.2.0' }],
  ['with another client', { given: ['--client', 'papermill'], client: 'papermill' }],
  ['with a kernel', { given: ['--kernel', 'ir'], arm: null }],
  ['with a deadline', { timeoutSeconds: 120, isTimeoutGiven: true }],
  ['with a name that a shell takes apart', { notebook: 'my; notebook (1).ipynb', folder: 'my reports (1)' }],
];

describe.each(CASES)('after %s, the next command', (_what, direct, client) => {
  test.each(WAYS_TO_ASK)('%s is one line that parses as it stands', async (_how, change) => {
    const diagnosis = diagnosisOf([
      way('direct', '7.2.0', runsOf(3, direct)),
      way('nbclient', '7.2.0', runsOf(3, client)),
    ]);
    const args = nextArguments(diagnosis, asked(change));
    const text = commandText(args);
    expect(text).not.toContain('\n');
    // What a shell makes of the line is what was meant.
    expect(shellWords(text)).toEqual(['npm', 'run', 'soak', '--', ...args]);
    await parseCommand(args);
  });
});

test('the cure of a wedge is tried on the environment in which it was seen', () => {
  const diagnosis = diagnosisOf([
    way('direct', '7.2.0', runsOf(3, WEDGED)),
    way('nbclient', '7.2.0', runsOf(3, WEDGED)),
  ]);
  const env = ['--env', '~/venv'];
  expect(nextArguments(diagnosis, asked({ given: env, environment: env }))).toEqual([
    ...['locate', '--notebook', 'my.ipynb', '--env', '~/venv', '--arms', 'control,stream'],
  ]);
  expect(nextArguments(diagnosis, asked({ arm: 'ipykernel==7.2.0' })).slice(-2)).toEqual([
    ...['--arms', 'ipykernel==7.2.0,stream + ipykernel==7.2.0'],
  ]);
});
