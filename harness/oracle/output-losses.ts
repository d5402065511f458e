import { diffArrays } from 'diff';
import { canonicalJson } from '../model/canonical.ts';
import { type CellListing, type KeptText, type ListedOutput, MAX_LISTED } from '../model/cell-outputs.ts';
import type { OutputLoss } from '../model/output-loss.ts';
import {
  type Change,
  isCut,
  isNumber,
  isSameText,
  lines,
  mayBeValue,
  textChanges,
} from './text-difference.ts';

/** A part of what a cell was to show that is not at its place. */
interface Lost {
  readonly cell: number;
  /** The order in which losses of a cell are named. */
  readonly place: number;
  readonly output: string;
  /** What another cell must show for it to be there: a stream's text, or the whole output. */
  readonly sought: string;
  readonly isStream: boolean;
  /** What it is if it is nowhere else. */
  readonly otherwise: OutputLoss;
  /** What is in its place. If no other cell lacks that, it is the same output with another content. */
  readonly instead?: { readonly extra: Extra; readonly loss: Pick<OutputLoss, 'loss' | 'at'> };
}

/** What a cell shows beyond what was expected of it. */
interface Extra {
  readonly cell: number;
  readonly place: number;
  readonly output: string;
  readonly isStream: boolean;
  /** Without what other cells lack. */
  text: string;
  readonly whole: string;
  /** Whether it repeats what the cell was to show, so that it is a double if no other cell lacks it. */
  readonly repeats: (text: string) => boolean;
}

interface Named extends OutputLoss {
  readonly place: number;
}

/**
 * What became of the outputs that a run was to show: which are missing, doubled, cut short, or under another cell, and
 * which only differ. An empty list: all of them are there, and nothing else.
 *
 * - Streams are compared as joined texts. Lines that are gone make a stream `cut`, and `at` is the number of characters
 *   that came; no text at all makes it `missing`. Lines that came twice make it `doubled`.
 * - Other outputs are compared as a list. One that is there, but in another order, differs.
 * - What a cell lacks is looked for in the cells after it, the nearest first, and then in those before it. Text is also
 *   found inside the text of another cell's stream.
 * - A cell that raised an error that was not expected took another course: it differs, and nothing of it is lost.
 * - A change that may be one of a value (`12` for `1`) differs.
 *
 * @param expected by cell; `null`: nothing is known of what the cell is to show
 * @param seen by cell, of the cells that are compared: those that were answered
 */
export function outputLosses(
  expected: readonly (CellListing | null)[],
  seen: readonly CellListing[],
): OutputLoss[] {
  const named: Named[] = [];
  const lost: Lost[] = [];
  const extras: Extra[] = [];
  for (const [cell, shown] of seen.entries()) {
    const wanted = expected[cell] ?? null;
    if (wanted === null) {
      for (const output of shown.outputs) extras.push({ ...extraOf(cell, output), repeats: () => false });
      continue;
    }
    if (canonicalJson(wanted) === canonicalJson(shown)) continue;
    const raised = shown.outputs.find(
      ({ type, name }) => type === 'error' && !wanted.outputs.some((each) => isNamed(each, type, name)),
    );
    if (raised !== undefined) {
      named.push({ loss: 'differs', cell, output: labelOf(raised), place: 0 });
      continue;
    }
    compareStreams(cell, wanted, shown, { named, lost, extras });
    compareOthers(cell, wanted, shown, { named, lost, extras });
    named.push(...moreLosses(cell, wanted, shown));
  }
  const nowhere = lost.filter((each) => {
    const { moved, isWhole } = whereabouts(each, extras);
    named.push(...moved);
    return !isWhole;
  });
  for (const { cell, place, output, otherwise, instead } of nowhere) {
    const isAnother = instead !== undefined && instead.extra.text === instead.extra.whole;
    if (isAnother) instead.extra.text = '';
    named.push({ ...(isAnother ? { ...instead.loss, cell, output } : otherwise), place });
  }
  for (const { cell, place, output, text, repeats } of extras) {
    if (text === '' || expected[cell] == null) continue;
    named.push({ loss: repeats(text) ? 'doubled' : 'differs', cell, output, place });
  }
  return distinct(named.sort((a, b) => a.cell - b.cell || a.place - b.place));
}

interface Findings {
  readonly named: Named[];
  readonly lost: Lost[];
  readonly extras: Extra[];
}

function isNamed(output: ListedOutput, type: ListedOutput['type'], name: string): boolean {
  return output.type === type && output.name === name;
}

