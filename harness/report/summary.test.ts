import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FIVE_ARMS, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';
import { summary, summaryJson } from './summary.ts';
import { summaryJsonSchema, summarySchema } from './summary-schema.ts';

const SCHEMA_FILE = fileURLToPath(new URL('./summary.schema.json', import.meta.url));

it('has a published schema that is in step (UPDATE_SCHEMA=1 writes it anew)', async () => {
  if (process.env['UPDATE_SCHEMA'] === '1') await writeFile(SCHEMA_FILE, summaryJsonSchema());
  // As values: the formatter has its own idea of where lines break.
  expect(JSON.parse(await readFile(SCHEMA_FILE, 'utf8'))).toEqual(JSON.parse(summaryJsonSchema()));
});

describe('summary.json', () => {
  it.each([
    ['five arms', syntheticJournal()],
    ['no runs at all', { ...syntheticJournal(), runs: [], sessions: [] }],
    ['one arm', syntheticJournal({ arms: FIVE_ARMS.slice(2, 3) })],
    [
      'an e-process',
      syntheticJournal({
        protocol: { decision: { stopping: 'until-decided', test: 'e-process', alpha: 0.001, p0: null } },
      }),
    ],
    [
      'an A/A pair',
      syntheticJournal({
        arms: [...FIVE_ARMS.slice(0, 1), { name: 'again', role: 'control', hazard: 0.02 }],
      }),
    ],
  ])('follows its schema, and nothing more is in it: %s', (_what, journal) => {
    const report = buildReport(journal);
    expect(summarySchema.parse(summary(report))).toEqual(summary(report));
    expect(JSON.parse(summaryJson(report))).toEqual(summary(report));
  });
});
