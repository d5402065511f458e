import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { packageRoot } from '../model/package-root.ts';
import { helpSections, unknownUsual } from '../options/help-sections.ts';
import { type CommandName, longName } from '../options/row.ts';
import { OPTIONS, rowsOf } from '../options/table.ts';
import { soakProgram } from './program.ts';
import { WORDS, wordsText } from './words.ts';

const program = soakProgram({
  version: '1.2.3',
  write: () => {},
  interruption: () => new AbortController().signal,
  onExit: () => {},
});

const commands = (parent: Command): Command[] => [parent, ...parent.commands.flatMap(commands)];
const COMMANDS = commands(program).map((command) => [nameOf(command), command] as const);

function nameOf(command: Command): string {
  return command.parent === null ? 'soak' : `${nameOf(command.parent)} ${command.name()}`;
}

/** Everything that `--help` prints, in a terminal of so many columns. */
function helpOf(command: Command, columns: number): string {
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const before = process.stdout.columns;
  process.stdout.columns = columns;
  try {
    command.outputHelp();
  } finally {
    process.stdout.columns = before;
    spy.mockRestore();
  }
  return text;
}

test.each(COMMANDS)('the help of %s fits 60, 80 and 120 columns, but for commands to copy', (_, command) => {
  for (const columns of [60, 80, 120]) {
    const wide = helpOf(command, columns)
      .split('\n')
      .filter((line) => line.length > columns && !(columns < 80 && /^ *(soak|npm run soak) /.test(line)));
    expect(wide).toEqual([]);
  }
});

test('a help that speaks of a wedge says what one is, and no other does', () => {
  const helps = COMMANDS.map(([name, command]) => ({ name, text: helpOf(command, 80) }));
  const speaking = helps.filter(({ text }) => /\bwedge/i.test(text));
  expect(speaking.length).toBeGreaterThan(5);
  expect(speaking.length).toBeLessThan(helps.length);
  expect(
    speaking.filter(({ text }) => !/is alive and idle, and will never\s+begin a request/.test(text)),
  ).toEqual([]);
  expect(helps.find(({ name }) => name === 'soak')?.text).toContain('A wedge: the kernel is alive');
  expect(helps.find(({ name }) => name === 'soak stats')?.text).not.toContain('A wedge');
});

test('the usual dozen options come first, the others under the headings for experts, each once', () => {
  expect(unknownUsual()).toEqual([]);
  const names = [...new Set(OPTIONS.flatMap((row) => Object.keys(row.commands)))] as CommandName[];
  for (const name of names) {
    const [first, ...rest] = helpSections(name);
    expect(first?.heading).toBe('Options');
    expect(first?.rows.length).toBeLessThanOrEqual(14);
    expect(rest.every(({ heading }) => heading.startsWith('Expert, '))).toBe(true);
    const shown = [first, ...rest].flatMap((section) => section?.rows.map(longName) ?? []);
    expect([...shown].sort()).toEqual(rowsOf(name).map(longName).sort());
  }
  const run = helpSections('run')[0]?.rows.map(longName);
  expect(run).toHaveLength(13);
  expect(run).toEqual(expect.arrayContaining(['notebook', 'arms', 'runs', 'try', 'until-decided', 'client']));
  const run80 = helpOf(program.commands.find((each) => each.name() === 'run') as Command, 80);
  expect(run80.indexOf('Options:')).toBeLessThan(run80.indexOf('Expert, kernels:'));
  expect(run80.indexOf('--pipeline-depth')).toBeGreaterThan(run80.indexOf('Expert, other:'));
});

test('soak help words, and soak words, explain ten words as the docs do', async () => {
  expect(WORDS).toHaveLength(10);
  const text = helpOf(program.commands.find((each) => each.name() === 'words') as Command, 80);
  expect(text).toBe(wordsText(80));
  const concepts = readFileSync(join(packageRoot(), 'docs', 'concepts.md'), 'utf8');
  for (const [word, meaning] of WORDS) {
    expect(text.replace(/\s+/g, ' ')).toContain(`${word} ${meaning}`);
    expect(concepts).toContain(`| **${word}** | ${meaning}`);
  }
});
