import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bisectProtocol, emptyBisect, simulatedBisect } from '../../tools/testing/simulated-bisect.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { canonicalJson } from '../model/canonical.ts';
import { type CellListing, cellOutputsRecord, listingHash } from '../model/cell-outputs.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { seededUniform } from '../stats/random.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { bisectDocument } from './document.ts';
import {
  BISECT_JOURNAL,
  type BisectEntry,
  type BisectProtocol,
  parseBisectJournal,
  readBisect,
} from './journal.ts';
import { bisectState } from './results.ts';
import { nextPlan } from './session.ts';
import { verifyBisect, writeBisect } from './write-bisect.ts';

/** Releases of this half-open range of indices wedge at this rate, by a toss of each run's own seed. */
function wedges(protocol: BisectProtocol, from: number, to: number, rate: number) {
  return ({ arm, seed }: RunOrder): OutcomeKind => {
    const release = protocol.releases.indexOf(arm);
    const hasIt = release >= from && release < to;
    return hasIt && seededUniform(seed % 2 ** 31, 'toss')() < rate ? 'wedged-stranded' : 'completed';
  };
}

function journalText(protocol: BisectProtocol, entries: readonly BisectEntry[]): Buffer {
  const all = [emptyBisect(protocol).bisect, ...entries];
  return Buffer.from(all.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

describe('a bisect', () => {
  test.each([
    { rate: 1, from: 1, to: 6 },
    { rate: 0.6, from: 3, to: 6 },
    { rate: 0.6, from: 5, to: 6 },
  ])('finds what brought and what cured it at a rate of $rate', async ({ rate, from, to }) => {
    const protocol = bisectProtocol();
    const { end } = await simulatedBisect(emptyBisect(protocol), {
      outcomeOf: wedges(protocol, from, to, rate),
    });
    expect(end).toMatchObject({ event: 'finished', reason: 'found' });
    expect(end.state.claim).toMatchObject({ brought: [from], cured: [to] });
    expect(end.state.claim.probability).toBeGreaterThanOrEqual(0.95);
  });

  test('finds that a label is wrong', async () => {
    const protocol = bisectProtocol();
    const { end } = await simulatedBisect(emptyBisect(protocol), { outcomeOf: wedges(protocol, 0, 7, 1) });
    expect(end.state.claim).toMatchObject({ brought: [0], cured: [7] });
  });

  test('says so where its control never wedges, and where the budget is spent', async () => {
    const protocol = bisectProtocol();
    const clean = await simulatedBisect(emptyBisect(protocol), { outcomeOf: () => 'completed' });
    expect(clean.end).toMatchObject({ event: 'finished', reason: 'not-reproduced' });
    const short = bisectProtocol({ maxRuns: 5 });
    const spent = await simulatedBisect(emptyBisect(short), { outcomeOf: wedges(short, 1, 6, 1) });
    expect(spent.end).toMatchObject({ event: 'finished', reason: 'max-runs' });
    expect(spent.end.state.runs).toBeLessThanOrEqual(5);
    // Nothing was seen in so few runs: then the likeliest release is what was believed before the first.
    const unseen = await simulatedBisect(emptyBisect(short), { outcomeOf: () => 'completed' });
    expect(unseen.end).toMatchObject({ event: 'finished', reason: 'max-runs' });
    const { journal } = parseBisectJournal(journalText(short, unseen.entries), BISECT_JOURNAL);
    const markdown = markdownDocument(bisectDocument(journal, unseen.end.state), []);
    expect(markdown).toMatch(
      /\*\*Undecided\*\*: none of \d+ runs wedged, so nothing can be said of any release/,
    );
    expect(markdown).not.toContain('most probably');
    const brief = bisectProtocol({ maxMinutes: 0.1 });
    const late = await simulatedBisect(emptyBisect(brief), { outcomeOf: wedges(brief, 1, 6, 1) });
    expect(late.end).toMatchObject({ event: 'finished', reason: 'max-minutes' });
  });

  test('passes over a release that cannot be run, and names it with its neighbour', async () => {
    const protocol = bisectProtocol();
    const { end, entries } = await simulatedBisect(emptyBisect(protocol), {
      outcomeOf: wedges(protocol, 2, 6, 1),
      unusable: (release) => (release === 1 ? 'it needs a compiler' : null),
    });
    expect(end.reason).toBe('found');
    expect(end.state.claim.brought).toEqual([1, 2]);
    expect(entries).toContainEqual(expect.objectContaining({ type: 'skip', release: 1 }));
  });

  test('counts an invalid run as nothing', async () => {
    const protocol = bisectProtocol();
    const real = wedges(protocol, 1, 6, 1);
    const { end } = await simulatedBisect(emptyBisect(protocol), {
      outcomeOf: (order) => (order.block === 0 ? 'start-failed' : real(order)),
    });
    expect(end.reason).toBe('found');
    expect(end.state.tallies.reduce((sum, { invalid }) => sum + invalid, 0)).toBeGreaterThan(0);
    expect(end.state.claim).toMatchObject({ brought: [1], cured: [6] });
  });

  test('goes on where it was interrupted, to the same journal as if it had not been', async () => {
    const protocol = bisectProtocol({ seed: 9 });
    const outcomeOf = wedges(protocol, 1, 6, 0.7);
    const whole = await simulatedBisect(emptyBisect(protocol), { outcomeOf });
    const runsOf = (entries: readonly BisectEntry[]) => entries.filter(({ type }) => type === 'run');
    for (const interruptedAt of [0, 1, 4, 7]) {
      const first = await simulatedBisect(emptyBisect(protocol), { outcomeOf, interruptedAt });
      expect(first.end.event).toBe('interrupted');
      const { journal } = parseBisectJournal(journalText(protocol, first.entries), BISECT_JOURNAL);
      expect(journal.abandoned).toHaveLength(1);
      const second = await simulatedBisect(journal, { outcomeOf });
      expect(second.end.reason).toBe('found');
      expect([...runsOf(first.entries), ...runsOf(second.entries)]).toEqual(runsOf(whole.entries));
    }
  });

  test('chooses every batch by what its journal says and its seed', async () => {
    const protocol = bisectProtocol({ seed: 3 });
    const { entries } = await simulatedBisect(emptyBisect(protocol), {
      outcomeOf: wedges(protocol, 1, 6, 0.7),
    });
    const { journal } = parseBisectJournal(journalText(protocol, entries), BISECT_JOURNAL);
    journal.batches.forEach(({ plan }, index) => {
      const before = bisectState({ ...journal, batches: journal.batches.slice(0, index) });
      expect(nextPlan(protocol, before)).toEqual(plan);
    });
  });
});

describe('a bisect of another endpoint', () => {
  const toss = ({ seed }: RunOrder, rate: number) => seededUniform(seed % 2 ** 31, 'toss')() < rate;
  const releaseOf = (protocol: BisectProtocol, { arm }: RunOrder) => protocol.releases.indexOf(arm);

  test('finds the release that brought a crash, among releases that wedge', async () => {
    const protocol = bisectProtocol({ endpoint: 'died' });
    // A wedge came with release 1; the crash came with release 4, and release 6 cured it.
    const outcomeOf = (order: RunOrder): OutcomeKind => {
      const release = releaseOf(protocol, order);
      if (release >= 4 && release < 6 && toss(order, 0.6)) return 'died';
      return release >= 1 && order.seed % 4 === 0 ? 'wedged-stranded' : 'completed';
    };
    const { end, entries } = await simulatedBisect(emptyBisect(protocol), { outcomeOf });
    expect(end.reason).toBe('found');
    expect(end.state.claim).toMatchObject({ brought: [4], cured: [6] });
    const { journal } = parseBisectJournal(journalText(protocol, entries), BISECT_JOURNAL);
    const markdown = markdownDocument(bisectDocument(journal, end.state), []);
    expect(markdown).toContain('The event is `died`. The kernel died in a run if its process ended');
    expect(markdown).toMatch(/## Excluded[\s\S]*: wedged-stranded/);
  });

  test('counts a slow cell of a run that completed, by the limit in its protocol', async () => {
    const protocol = bisectProtocol({ endpoint: 'slow', slowAfterMs: 5_000 });
    const slowFrom2 = (order: RunOrder) => {
      const release = releaseOf(protocol, order);
      return { cellMs: [40, release >= 2 && release < 6 && toss(order, 0.8) ? 5_001 : 4_999] };
    };
    const { end, entries } = await simulatedBisect(emptyBisect(protocol), {
      outcomeOf: () => 'completed',
      seenIn: slowFrom2,
    });
    expect(end.state.claim).toMatchObject({ brought: [2], cured: [6] });
    const { journal } = parseBisectJournal(journalText(protocol, entries), BISECT_JOURNAL);
    const markdown = markdownDocument(bisectDocument(journal, end.state), []);
    expect(markdown).toContain('A run was slow if one of its cells took 5 s or longer.');
    expect(markdown).toContain('completed (slow)');
  });
});

describe('a bisect of lost output', () => {
  const listing = (text: string): CellListing => ({
    outputs: text === '' ? [] : [{ type: 'stream', name: 'stdout', parts: { 'text/plain': text } }],
  });
  const [whole, nothing] = [listing('of the cell\n'), listing('')];
  const LOST = [{ loss: 'missing' as const, cell: 0, output: 'stdout' }];
  const expected = { kind: 'saved' as const, outputs: [[listingHash(whole)]], rulesSha256: '0' };
  const protocol = bisectProtocol({ endpoint: 'lost-output', expected });
  const made = simulatedBisect(emptyBisect(protocol), {
    outcomeOf: () => 'completed',
    seenIn: ({ arm, seed }) => {
      const release = protocol.releases.indexOf(arm);
      const hasLost = release >= 3 && release < 6 && seededUniform(seed % 2 ** 31, 'toss')() < 0.8;
      return {
        cellMs: [20],
        losses: hasLost ? LOST : [],
        outputs: [listingHash(hasLost ? nothing : whole)],
      };
    },
  });

  async function folderOf(change: (text: string) => string): Promise<string> {
    const folder = temporaryFolder();
    const entries = [cellOutputsRecord(whole), cellOutputsRecord(nothing), ...(await made).entries];
    const end: BisectEntry = { type: 'session', at: '', event: 'finished', reason: 'found', abandoned: [] };
    const text = journalText(protocol, [...entries, end]).toString();
    await writeFile(join(folder, BISECT_JOURNAL), change(text));
    await writeBisect(folder, (await readBisect(folder)).journal);
    return folder;
  }

  test('finds the release that brought it, and says what was expected', async () => {
    const { end } = await made;
    expect(end.state.claim).toMatchObject({ brought: [3], cured: [6] });
    const folder = await folderOf((text) => text);
    const { differences } = await verifyBisect(folder);
    expect(differences).toEqual([]);
    expect(await readFile(join(folder, 'bisect.md'), 'utf8')).toContain(
      'Expected: the outputs that the notebook was saved with.',
    );
  });

  test('is contradicted by the outputs where a loss was taken away or made up', async () => {
    const folder = await folderOf((text) => text.replace(JSON.stringify(LOST), '[]'));
    const { differences } = await verifyBisect(folder);
    expect(differences).toContainEqual({
      file: BISECT_JOURNAL,
      place: expect.stringMatching(/^run b\d+.*, losses by its outputs$/),
      found: '[]',
      recomputed: canonicalJson(LOST),
    });
  });

  test('is refused with outputs that were changed', async () => {
    await expect(folderOf((text) => text.replace('of the cell', 'of a cell!'))).rejects.toThrow(
      /holds outputs of a cell that do not have the hash/,
    );
  });
});

describe('a journal', () => {
  const protocol = bisectProtocol();
  const made = simulatedBisect(emptyBisect(protocol), { outcomeOf: wedges(protocol, 1, 6, 1) });
  const text = async () => journalText(protocol, (await made).entries).toString();

  test('cut short in its last line is read up to there', async () => {
    const whole = await text();
    const { journal, wholeBytes } = parseBisectJournal(Buffer.from(whole.slice(0, -20)), BISECT_JOURNAL);
    expect(journal.torn).toBe(true);
    expect(wholeBytes).toBe(whole.lastIndexOf('\n', whole.length - 2) + 1);
  });

  test.each<[string, (lines: string[]) => string[], RegExp]>([
    [
      'a protocol that was changed',
      ([first = '', ...rest]) => [first.replace('"seed":1', '"seed":2'), ...rest],
      /does not have the hash/,
    ],
    ['no protocol', ([, ...rest]) => rest, /does not begin/],
    ['a line that is no record', (lines) => [...lines.slice(0, 2), '{}', ...lines.slice(2)], /line 3/],
    [
      'a run twice',
      (lines) => [...lines, lines.findLast((line) => line.includes('"type":"run"')) ?? ''],
      /out of its turn/,
    ],
    [
      'a run that was never begun',
      (lines) => lines.filter((line) => !line.includes('"type":"begin"')),
      /never begun/,
    ],
    [
      'a batch twice',
      (lines) => [...lines, lines.find((line) => line.includes('"type":"batch"')) ?? ''],
      /is batch 0 where/,
    ],
  ])('with %s is refused', async (_what, change, reason) => {
    const lines = (await text()).split('\n').slice(0, -1);
    const changed = Buffer.from(`${change(lines).join('\n')}\n`);
    expect(() => parseBisectJournal(changed, BISECT_JOURNAL)).toThrow(reason);
  });
});
