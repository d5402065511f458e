import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../model/package-root.ts';
import { doseCurves } from './dose-response.ts';
import { parsedRecord, recordText, sealedRecord } from './record.ts';
import { tuningResults } from './results.ts';
import { tuningText } from './tuning-text.ts';
import { tuningFiles } from './write-tuning.ts';

// The committed evidence is the test's material: a real record of real runs.

const folder = join(packageRoot(), 'reports', 'tune-7.3.0');
const text = await readFile(join(folder, 'tuning.json'), 'utf8');
const record = parsedRecord(text, 'tuning.json');
const { sha256: _sha256, ...body } = record;

test('table and figures follow from the record, byte for byte', async () => {
  const files = tuningFiles(record);
  expect(files.map(({ path }) => path)).toEqual([
    'tuning.md',
    'figures/dose-response-light.svg',
    'figures/dose-response-dark.svg',
  ]);
  for (const { path, content } of files) {
    expect(content, path).toBe(await readFile(join(folder, path), 'utf8'));
  }
});

test('on 7.3.0 in three minutes: control wedges in most fresh runs, and least without latency', () => {
  const results = tuningResults(record);
  expect(record.environment.ipykernel).toBe('7.3.0');
  expect(record.budgetMinutes).toBe(3);
  expect(results.total.seconds).toBeLessThan(200);
  expect(results.chosen?.index).toBe(record.chosen);
  expect(results.confirmation?.rate).toBeGreaterThan(0.5);
  const [curve] = doseCurves(results);
  const [none, ...others] = curve?.points ?? [];
  expect(none?.spec).toBe('none');
  expect(none?.result.tally.runs).toBeGreaterThanOrEqual(4);
  for (const { result } of others) expect(result.hazard).toBeGreaterThan(none?.result.hazard as number);
});

test('the choice rests on the runs before it alone', () => {
  const without = tuningResults({ ...record, runs: record.runs.filter(({ phase }) => phase !== 'confirm') });
  expect(without.chosen).toEqual(tuningResults(record).chosen);
  expect(without.confirmation).toBeNull();
});

test('a record is read as it was written', () => {
  expect(recordText(record)).toBe(text);
  expect(sealedRecord(body)).toEqual(record);
});

test.each([
  ['a run changed', text.replace('"wedged-stranded"', '"completed"'), /hash/],
  ['a key added', text.replace('{', '{ "note": 1,'), /hash/],
  ['another version', text.replace('"schema": 1', '"schema": 3'), /schema is 3/],
  [
    'a run of version 2 without its status',
    recordText(sealedRecord({ ...body, schema: 2 })),
    /does not say what it counted as/,
  ],
  [
    'version 1 with another endpoint',
    recordText(sealedRecord({ ...body, endpoint: 'died' })),
    /version 1 has no endpoint died/,
  ],
  [
    'a treatment',
    recordText(sealedRecord({ ...body, arm: { ...body.arm, role: 'treatment' } })),
    /not a control/,
  ],
  [
    'a stray choice',
    recordText(sealedRecord({ ...body, chosen: 9_999 })),
    /a candidate that it does not have/,
  ],
  ['cut short', text.slice(0, 500), /not JSON/],
  ['no object', 'null', /schema is not stated/],
])('refused: %s', (_what, changed, reason) => {
  expect(changed).not.toBe(text);
  expect(() => parsedRecord(changed, 'tuning.json')).toThrow(reason);
});

test('a record of another endpoint counts by what each run was seen to be, and its flags repeat the endpoint', () => {
  // Its wedges are what this endpoint leaves out, and its completed runs had a slow cell where they took the longest.
  const runs = body.runs.map((run) => ({
    ...run,
    status:
      run.kind !== 'completed'
        ? ('competing' as const)
        : run.candidate === 3
          ? ('wedged' as const)
          : ('completed' as const),
  }));
  const slow = sealedRecord({ ...body, schema: 2, endpoint: 'slow', slowAfterMs: 250, runs });
  const read = parsedRecord(recordText(slow), 'tuning.json');
  const { total, chosen } = tuningResults(read);
  expect(total.wedged).toBe(runs.filter(({ status }) => status === 'wedged').length);
  expect(total.wedged).toBeGreaterThan(0);
  expect(total.invalid).toBe(runs.filter(({ status }) => status === 'competing').length);
  expect(chosen?.index).toBe(3);
  const shown = tuningText(read, tuningResults(read), 'tuning.json');
  expect(shown).toContain('--tuned tuning.json --endpoint slow --slow-after 250ms --until-decided');
  expect(tuningFiles(read)[0]?.content).toContain(
    'The event is `slow`. A run was slow if one of its cells took 250 ms or longer.',
  );
});

test('a record of lost output says what was expected, what each run lost, and the flags that expect it again', () => {
  const lost = [{ loss: 'missing' as const, cell: 3, output: 'stdout' }];
  const runs = body.runs.map((run) => {
    const hasLost = run.candidate === 3;
    const status = hasLost ? ('wedged' as const) : ('completed' as const);
    return { ...run, kind: 'completed' as const, status, losses: hasLost ? lost : [] };
  });
  const expected = {
    kind: 'file' as const,
    outputs: [body.notebooks[0]?.codeCells.map(() => 'f'.repeat(64)) ?? []],
    rulesSha256: 'a'.repeat(64),
    expect: 'executed.ipynb',
    sanitize: 'my rules.cfg',
  };
  const sealed = sealedRecord({ ...body, schema: 2, endpoint: 'lost-output', expected, runs });
  const read = parsedRecord(recordText(sealed), 'tuning.json');
  expect(read.runs.find(({ candidate }) => candidate === 3)?.losses).toEqual(lost);
  expect(tuningText(read, tuningResults(read), 'tuning.json')).toContain(
    "--tuned tuning.json --endpoint lost-output --expect executed.ipynb --sanitize 'my rules.cfg' --until-decided",
  );
  expect(tuningFiles(read)[0]?.content).toContain('Expected: the outputs of an executed notebook.');
});

test('the terminal has the table, the curve and the flags', () => {
  const shown = tuningText(record, tuningResults(record), 'reports/tune-7.3.0/tuning.json');
  expect(shown).toContain('--tuned reports/tune-7.3.0/tuning.json --until-decided --alpha 0.001');
  expect(shown).toMatch(/^Traffic +Latency +Cells/);
  expect(shown).toMatch(/none +0 ms │/);
  expect(shown).toContain('Fresh runs');
});
