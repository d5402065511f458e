import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../model/canonical.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Report } from './report.ts';

/** One patch of an experiment, and the arms that have it. */
export interface ArmDiff {
  readonly arms: readonly string[];
  /** Of the patch file, as the protocol names it. */
  readonly sha256: string;
  /** `null`: the journal does not hold it, and it is none of those that ship with kernel-soak. */
  readonly text: string | null;
}

/** The patches of an experiment's arms, in the protocol's order. */
export function armDiffs({ experiment, protocol }: Pick<Report, 'experiment' | 'protocol'>): ArmDiff[] {
  const arms = new Map<string, string[]>();
  for (const { name, patchSha256 } of protocol.arms) {
    if (patchSha256 !== null) arms.set(patchSha256, [...(arms.get(patchSha256) ?? []), name]);
  }
  return [...arms].map(([hash, names]) => ({
    arms: names,
    sha256: hash,
    text: experiment.patches?.[hash] ?? shippedPatches().get(hash) ?? null,
  }));
}

let shipped: ReadonlyMap<string, string> | undefined;

/** Patches of the arms that ship, by hash. A journal from before patches were recorded names them so; the hash proves the text. */
function shippedPatches(): ReadonlyMap<string, string> {
  shipped ??= new Map(
    readdirSync(join(packageRoot(), 'arms'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.patch'))
      .map((path) => readFileSync(join(packageRoot(), 'arms', path), 'utf8'))
      .map((text) => [sha256(text), text]),
  );
  return shipped;
}

/** A diff as far as there is room for it. */
export interface CutDiff {
  readonly shown: string;
  /** Lines of the whole. */
  readonly lines: number;
  /** Lines that are shown, the last of which may itself be cut; as many as `lines`: nothing is cut. */
  readonly shownLines: number;
}

/** The first lines of a diff, at most `room` characters; a first line that is longer is cut itself. */
export function cutDiff(text: string, room: number): CutDiff {
  const whole = text.replace(/\r\n?/g, '\n').replaceAll('\t', '    ').replace(/\n+$/, '');
  const lines = whole.split('\n').length;
  if (whole.length <= room) return { shown: whole, lines, shownLines: lines };
  const end = whole.lastIndexOf('\n', room);
  if (end <= 0) return { shown: `${wholeCharacters(whole, room - 1)}…`, lines, shownLines: 1 };
  const shown = whole.slice(0, end);
  return { shown, lines, shownLines: shown.split('\n').length };
}

/** The beginning of a text, without half of a character at its end. */
function wholeCharacters(text: string, length: number): string {
  return text.slice(0, Math.max(0, length)).replace(/[\ud800-\udbff]$/, '');
}
