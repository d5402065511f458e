import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { outputContradictions } from '../audit/contradictions.ts';
import { figureFiles } from '../report/figures/svg.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { type Difference, folderDifferences } from '../report/verify.ts';
import { type ReportFile, writeFiles } from '../report/write-report.ts';
import { bisectDocument, endOf } from './document.ts';
import { posteriorPlan } from './figure.ts';
import { BISECT_JOURNAL, type BisectJournal, readBisect } from './journal.ts';
import { type BisectState, bisectState } from './results.ts';
import { nextPlan } from './session.ts';

/** Decimals of a probability in JSON: enough to compare, few enough to be the same on every machine. */
const DECIMALS = 6;

function rounded(value: number): number {
  return Number(value.toFixed(DECIMALS));
}

/** `bisect.json`: the result as numbers. */
function summaryOf(journal: BisectJournal, state: BisectState) {
  const { protocol, protocolSha256 } = journal.bisect;
  const { posterior } = state.belief;
  const name = (release: number) => protocol.releases[release] ?? null;
  return {
    schema: 1,
    package: protocol.package,
    protocolSha256,
    journalSha256: journal.sha256,
    end: endOf(journal),
    claim: {
      // Empty where a label is wrong: the good release has it already, the fixed one still has it.
      brought: state.claim.brought.filter((release) => release > 0).map(name),
      alreadyInGood: state.claim.brought.includes(0),
      cured: state.claim.cured?.filter((release) => release < protocol.releases.length).map(name) ?? null,
      stillInFixed: state.claim.cured?.includes(protocol.releases.length) ?? null,
      probability: rounded(state.claim.probability),
      confidence: protocol.confidence,
    },
    releases: protocol.releases.map((release, index) => ({
      release,
      ...state.tallies[index],
      brought: index <= protocol.bad ? rounded(posterior.brought[index] ?? 0) : null,
      cured: index > protocol.bad ? rounded(posterior.cured[index - protocol.bad - 1] ?? 0) : null,
    })),
    alreadyInGood: rounded(posterior.brought[0] ?? 0),
    stillInFixed: posterior.cured.length === 0 ? null : rounded(posterior.cured.at(-1) ?? 0),
    controlRate: rounded(posterior.controlRate),
    falseRate: rounded(posterior.falseRate),
    blindShare: rounded(posterior.blindShare),
    runs: state.runs,
    batches: state.batches.length,
  };
}

/** What follows from a journal. Pure: the same journal, the same bytes. */
function bisectFiles(journal: BisectJournal, state: BisectState = bisectState(journal)): ReportFile[] {
  const plan = posteriorPlan(journal.bisect.protocol, state);
  return [
    { path: 'bisect.md', content: markdownDocument(bisectDocument(journal, state), [plan]) },
    { path: 'bisect.json', content: `${JSON.stringify(summaryOf(journal, state), null, 1)}\n` },
    ...figureFiles([plan]),
  ];
}

/** @throws SoakError `report-not-written` */
export async function writeBisect(
  folder: string,
  journal: BisectJournal,
  state?: BisectState,
): Promise<string[]> {
  return writeFiles(folder, bisectFiles(journal, state));
}

/** Whether a folder, or the folder of a file, holds a bisect. */
export async function isBisect(target: string): Promise<boolean> {
  const isFile = await stat(target).then(
    (found) => found.isFile(),
    () => false,
  );
  return stat(join(isFile ? dirname(target) : target, BISECT_JOURNAL)).then(
    () => true,
    () => false,
  );
}

/**
 * Batches that are not what belief and seed called for: the allocation is part of what a journal must follow.
 */
function allocationDifferences(journal: BisectJournal): Difference[] {
  const differences: Difference[] = [];
  let state: BisectState | null = null;
  journal.batches.forEach(({ plan }, index) => {
    // Releases that this batch was to be of, and that could not be run, were known by then.
    const skips = journal.skips.filter(({ batch }) => batch <= index);
    const known = { ...journal, skips, batches: journal.batches.slice(0, index) };
    state = bisectState(known, state);
    const expected = nextPlan(journal.bisect.protocol, state);
    const words = (each: typeof plan | null) =>
      each === null ? 'no batch' : `release ${each.probe}, order ${each.order.join(' ')}`;
    if (words(plan) !== words(expected)) {
      differences.push({
        file: BISECT_JOURNAL,
        place: `batch ${index}`,
        found: words(plan),
        recomputed: words(expected),
      });
    }
  });
  return differences;
}

/** Losses that do not follow from the outputs that the journal holds. */
function outputDifferences({ bisect: { protocol }, batches, outputs }: BisectJournal): Difference[] {
  const { expected, notebook } = protocol;
  return batches
    .flatMap(({ runs }) => runs)
    .flatMap((run) => outputContradictions(run, { expected, notebooks: [notebook] }, outputs))
    .map(({ place, found, expected }) => ({ file: BISECT_JOURNAL, place, found, recomputed: expected }));
}

/** A bisect's folder, compared with what its journal gives. */
export interface BisectVerification {
  readonly journal: BisectJournal;
  readonly differences: readonly Difference[];
  readonly files: readonly string[];
}

/**
 * Works everything out again from the journal: what each batch had to be, what each run lost of the expected outputs,
 * and every file beside it.
 *
 * @param target the folder, or a file in it
 * @throws SoakError `no-journal`, `bad-journal`
 */
export async function verifyBisect(target: string): Promise<BisectVerification> {
  const folder = (await stat(target)).isDirectory() ? target : dirname(target);
  const { journal } = await readBisect(folder);
  const files = bisectFiles(journal);
  const chosen = folder === target ? files : files.filter(({ path }) => basename(path) === basename(target));
  return {
    journal,
    differences: [
      ...allocationDifferences(journal),
      ...outputDifferences(journal),
      ...(await folderDifferences(folder, chosen)),
    ],
    files: chosen.map(({ path }) => path),
  };
}
