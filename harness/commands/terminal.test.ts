import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import stringWidth from 'string-width';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../model/package-root.ts';
import { printText } from '../model/wrapped.ts';
import { soakProgram } from './program.ts';

const committed = (name: string) => join(packageRoot(), 'reports', name);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-terminal-'));
  await copyFile(join(committed('no-latency'), 'journal.jsonl'), join(folder, 'journal.jsonl'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a command prints in a terminal of so many columns. */
async function shown(args: readonly string[], columns: number): Promise<string> {
  let text = '';
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      text += String(chunk);
      return true;
    }),
    vi.spyOn(console, 'log').mockImplementation((line) => {
      text += `${String(line)}\n`;
    }),
  ];
  const before = { columns: process.stdout.columns, isTTY: process.stdout.isTTY };
  Object.assign(process.stdout, { columns, isTTY: true });
  try {
    const program = soakProgram({
      version: '0',
      write: printText,
      interruption: () => new AbortController().signal,
      onExit: () => {},
    });
    await program.parseAsync(['node', 'soak', ...args]);
  } finally {
    Object.assign(process.stdout, before);
    for (const spy of spies) spy.mockRestore();
  }
  return text;
}

/** Lines that the terminal would break: not those of one long word, such as a path, and not commands to copy. */
function broken(text: string, columns: number): string[] {
  return text
    .split('\n')
    .filter((line) => stringWidth(line) > columns && /\S\s+\S/.test(line.trim()))
    .filter((line) => !/npm run soak -- /.test(line));
}

const COMMANDS: readonly (readonly [name: string, args: () => readonly string[], has: RegExp])[] = [
  ['stats', () => ['stats', '--reference', '14/20', '--treatment', '0/20', '--sham', '13/20'], /at most/],
  ['plan', () => ['plan', '--reference-rate', '0.3', '--treatment-rate', '0'], /Boschloo, fixed size/],
  ['plan of a pilot', () => ['plan', '--pilot', folder, '--runs', '10'], /In the pilot/],
  ['plan of lengths', () => ['plan', '--hazard', '0.03', '--cells', '10,25'], /soonest/],
  ['list', () => ['list', committed('locate-7.3.0')], /nbclient/],
  ['explain', () => ['explain', committed('pr-1529'), 'b000-control'], /What was seen/],
  ['explain of a group', () => ['explain', committed('pr-1529'), '--group', '1'], /Group 1/],
  ['compare', () => ['compare', committed('pr-1529'), committed('until-decided')], /What else differs/],
  ['history', () => ['history', committed('until-decided')], /Rate by night/],
  ['report', () => ['report', folder], /protocol|wedged in/],
  ['report under another endpoint', () => ['report', folder, '--endpoint', 'died'], /exploratory/],
  ['verify', () => ['verify', folder], /verified/],
  ['arms', () => ['arms'], /control/],
  ['words', () => ['words'], /wedge/],
];

describe.each([60, 80, 120])('in a terminal of %i columns', (columns) => {
  test.each(COMMANDS)(
    'no line of %s is broken within a word, and no figure is without its heading',
    async (_, args, has) => {
      const text = await shown(args(), columns);
      expect(text.replace(/\s+/g, ' ')).toMatch(has);
      expect(broken(text, columns)).toEqual([]);
    },
  );
});

test('a comparison is Markdown where it goes into a file', async () => {
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const isTTY = process.stdout.isTTY;
  process.stdout.isTTY = false;
  try {
    const program = soakProgram({
      version: '0',
      write: printText,
      interruption: () => new AbortController().signal,
      onExit: () => {},
    });
    await program.parseAsync(['node', 'soak', 'compare', committed('pr-1529'), committed('until-decided')]);
  } finally {
    process.stdout.isTTY = isTTY;
    spy.mockRestore();
  }
  expect(text).toMatch(/^# Two experiments/);
  expect(text).toContain('| Arm');
});
