import { expect, test } from 'vitest';
import { soakProgram } from './program.ts';

const program = soakProgram({
  version: '1.2.3',
  write: () => {},
  interruption: () => new AbortController().signal,
  onExit: () => {},
});

const GROUPS = [
  ['Experiment:', ['diagnose', 'run', 'doctor', 'arms', 'kernels']],
  ['Evidence:', ['list', 'explain', 'compare', 'report', 'verify', 'merge', 'history', 'comment', 'init']],
  ['Planning:', ['plan', 'tune', 'stats']],
  ['Diagnosis:', ['bisect', 'locate', 'mechanism']],
  ['Execute:', ['exec']],
  ['Help:', ['words', 'completion', 'help']],
] as const;

test('every command stands in a group, in the order in which a newcomer needs it', () => {
  const help = program.createHelp();
  const groups = new Map<string, string[]>();
  for (const command of help.visibleCommands(program)) {
    const heading = command.helpGroup();
    groups.set(heading, [...(groups.get(heading) ?? []), command.name()]);
  }
  expect([...groups]).toEqual(GROUPS);
});

test('the help shows the groups, on lines of at most 80 columns', () => {
  const text = program.configureOutput({ getOutHelpWidth: () => 80 }).helpInformation();
  expect(text.split('\n').filter((line) => /^\S+:$/.test(line))).toEqual([
    'Options:',
    ...GROUPS.map(([heading]) => heading),
  ]);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

const VERBS = [
  ...[
    'Check',
    'Compare',
    'Execute',
    'Explain',
    'Find',
    'Install',
    'List',
    'Merge',
    'Post',
    'Print',
    'Recompute',
  ],
  ...['Run', 'Show', 'Test', 'Work', 'Write'],
];

test('one short sentence, which begins with a verb, describes each command', () => {
  const help = program.createHelp();
  const shown = [program, ...program.commands].flatMap((command) => help.visibleCommands(command));
  const odd = shown
    .map((command) => command.description())
    .filter(
      (text) => !VERBS.includes(text.split(' ')[0] ?? '') || text.length > 90 || /[.;]( |$)/.test(text),
    );
  expect(odd).toEqual([]);
});