/** As reports name an output: `stdout`, `display_data image/png`, `error ValueError`. */
export function labelOf({ type, name }: Pick<ListedOutput, 'type' | 'name'>): string {
  return type === 'stream' ? name : `${type} ${name}`.trimEnd();
}

function textOf(output: ListedOutput | undefined): KeptText {
  return output?.parts['text/plain'] ?? '';
}

/** What another cell must show for the output to be there. */
function soughtOf(output: ListedOutput): string {
  const text = textOf(output);
  return output.type === 'stream' && typeof text === 'string' ? text : canonicalJson(output);
}

function extraOf(cell: number, output: ListedOutput): Omit<Extra, 'repeats'> {
  const isStream = output.type === 'stream';
  const text = soughtOf(output);
  return { cell, place: 0, output: labelOf(output), isStream, text, whole: text };
}

function compareStreams(
  cell: number,
  wanted: CellListing,
  shown: CellListing,
  { named, lost, extras }: Findings,
): void {
  const all = [...wanted.outputs, ...shown.outputs].filter(({ type }) => type === 'stream');
  for (const [place, name] of [...new Set(all.map((output) => output.name))].entries()) {
    const of = (listing: CellListing) => listing.outputs.find((output) => isNamed(output, 'stream', name));
    const [before, after] = [of(wanted), of(shown)];
    const [was, is] = [textOf(before), textOf(after)];
    const seen = { cell, output: name, place };
    if (isSameText(was, is)) continue;
    if (typeof was !== 'string' || typeof is !== 'string') {
      if (was === '' && after !== undefined)
        extras.push({ ...extraOf(cell, after), place, repeats: () => false });
      else if (is === '' && before !== undefined) {
        const otherwise: OutputLoss = { loss: 'missing', cell, output: name };
        lost.push({ ...seen, sought: soughtOf(before), isStream: true, otherwise });
      } else if (isCut(was, is)) named.push({ loss: 'cut', ...seen, at: is.length });
      else named.push({ loss: 'differs', ...seen });
      continue;
    }
    const changes = textChanges(was, is);
    if (changes === null) {
      named.push({ loss: 'differs', ...seen });
      continue;
    }
    const came = was.length - changes.reduce((sum, change) => sum + change.lost.length, 0);
    const otherwise: OutputLoss =
      came === 0 ? { loss: 'missing', cell, output: name } : { loss: 'cut', cell, output: name, at: came };
    const known = new Set(lines(was));
    const repeats = (text: string) =>
      !mayBeValue(text) && (was.includes(text) || lines(text).every((line) => known.has(line)));
    for (const change of reordered(changes)) {
      if (change === 'reordered' || (mayBeValue(change.lost) && mayBeValue(change.extra))) {
        named.push({ loss: 'differs', ...seen });
        continue;
      }
      const extra: Extra = { ...seen, isStream: true, text: change.extra, whole: change.extra, repeats };
      if (change.extra !== '') extras.push(extra);
      if (change.lost === '') continue;
      const instead = change.extra === '' ? {} : { instead: { extra, loss: { loss: 'differs' } as const } };
      lost.push({ ...seen, sought: change.lost, isStream: true, otherwise, ...instead });
    }
  }
}

/** The changes, but for the same lines in another order, of which nothing is lost. */
function reordered(changes: readonly Change[]): (Change | 'reordered')[] {
  const gone = new Set<Change>();
  for (const change of changes) {
    if (change.lost === '' || change.extra !== '') continue;
    const other = changes.find((each) => each.lost === '' && each.extra === change.lost && !gone.has(each));
    if (other !== undefined) gone.add(change).add(other);
  }
  return [...changes.filter((change) => !gone.has(change)), ...(gone.size > 0 ? ['reordered' as const] : [])];
}

