import { SoakError } from '../model/errors.ts';
import { LAUNCH_METHODS, type LaunchMethod } from '../model/launch-method.ts';
import { quoted } from '../model/quoted.ts';
import { looksLikeRequirement, pythonOf } from './arm-environment.ts';
import { BETWEEN_WORDS, offeredRelease, withReleases } from './release-words.ts';

// Not before another equals sign: ipykernel==7.4.0 has no label.
const LABELLED = /^([A-Za-z0-9][A-Za-z0-9._-]{0,39})=(?!=)(.+)$/s;
// The last at sign that begins a revision: HEAD@{1} has its own at sign.
const GIT = /^git:(.+)@(?!\{)((?:[^@]|@\{)+)$/s;
const INERT = /^inert:(.+)$/s;
const PACKAGE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const PATCH_FILE = /\.(?:diff|patch)$/i;

/** What evidence shows in place of the user's own environment, whose path is private. */
export const PUBLISHED_ENVIRONMENT = '<your environment>';

export const EVENT_LOOPS = ['selector', 'proactor'] as const;
export type EventLoop = (typeof EVENT_LOOPS)[number];

/** One word of `--arm`. */
export type ArmWord =
  /** The name of an arm that ships, or a folder. */
  | { readonly kind: 'arm'; readonly text: string }
  | { readonly kind: 'requirement'; readonly text: string }
  | { readonly kind: 'python'; readonly version: string }
  /** An environment, by its folder or interpreter, whose packages are copied. */
  | { readonly kind: 'environment'; readonly path: string }
  | { readonly kind: 'event-loop'; readonly name: EventLoop }
  | { readonly kind: 'launch'; readonly method: LaunchMethod }
  /** A diff. With `inert`, an edit without effect in the files that it touches. */
  | { readonly kind: 'patch'; readonly path: string; readonly inert: boolean }
  /** A commit of a local clone, `inert` likewise. */
  | { readonly kind: 'git'; readonly path: string; readonly revision: string; readonly inert: boolean };

/** One `--arm`, taken apart but not yet read. */
export interface ArmSpec {
  /** As given. */
  readonly text: string;
  readonly label: string | null;
  /** Without the label, releases as pip takes them: equal for the same arm under two names. */
  readonly source: string;
  readonly words: readonly ArmWord[];
}

function badArm(text: string, reason: string, remedy: string): SoakError {
  return new SoakError('bad-arm', `--arm ${quoted(text)} cannot be used: ${reason}`, { remedy });
}

function parsedWord(arm: string, word: string): ArmWord {
  const version = pythonOf(word);
  if (version !== null) return { kind: 'python', version };
  const loop = /^event-loop:(.*)$/s.exec(word)?.[1];
  if (loop !== undefined) {
    const name = EVENT_LOOPS.find((known) => known === loop);
    if (name !== undefined) return { kind: 'event-loop', name };
    throw badArm(arm, `there is no event loop ${quoted(loop)}.`, `Give ${EVENT_LOOPS.join(' or ')}.`);
  }
  const launch = /^launch:(.*)$/s.exec(word)?.[1];
  if (launch !== undefined) {
    const method = LAUNCH_METHODS.find((known) => known === launch);
    if (method !== undefined) return { kind: 'launch', method };
    throw badArm(
      arm,
      `${quoted(launch)} is not a way to launch a kernel.`,
      `Give ${LAUNCH_METHODS.join(' or ')}.`,
    );
  }
  const environment = /^env:(.*)$/s.exec(word)?.[1];
  if (environment === '') throw badArm(arm, 'env: names no environment.', 'Give its folder: env:.venv.');
  if (environment !== undefined) return { kind: 'environment', path: environment };
  const inner = INERT.exec(word)?.[1];
  const change = inner ?? word;
  const inert = inner !== undefined;
  if (change.startsWith('git:')) {
    const [, path, revision] = GIT.exec(change) ?? [];
    if (path !== undefined && revision !== undefined) return { kind: 'git', path, revision, inert };
    throw badArm(
      arm,
      `${quoted(change)} names no revision.`,
      'Write it as git:PATH@REV, such as git:../ipykernel@HEAD.',
    );
  }
  if (PATCH_FILE.test(change)) return { kind: 'patch', path: change, inert };
  if (inert) throw badArm(arm, 'inert: needs a patch or a commit.', 'Give inert:my-change.diff.');
  return looksLikeRequirement(word) ? { kind: 'requirement', text: word } : { kind: 'arm', text: word };
}

/**
 * Take `[LABEL=]WORD[ + WORD]…` apart. A word is an arm's name or folder, a requirement (`ipykernel==7.4.0`),
 * a Python (`py3.13`), an environment to copy (`env:.venv`), a diff (`my-change.diff`), a commit of a clone
 * (`git:PATH@REV`), an event loop (`event-loop:proactor`) or a launch method (`launch:fork`). A
 * release may be written as people write it (`7.4.0`).
 *
 * @throws SoakError `bad-arm` for words that contradict each other
 */
export function parseArmSpec(text: string): ArmSpec {
  const { label, source } = labelledSource(text);
  const words = parsedWords(text, source);
  const only = (kind: ArmWord['kind'], what: string) => {
    if (words.filter((word) => word.kind === kind).length > 1)
      throw badArm(text, `it names two ${what}.`, 'Give each its own --arm.');
  };
  only('arm', 'arms');
  only('python', 'Pythons');
  only('environment', 'environments');
  only('event-loop', 'event loops');
  only('launch', 'ways to launch');
  only('patch', 'patches');
  if (words.some(({ kind }) => kind === 'arm') && words.some(({ kind }) => kind === 'patch')) {
    throw badArm(text, 'an arm and a patch are two changes.', 'Give each its own --arm.');
  }
  const inert = words.filter((word) => 'inert' in word && word.inert);
  if (inert.length > 0 && words.filter((word) => 'inert' in word).length > inert.length) {
    throw badArm(text, 'an inert edit and a change cannot be one arm.', 'Give each its own --arm.');
  }
  return { text, label, source, words };
}

/** The label of an arm, and its words with releases as pip takes them. */
function labelledSource(text: string): { readonly label: string | null; readonly source: string } {
  const [, label = null, source = text] = LABELLED.exec(text) ?? [];
  return withReleases(label, source);
}

function parsedWords(text: string, source: string): ArmWord[] {
  return source.split(BETWEEN_WORDS).map((word) => parsedWord(text, word));
}

/**
 * Refuse a package without a version beside the name of an arm: it would be taken for a second arm.
 *
 * @param arms names of the arms that ship
 * @throws SoakError `bad-arm`
 */
export function assertVersionsGiven(text: string, arms: readonly string[]): void {
  const { label, source } = labelledSource(text);
  const names = parsedWords(text, source).flatMap((word) => (word.kind === 'arm' ? [word.text] : []));
  const bare = names.find((name) => !arms.includes(name) && PACKAGE_NAME.test(name));
  if (bare === undefined || names.length < 2) return;
  const release = offeredRelease(bare);
  const spelled = release ?? `${bare}==VERSION`;
  const written = source.split(BETWEEN_WORDS).map((word) => (word === bare ? spelled : word));
  throw badArm(
    text,
    release === null ? `${bare} needs a version.` : `there is no arm named ${bare}.`,
    `Write --arm '${label === null ? '' : `${label}=`}${written.join(' + ')}'. To give every arm the package, with or without a version: --with ${bare}.`,
  );
}

/**
 * An arm as evidence may show it, with its paths replaced so that they still read as paths.
 *
 * @param shown turns a path into one that can be published
 */
export function shownArmSpec(text: string, shown: (path: string) => string): string {
  const { label, words } = parseArmSpec(text);
  const parts = words.map((word) => shownWord(word, shown));
  return `${label === null ? '' : `${label}=`}${parts.join(' + ')}`;
}

function shownWord(word: ArmWord, shown: (path: string) => string): string {
  switch (word.kind) {
    case 'python':
      return `py${word.version}`;
    case 'event-loop':
      return `event-loop:${word.name}`;
    case 'launch':
      return `launch:${word.method}`;
    case 'patch':
      return `${word.inert ? 'inert:' : ''}${shown(word.path)}`;
    case 'environment':
      return `env:${PUBLISHED_ENVIRONMENT}`;
    case 'git':
      return `${word.inert ? 'inert:' : ''}git:${shown(word.path)}@${word.revision}`;
    case 'requirement':
      return word.text;
    case 'arm':
      return shownFolder(word.text, shown);
  }
}

function shownFolder(text: string, shown: (path: string) => string): string {
  if (!/[\\/]/.test(text) && !text.startsWith('.')) return text;
  const path = shown(text);
  return /[\\/]/.test(path) ? path : `./${path}`;
}
