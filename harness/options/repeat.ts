import { shownArmSpec } from '../arms/arm-words.ts';
import { shellWord } from '../model/shell-word.ts';
import type { GivenOptions } from './given.ts';
import { attributeOf, type CommandName, defaultOf, longName, type OptionRow } from './row.ts';
import { OPTIONS, rowsOf } from './table.ts';

/** Options that are written even where they have the default's value: what an experiment is, at a glance. */
const ALWAYS = ['arms', 'runs', 'maxRuns', 'seed', 'minutes', 'package'];

/**
 * The command that repeats what these options began: every option that is not the default, in the table's order.
 *
 * @param shown turns a path into one that can be published
 */
export function repeatingCommand(
  command: CommandName,
  given: GivenOptions,
  shown: (path: string) => string,
  table: readonly OptionRow[] = OPTIONS,
): string {
  const words = rowsOf(command, table).flatMap((row) => {
    const value = given[attributeOf(row)];
    if (value === undefined || value === false) return [];
    const flag = `--${longName(row)}`;
    if (value === true) return [flag];
    const texts = typeof value === 'string' ? [value] : value;
    const published = texts.map((text) => publishedText(row, text, shown));
    const isDefault = published.join(',') === defaultOf(row, command) && !ALWAYS.includes(attributeOf(row));
    return isDefault ? [] : published.flatMap((text) => [flag, shellWord(text)]);
  });
  return `npm run soak --${command === 'run' ? '' : ` ${command}`} ${words.join(' ')}`;
}

function publishedText(row: OptionRow, text: string, shown: (path: string) => string): string {
  if (row.publishedAs !== undefined) return row.publishedAs;
  switch (row.type.paths) {
    case 'path':
    case 'path-or-command':
      return shown(text);
    case 'latency':
      return text.startsWith('file:') ? `file:${shown(text.slice('file:'.length))}` : text;
    case 'arm':
      return row.type.isList === true
        ? text
            .split(',')
            .map((arm) => shownArmSpec(arm, shown))
            .join(',')
        : shownArmSpec(text, shown);
    default:
      return text;
  }
}
