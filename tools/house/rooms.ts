import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';

/**
 * Who may import whom: a room of `harness/`, what it is for, and the rooms whose files its own may import. Each
 * room stands below every room that it imports, so that there is no circle.
 */
export const ROOMS: readonly Room[] = [
  room('model', 'types, units and errors that all share', []),
  room('stats', 'tests, intervals, the stopping rule, the seeded order of the runs: pure functions', [
    'model',
  ]),
  room('oracle', 'from observations to an outcome: pure functions', ['model']),
  room('journal', 'append, read, resume and merge what was recorded', ['model', 'oracle']),
  room('transport', 'the wire format, ZeroMQ sockets, the WebSocket of a server', ['model']),
  room('arms', 'an arm, from its word on the command line to its files', ['model']),
  room('options', 'the table of options, and the experiment file', ['arms', 'model']),
  room('kernel', 'environments, overlays, launch, process trees, servers', ['arms', 'model', 'transport']),
  room('frontend', 'what a client does: execute, widgets, overlap, pipeline, nudge', [
    'model',
    'stats',
    'transport',
  ]),
  room('run', 'one run from launch to outcome, and the blocks of an experiment', [
    'frontend',
    'journal',
    'kernel',
    'model',
    'oracle',
    'stats',
    'transport',
  ]),
  room('audit', 'what in a journal contradicts its protocol', ['model', 'oracle', 'stats']),
  room('report', 'evidence: Markdown, HTML, figures, JUnit, JSON', [
    'audit',
    'journal',
    'model',
    'oracle',
    'stats',
  ]),
  room('history', 'many nights of one experiment', ['journal', 'model', 'report', 'stats']),
  room('planning', 'how many runs a verdict needs, and what given counts say', [
    'journal',
    'model',
    'report',
    'stats',
  ]),
  room('mechanism', 'the mechanism of the wedge on bare sockets', ['kernel', 'model', 'report']),
  room('doctor', 'what is there to run kernels with, and what is missing', ['kernel', 'model']),
  room('probe', 'what a kernel does, asked of the kernel', [
    'frontend',
    'kernel',
    'model',
    'report',
    'run',
    'transport',
  ]),
  room('tune', 'the settings that make control show the event soonest', [
    'frontend',
    'model',
    'report',
    'stats',
  ]),
  room('experiment', 'prepare, freeze, begin or resume, carry out', [
    'arms',
    'frontend',
    'journal',
    'kernel',
    'model',
    'options',
    'probe',
    'report',
    'run',
    'stats',
    'tune',
  ]),
  room('locate', 'kernel, server or client: where the fault is', [
    'experiment',
    'journal',
    'model',
    'options',
    'oracle',
    'report',
    'stats',
  ]),
  room('diagnose', 'what goes wrong in a notebook, how often, and at whose fault', [
    'experiment',
    'frontend',
    'journal',
    'kernel',
    'locate',
    'model',
    'options',
    'report',
    'run',
    'stats',
  ]),
  room('bisect', 'the release or commit that brought a change', [
    'arms',
    'audit',
    'experiment',
    'frontend',
    'journal',
    'kernel',
    'model',
    'options',
    'report',
    'run',
    'stats',
  ]),
  room('exec', 'execute a notebook and keep it', [
    'arms',
    'experiment',
    'frontend',
    'kernel',
    'model',
    'options',
    'report',
    'run',
    'stats',
  ]),
  room(
    'evidence',
    'the evidence in a folder, of an experiment, a bisect or a diagnosis: read, write again, verify',
    ['bisect', 'diagnose', 'journal', 'model', 'report'],
  ),
  room('init', 'a nightly workflow for another repository', ['model']),
  room('commands', 'one thin file a command, and what it shows', [
    'arms',
    'bisect',
    'diagnose',
    'doctor',
    'evidence',
    'exec',
    'experiment',
    'frontend',
    'history',
    'init',
    'journal',
    'kernel',
    'locate',
    'mechanism',
    'model',
    'options',
    'planning',
    'probe',
    'report',
    'run',
    'stats',
    'tune',
  ]),
  room('cli', 'argv, and the only process.exit', ['commands', 'model']),
];

export interface Room {
  readonly name: string;
  readonly purpose: string;
  readonly mayImport: readonly string[];
}

function room(name: string, purpose: string, mayImport: readonly string[]): Room {
  return { name, purpose, mayImport };
}

/** An import of one file of ours by another; paths from the repository's root, with `/`. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** Of types alone: gone when it runs. */
  readonly isTypeOnly: boolean;
}

/** Files below a folder that are TypeScript and no test. */
export function productFiles(folder = 'harness'): string[] {
  return readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.split(sep).join('/')}`)
    .filter((path) => path.endsWith('.ts') && !/\.(test|fixture)\.ts$|\/fixtures\//.test(path))
    .sort();
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s+'(\.[^']+)'|import\(\s*'(\.[^']+)'\s*\)/g;

/** The imports that one file's text has, static and dynamic. */
export function importsIn(from: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, type, named, dynamic]) => ({
    from,
    to: posix.join(posix.dirname(from), named ?? dynamic ?? ''),
    isTypeOnly: type !== undefined,
  }));
}

/** Every import of a file of ours by the given ones. */
export function importsOf(files: readonly string[]): Import[] {
  return files.flatMap((from) => importsIn(from, readFileSync(join(packageRoot(), from), 'utf8')));
}

/** The room of a file: the folder below `harness/`; `cli` for what stands beside the rooms. */
export function roomOf(path: string): string {
  const [top = '', second = '', ...rest] = path.split('/');
  if (top !== 'harness') return top;
  return rest.length === 0 ? second.replace(/\.ts$/, '') : second;
}

/** What the rooms really import, counted: `from` to `to` to how many imports. */
export function importCounts(imports: readonly Import[]): Map<string, Map<string, number>> {
  const counts = new Map<string, Map<string, number>>();
  for (const { from, to } of imports) {
    const [a, b] = [roomOf(from), roomOf(to)];
    if (a === b) continue;
    const row = counts.get(a) ?? new Map<string, number>();
    counts.set(a, row.set(b, (row.get(b) ?? 0) + 1));
  }
  return counts;
}

/** Files that import each other in a circle, types included; one list a circle, empty where there are none. */
export function circles(imports: readonly Import[]): string[][] {
  const edges = new Map<string, string[]>();
  for (const { from, to } of imports) edges.set(from, [...(edges.get(from) ?? []), to]);
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (file: string) => {
    if (done.has(file)) return;
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file]);
      return;
    }
    path.push(file);
    for (const to of edges.get(file) ?? []) visit(to);
    path.pop();
    done.add(file);
  };
  for (const file of edges.keys()) visit(file);
  return found;
}
