import { CLIENTS, type ClientName } from '../model/client.ts';
import type { OptionReference } from '../model/errors.ts';
import { didYouMean } from '../model/near-names.ts';
import { clientNamed, offeredClient } from './client-names.ts';
import { badValue, parsedText, type ValueType } from './value-types.ts';

/** A program that is none of `CLIENTS`, which executes a notebook in a kernel that the harness has started. */
export interface ClientCommand {
  /** As given. */
  readonly text: string;
  /** Program and arguments, with the placeholders in them. */
  readonly words: readonly [string, ...string[]];
}

/** What may stand in the words of a command, in braces. The first two must. */
const REQUIRED = ['notebook', 'connection_file'] as const;
const PLACEHOLDERS = [...REQUIRED, 'output'] as const;

const EXAMPLE = "--client 'python3 my_client.py {notebook} {connection_file}'";

/** A name of `CLIENTS`, or a command, which has spaces or braces. */
export const clientType: ValueType<ClientName | ClientCommand> = {
  ...parsedText<ClientName | ClientCommand>((text, about) => {
    const known = clientNamed(text);
    if (known !== null) return known;
    const offered = /[{}]/.test(text) ? null : offeredClient(text);
    if (offered !== null) throw badValue(about, text, offered);
    if (/[\s{}]/.test(text)) return clientCommand(text, about);
    throw badValue(
      about,
      text,
      `${didYouMean(text, CLIENTS)}Choose from: ${CLIENTS.join(', ')}. Or give the command of another program, such as ${EXAMPLE}.`,
    );
  }),
  choices: CLIENTS,
};

function clientCommand(text: string, about: OptionReference): ClientCommand {
  const words = commandWords(text);
  if (words === null) throw badValue(about, text, 'Close the quotation mark that the command opens.');
  const [program, ...rest] = words;
  if (program === undefined) throw badValue(about, text, `Give a command, such as ${EXAMPLE}.`);
  const named = words.flatMap((word) => [...word.matchAll(/\{([\w-]+)\}/g)].map(([, name]) => name ?? ''));
  const unknown = named.find((name) => !PLACEHOLDERS.some((each) => each === name));
  if (unknown !== undefined) {
    const choices = PLACEHOLDERS.map((name) => `{${name}}`).join(', ');
    throw badValue(about, text, `There is no {${unknown}}. A command can have: ${choices}.`);
  }
  const missing = REQUIRED.find((name) => !named.includes(name));
  if (missing !== undefined) {
    const why =
      missing === 'notebook'
        ? 'The program is told there which notebook to execute.'
        : 'The program finds the kernel by that file: it must not start one.';
    throw badValue(about, text, `Write {${missing}} into the command. ${why} An example: ${EXAMPLE}.`);
  }
  return { text, words: [program, ...rest] };
}

/**
 * The words of a command, as a POSIX shell takes them apart: at spaces that are not within quotation marks. A backslash
 * stays as it is, for paths on Windows. Nothing is replaced, and no shell runs.
 *
 * @returns `null` where a quotation mark is not closed
 */
export function commandWords(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (const character of text) {
    if (quote !== null) {
      if (character === quote) quote = null;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + character;
  }
  if (quote !== null) return null;
  return word === null ? words : [...words, word];
}
