import type { Command } from 'commander';
import { helpOf } from '../../harness/options/add-options.ts';
import { helpSections } from '../../harness/options/help-sections.ts';
import { attributeOf, type CommandName, type OptionRow } from '../../harness/options/row.ts';
import { OPTIONS, rowsOf } from '../../harness/options/table.ts';

/** docs/options.md: every option of every command, from the table. */
export function optionReference(program: Command): string {
  const commands = leaves(program).filter(({ name }) => rowsOf(name as CommandName).length > 0);
  const sections = commands.map(({ name, command }) =>
    [
      `## soak ${name}`,
      `${command.description().replace(/^./, (letter) => letter.toUpperCase())}.`,
      referenceSection(name as CommandName),
    ].join('\n\n'),
  );
  return [
    '<!-- Written by `UPDATE_DOCS=1 npx vitest run tools/house`, from harness/options: do not edit. -->',
    '# Options',
    'Every option of every command. `soak COMMAND --help` prints the same. An experiment file takes the options of `soak run` as keys, without dashes. Its keys `notebooks` and `kernels` are plural and take lists. What concerns one call only (`--arm`, `--shard`, `--resume`, `--max-minutes`) is no key.',
    ...sections,
    '',
  ].join('\n\n');
}

/** The options of one command, a table for each heading of its help. */
export function referenceSection(name: CommandName, table: readonly OptionRow[] = OPTIONS): string {
  return helpSections(name, table)
    .map(({ heading, rows }) =>
      [
        `### ${heading} (${name})`,
        '',
        '| option | what it does | limits |',
        '|---|---|---|',
        ...rows.map(
          (row) => `| \`${row.flags}\` | ${cell(helpOf(row, name))} | ${cell(limits(row, name, table))} |`,
        ),
      ].join('\n'),
    )
    .join('\n\n');
}

/** What it excludes and needs, both ways round. */
function limits(row: OptionRow, name: CommandName, table: readonly OptionRow[]): string {
  const rows = rowsOf(name, table);
  const flagOf = (attribute: string) => {
    const [named = '', value] = attribute.split('=');
    const other = rows.find((each) => attributeOf(each) === named);
    return other === undefined
      ? null
      : `\`${other.flags.split(' ')[0]}${value === undefined ? '' : ` ${value}`}\``;
  };
  const own = attributeOf(row);
  const excluded = [
    ...(row.excludes ?? []).flatMap(({ options }) => options.map(flagOf)),
    ...rows
      .filter((other) =>
        other.excludes?.some(({ options }) => options.some((each) => each.split('=')[0] === own)),
      )
      .map((other) => flagOf(attributeOf(other))),
  ].filter((flag) => flag !== null);
  const needed = row.needs === undefined ? null : flagOf(row.needs.option);
  return [
    ...(row.type.range === undefined ? [] : [row.type.range]),
    ...(needed === null ? [] : [`only with ${needed}`]),
    ...(excluded.length === 0 ? [] : [`never with ${[...new Set(excluded)].join(', ')}`]),
  ].join('; ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '\\<');
}

function leaves(parent: Command, words: readonly string[] = []): { name: string; command: Command }[] {
  return parent.commands.flatMap((command) => {
    const name = [...words, command.name()];
    return [{ name: name.join(' '), command }, ...leaves(command, name)];
  });
}
