import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readJournal } from '../../harness/journal/read.ts';
import { ENDPOINTS, type Endpoint } from '../../harness/model/endpoint.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { runStatus } from '../../harness/model/run-status.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import { controlMarkdown } from '../endpoints/control-document.ts';
import {
  firstArm,
  isCountedRight,
  isCovered,
  type MadeRepeat,
  planKey,
} from '../endpoints/control-results.ts';
import { FAULT_ROWS, faultRow } from '../endpoints/fault-rows.ts';
import { repeat, withRepeats } from '../endpoints/repeat.ts';
import { hasProcessorTimes } from '../testing/processor-times.ts';
import { testPython } from '../testing/test-python.ts';

// The whole positive controls are `npm run endpoint-controls`. Here each endpoint has one repeat, on a kernel that
// commits its fault in 6 of 10 runs (or, for `stalled`, has its client commit it) and a competing one in 2 of 10.

const RUNS = 14;
let python: string;
let context: RunContext;
let close: () => void;
let closed: Promise<void>;

beforeAll(async () => {
  python = await testPython();
  await new Promise<void>((ready, failed) => {
    closed = withRepeats(python, (made) => {
      context = made;
      ready();
      return new Promise<void>((resolve) => {
        close = resolve;
      });
    });
    closed.catch(failed);
  });
});

afterAll(async () => {
  close();
  await closed;
});

describe('a fault of known probability is counted', () => {
  test.for(FAULT_ROWS.map(({ name }) => name))('%s', async (name, { skip }) => {
    const row = faultRow(name);
    skip(row.client !== undefined && !hasProcessorTimes, 'this system does not say which process is idle');
    const plan = { chance: 0.6, competingChance: row.competing === null ? 0 : 0.2, seed: 1 };
    const design = { ...plan, row, runs: RUNS, arms: 1, concurrency: 7 } as const;
    const made: MadeRepeat = { ...plan, row: name, runs: RUNS, ...(await repeat(design, context, python)) };
    const { drawn, events, certified } = firstArm(made);
    expect(Object.values(drawn).reduce((sum, count) => sum + count, 0)).toBe(RUNS);
    for (const fault of row.faults) expect(drawn[fault]).toBeGreaterThan(0);
    if (row.competing !== null) expect(drawn[row.competing]).toBeGreaterThan(0);
    expect(isCountedRight(made, row), JSON.stringify(made.arms)).toBe(true);
    expect(isCovered(made)).toBe(true);
    if (name === 'stalled') expect(certified).toBe(events);
  });
});

describe('the committed results', () => {
  const folder = join(packageRoot(), 'reports', 'endpoints');
  const repeatsOf = (file: string): MadeRepeat[] =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const made = repeatsOf('repeats.jsonl');

  test('give the committed page', () => {
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe(
      controlMarkdown(made, repeatsOf('overloaded.jsonl')),
    );
  });

  test('name each repeat once, and each counts what its kernels had drawn', () => {
    expect(new Set(made.map(planKey)).size).toBe(made.length);
    for (const each of made) expect(isCountedRight(each, faultRow(each.row)), planKey(each)).toBe(true);
  });
});

// Far above what these runs take: a healthy kernel is not slow.
const SLOW_AFTER_MS = 9_000;
// This journal was made before outputs were compared, memory was sampled and cells were interrupted: it cannot answer for
// them.
const UNOBSERVED: readonly Endpoint[] = ['lost-output', 'memory', 'interrupt'];
const OBSERVED = ENDPOINTS.filter((endpoint) => !UNOBSERVED.includes(endpoint));

test.each(OBSERVED)('ipykernel 7.4.0, as released, has 0 events in 200 runs: %s', async (endpoint) => {
  const { runs, experiment } = (await readJournal(join(packageRoot(), 'reports', 'kernel-7.4.0'))).journal;
  expect(experiment.environment.ipykernel).toBe('7.4.0');
  const statuses = runs.map((run) => runStatus(run, { endpoint, slowAfterMs: SLOW_AFTER_MS }));
  expect(statuses).toEqual(Array(200).fill('completed'));
});