function compareOthers(
  cell: number,
  wanted: CellListing,
  shown: CellListing,
  { named, lost, extras }: Findings,
): void {
  const others = ({ outputs }: CellListing) => outputs.filter(({ type }) => type !== 'stream');
  const [was, is] = [others(wanted), others(shown)];
  const changes = diffArrays(was, is, { comparator: (a, b) => canonicalJson(a) === canonicalJson(b) });
  const gone = changes.flatMap(({ removed, value }) => (removed ? value : []));
  const come = changes.flatMap(({ added, value }) => (added ? value : []));
  const place = (output: ListedOutput) => 100 + Math.max(was.indexOf(output), 0);
  const rest = gone.filter((output) => {
    const index = come.findIndex((other) => canonicalJson(other) === canonicalJson(output));
    if (index < 0) return true;
    come.splice(index, 1);
    named.push({ loss: 'differs', cell, output: labelOf(output), place: place(output) });
    return false;
  });
  for (const output of rest) {
    const label = labelOf(output);
    const index = come.findIndex((other) => labelOf(other) === label && !isExpected(other, was));
    const [other] = index < 0 ? [] : come.splice(index, 1);
    const missing: OutputLoss = { loss: 'missing', cell, output: label };
    const sought = soughtOf(output);
    const seen = { cell, place: place(output), output: label, sought, isStream: false, otherwise: missing };
    if (other === undefined) {
      lost.push(seen);
      continue;
    }
    const extra: Extra = { ...extraOf(cell, other), place: place(output), repeats: () => false };
    extras.push(extra);
    lost.push({ ...seen, instead: { extra, loss: partsLoss(output, other) } });
  }
  for (const output of come) {
    const repeats = () => isExpected(output, was);
    extras.push({ ...extraOf(cell, output), place: place(output), repeats });
  }
}

function isExpected(output: ListedOutput, expected: readonly ListedOutput[]): boolean {
  return expected.some((each) => canonicalJson(each) === canonicalJson(output));
}

/** An output that came with other content: cut if each part that changed is the beginning of what was expected. */
function partsLoss(expected: ListedOutput, seen: ListedOutput): Pick<OutputLoss, 'loss' | 'at'> {
  const types = [...new Set([...Object.keys(expected.parts), ...Object.keys(seen.parts)])];
  const changed = types.filter((type) => !isSameText(expected.parts[type], seen.parts[type]));
  const [first] = changed.includes(expected.name) ? [expected.name] : changed;
  const areCut = changed.every((type) => {
    const [was, is] = [expected.parts[type], seen.parts[type]];
    return was !== undefined && is !== undefined && !type.startsWith('image/') && isCut(was, is);
  });
  if (first === undefined || !areCut) return { loss: 'differs' };
  return { loss: 'cut', at: seen.parts[first]?.length ?? 0 };
}

/** Outputs beyond those that are listed one by one. */
function moreLosses(cell: number, wanted: CellListing, shown: CellListing): Named[] {
  const [was, is] = [wanted.more?.count ?? 0, shown.more?.count ?? 0];
  if (was === is && wanted.more?.sha256 === shown.more?.sha256) return [];
  const output = `outputs after the first ${MAX_LISTED}`;
  return [{ loss: is < was ? 'missing' : 'differs', cell, output, place: 1_000 }];
}

/** The other cells under which a lost part was found, and whether all of it was. It is taken from `extras`. */
function whereabouts(lost: Lost, extras: Extra[]): { moved: Named[]; isWhole: boolean } {
  const { place, output, cell, isStream, sought, instead } = lost;
  const moved = (at: number): Named => ({ loss: 'moved', cell, output, at, place });
  // Two cells that show other numbers than expected may show each other's by chance.
  if (isStream && instead !== undefined && isNumber(sought)) return { moved: [], isWhole: false };
  const whole = takenFrom(lost, sought, extras);
  if (whole !== null) return { moved: [moved(whole)], isWhole: true };
  const parts = isStream ? lines(sought) : [];
  if (parts.length < 2) return { moved: [], isWhole: false };
  const found = parts.map((part) => takenFrom(lost, part, extras));
  const cells = [...new Set(found.filter((at) => at !== null))];
  return { moved: cells.map(moved), isWhole: found.every((at) => at !== null) };
}

/** The cell that shows the text beyond what was expected of it; `null`: none does. */
function takenFrom({ cell, output, isStream }: Lost, text: string, extras: Extra[]): number | null {
  if (text.trim() === '') return null;
  const candidates = extras
    .filter((extra) => extra.cell !== cell && extra.output === output && extra.isStream === isStream)
    .filter((extra) => (isStream ? extra.text.includes(text) : extra.text === text))
    .sort((a, b) => distance(cell, a.cell) - distance(cell, b.cell));
  const [found] = candidates;
  if (found === undefined) return null;
  const at = found.text.indexOf(text);
  found.text = found.text.slice(0, at) + found.text.slice(at + text.length);
  return found.cell;
}

/** Later cells come first, the nearest before others. */
function distance(from: number, to: number): number {
  return to > from ? to - from : 1e9 + from - to;
}

/** Each loss once, in order. */
function distinct(named: readonly Named[]): OutputLoss[] {
  const seen = new Map(named.map(({ place: _, ...loss }) => [canonicalJson(loss), loss]));
  return [...seen.values()];
}
