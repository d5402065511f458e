import { describe, expect, test } from 'vitest';
import { experimentRecord, runRecord } from '../journal/journal.fixture.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { SameErrorWatch, sameErrorReason } from './same-error.ts';

const { protocol: whole } = experimentRecord();
const notebooks = whole.notebooks.slice(0, 1);
const protocol: Protocol = { ...whole, notebooks };
const names = protocol.arms.map(({ name }) => name);
const [first = ''] = names;
const RANGE = { first: 0, end: 20 };

function raising(block: number, arm: string, ename = 'ModuleNotFoundError', cell = 0): RunRecord {
  const record = runRecord(block, arm);
  const error = { ename, evalue: "No module named 'pandas'" };
  return { ...record, outcome: { ...record.outcome, kind: 'cell-error', source: 'notebook', cell, error } };
}

function found(runs: readonly RunRecord[], of: Protocol = protocol, recorded: readonly RunRecord[] = []) {
  const watch = new SameErrorWatch(of, RANGE, recorded);
  for (const run of runs) watch.add(run);
  return watch.found;
}

const everyArm = (block = 0) => names.map((name) => raising(block, name));

test('an error of every arm at the same cell of the first block stops the experiment', () => {
  const error = found(everyArm());
  expect(error).toEqual({ cell: 0, ename: 'ModuleNotFoundError', evalue: "No module named 'pandas'" });
  expect(error && sameErrorReason(error, protocol)).toBe('cell 0 raised ModuleNotFoundError in every arm');
  expect(found(everyArm().slice(1))).toBeNull();
});

test('a run of the first block may stop it, so that no other run begins meanwhile', () => {
  const watch = new SameErrorWatch(protocol, RANGE, []);
  expect([0, 1].map((block) => watch.mayStop(block))).toEqual([true, false]);
  for (const run of everyArm()) watch.add(run);
  expect(watch.mayStop(0)).toBe(false);
});

describe('it goes on', () => {
  const others = everyArm().slice(1);
  test.each<[string, readonly RunRecord[]]>([
    ['where one arm completes', [runRecord(0, first), ...others]],
    ['where one arm raises another error', [raising(0, first, 'KeyError'), ...others]],
    ['where one arm raises at another cell', [raising(0, first, 'ModuleNotFoundError', 1), ...others]],
    [
      'where every arm raises only in a later block',
      [...names.map((name) => runRecord(0, name)), ...everyArm(1)],
    ],
  ])('%s', (_, runs) => {
    expect(found(runs)).toBeNull();
  });

  test.each(['cell-error', 'any', 'start-failed'] as const)('for the endpoint %s', (endpoint) => {
    expect(found(everyArm(), { ...protocol, endpoint })).toBeNull();
  });

  test('where output was lost before the error, and that is the question', () => {
    const losses = [{ loss: 'missing' as const, cell: 0, output: 'stdout' }];
    const lost = everyArm().map((run) => ({ ...run, losses }));
    expect(found(lost, { ...protocol, endpoint: 'lost-output' })).toBeNull();
    expect(found(everyArm(), { ...protocol, endpoint: 'lost-output' })).not.toBeNull();
  });

  test('with several notebooks, of which others may do', () => {
    const [notebook] = notebooks;
    const two = notebook === undefined ? [] : [notebook, { ...notebook, name: 'other.ipynb' }];
    expect(found(everyArm(), { ...protocol, notebooks: two })).toBeNull();
  });

  test('when it is resumed after the first block', () => {
    expect(found(everyArm(1), protocol, everyArm())).toBeNull();
    const [resumed = raising(0, first), ...before] = everyArm();
    expect(found([resumed], protocol, before)).not.toBeNull();
  });
});

test('a lone arm has to raise twice', () => {
  const alone = { ...protocol, arms: protocol.arms.slice(0, 1) };
  const runs = [raising(0, first), raising(1, first)];
  expect(found(runs.slice(0, 1), alone)).toBeNull();
  const error = found(runs, alone);
  expect(error && sameErrorReason(error, alone)).toBe('cell 0 raised ModuleNotFoundError in every run');
  expect(found([raising(0, first), runRecord(1, first)], alone)).toBeNull();
});

test('an experiment that is over with these runs ends as planned', () => {
  const watch = new SameErrorWatch(protocol, { first: 0, end: 1 }, []);
  for (const run of everyArm()) watch.add(run);
  expect(watch.found).toBeNull();
});
