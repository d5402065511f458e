import type { Command } from 'commander';
import { type CommandName, isSwitch, longName, type OptionRow } from './row.ts';
import { OPTIONS, rowsOf } from './table.ts';

export const SHELLS = ['bash', 'zsh', 'fish', 'pwsh'] as const;
export type Shell = (typeof SHELLS)[number];

/** What can follow a command: its own commands, its flags, and the values of a flag where they are known. */
interface Completable {
  /** `arms show`; empty for the program itself. */
  readonly words: string;
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly {
    readonly flag: string;
    readonly help: string;
    readonly choices: readonly string[];
  }[];
  /** Flags that a path follows. */
  readonly pathFlags: readonly string[];
}

function completables(
  command: Command,
  table: readonly OptionRow[],
  words: readonly string[] = [],
): Completable[] {
  const name = words.join(' ');
  const rows = rowsOf((name === '' ? 'run' : name) as CommandName, table);
  const own: Completable = {
    words: name,
    description: command.description(),
    commands: command.commands.map((each) => ({ name: each.name(), description: each.description() })),
    flags: rows.map((row) => ({
      flag: `--${longName(row)}`,
      help: row.help,
      choices: row.type.choices ?? [],
    })),
    pathFlags: rows
      .filter((row) => !isSwitch(row) && row.type.paths !== undefined)
      .map((row) => `--${longName(row)}`),
  };
  return [own, ...command.commands.flatMap((each) => completables(each, table, [...words, each.name()]))];
}

/**
 * A script by which a shell completes commands, flags and the known values of flags. Files complete everything else.
 *
 * @param program the whole program, for its commands
 */
export function completionScript(
  shell: Shell,
  program: Command,
  table: readonly OptionRow[] = OPTIONS,
): string {
  const all = completables(program, table);
  switch (shell) {
    case 'bash':
      return bash(all);
    case 'zsh':
      // zsh runs bash completions by its own bashcompinit.
      return `#compdef soak\nautoload -U +X bashcompinit && bashcompinit\n${bash(all)}`;
    case 'fish':
      return fish(all);
    case 'pwsh':
      return pwsh(all);
  }
}

const single = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Each command by its words, the longest first, so that `arms show` is found before `arms`, and the program last. */
function bySpecificity(all: readonly Completable[]): readonly Completable[] {
  return [...all].sort((a, b) => b.words.length - a.words.length);
}

function bash(all: readonly Completable[]): string {
  const cases = bySpecificity(all).map(({ words, commands, flags }) => {
    const pattern = words === '' ? '*' : `${single(` ${words} `)}*`;
    const known = [...commands.map(({ name }) => name), ...flags.map(({ flag }) => flag)].join(' ');
    const values = flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ flag, choices }) => `      ${flag}) words=${single(choices.join(' '))} ;;`);
    return [
      `    ${pattern})`,
      `      words=${single(known)}`,
      ...(values.length === 0
        ? []
        : ['      case "$before" in', ...values.map((line) => `  ${line}`), '      esac']),
      '      ;;',
    ].join('\n');
  });
  return `_soak() {
  local word before line words
  word=\${COMP_WORDS[COMP_CWORD]}
  before=\${COMP_WORDS[COMP_CWORD-1]}
  line=" \${COMP_WORDS[*]:1:COMP_CWORD-1} "
  case "$line" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _soak soak
`;
}

function fish(all: readonly Completable[]): string {
  const lines = all.flatMap(({ words, commands, flags, pathFlags }) => {
    const condition =
      words === ''
        ? '__fish_use_subcommand'
        : words
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    const on = `complete -c soak -n ${single(condition)}`;
    return [
      ...commands.map(({ name, description }) => `${on} -f -a ${name} -d ${single(description)}`),
      ...flags.map(({ flag, help, choices }) => {
        const values = choices.length > 0 ? ` -x -a ${single(choices.join(' '))}` : '';
        const path = values === '' && pathFlags.includes(flag) ? ' -r' : '';
        return `${on} -l ${flag.slice(2)}${values}${path} -d ${single(help)}`;
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function pwsh(all: readonly Completable[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const cases = bySpecificity(all).map(({ words, commands, flags }) => {
    const known = [...commands.map(({ name }) => name), ...flags.map(({ flag }) => flag)];
    const choices = flags.filter((each) => each.choices.length > 0);
    const values = choices.map((each) => `${quote(each.flag)} = @(${each.choices.map(quote).join(', ')})`);
    return `    @{ Words = ${quote(words)}; Known = @(${known.map(quote).join(', ')}); Values = @{ ${values.join('; ')} } }`;
  });
  return `Register-ArgumentCompleter -Native -CommandName soak -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $given = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -ne '' -and $given.Count -gt 0) { $given = @($given | Select-Object -SkipLast 1) }
  $line = $given -join ' '
  $entry = @(
${cases.join('\n')}
  ) | Where-Object { $_.Words -eq '' -or $line -eq $_.Words -or $line.StartsWith($_.Words + ' ') } | Select-Object -First 1
  $before = if ($given.Count -gt 0) { $given[-1] } else { '' }
  $words = if ($entry.Values.ContainsKey($before)) { $entry.Values[$before] } else { $entry.Known }
  $words | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}
