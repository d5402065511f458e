import type { Command } from 'commander';
import { helpColumns, READABLE_COLUMNS, wrapped } from '../model/wrapped.ts';

/** Ten words that every page, message and report uses. docs/concepts.md explains them in the same words, and more. */
export const WORDS: readonly (readonly [word: string, meaning: string])[] = [
  [
    'wedge',
    'The kernel is alive and idle, and will never begin a request that was sent to it. Only a restart helps.',
  ],
  ['run', 'One fresh kernel taken through one notebook. A run is never retried.'],
  ['arm', 'One version of the software: `control`, a change, another release.'],
  [
    'role',
    "What an arm is for: `control` (no change), `sham` (the change's overhead without its effect), `treatment` (the change).",
  ],
  [
    'block',
    'One run of every arm, in an order drawn from the seed. What disturbs the machine then disturbs all arms alike.',
  ],
  ['traffic', 'What the front end does beside sending cells. It decides whether the wedge can happen.'],
  ['endpoint', 'The yes-or-no question that is put to every run. The default is "did the kernel wedge?".'],
  [
    'competing event',
    'The run ended in another way, so the endpoint was not observed: the kernel died, a cell raised.',
  ],
  [
    'protocol',
    'The frozen design: arms and notebooks by hash, traffic, seed, level, stopping rule, deadline. It is written and hashed before the first run.',
  ],
  ['verdict', 'One word for each treatment: `fixes`, `reduces`, `worse`, `no-difference` or `inconclusive`.'],
];

const WORD_COLUMNS = 2 + Math.max(...WORDS.map(([word]) => word.length));

/** The ten words in lines of at most so many columns. Ends with a newline. */
export function wordsText(width?: number): string {
  const indent = ' '.repeat(WORD_COLUMNS);
  const lines = WORDS.map(
    ([word, meaning]) => `${word.padEnd(WORD_COLUMNS)}${wrapped(meaning, indent, width)}`,
  );
  return `${lines.join('\n')}\n\n${wrapped('Blocks and cells are counted from 0, as in the names of runs. More words: docs/concepts.md', '', width)}\n`;
}

/** Add `soak words`, which `soak help words` shows too. */
export function registerWords(program: Command, write: (text: string) => void): void {
  const command = program
    .command('words')
    .description('Explain ten words that every report uses, such as wedge, arm and block')
    .action(() => write(wordsText()));
  // `soak help words` asks for the help of a command. The words are that help.
  command.helpInformation = () => wordsText(Math.min(READABLE_COLUMNS, helpColumns()));
}

/** Explain `wedge` at the end of each help that uses it, and say where other words are explained. */
export function explainWords(command: Command): void {
  for (const each of [command, ...command.commands]) {
    if (each !== command && each.commands.length > 0) explainWords(each);
    else if (each.name() !== 'words')
      each.addHelpText('after', () => (/\bwedge/i.test(each.helpInformation()) ? WEDGE : ''));
  }
}

const WEDGE = `
A wedge: ${(WORDS[0]?.[1] ?? '').replace(/^The/, 'the')}
More words: soak help words`;
