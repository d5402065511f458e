import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { referenceSection } from '../../tools/house/option-reference.ts';
import { soakProgram } from '../commands/program.ts';
import { SoakError } from '../model/errors.ts';
import { addOptions } from './add-options.ts';
import { completionScript, SHELLS } from './completion.ts';
import { experimentFileSchema, experimentKeys } from './experiment-file/schema.ts';
import { overridden, parsedOptions } from './given.ts';
import { repeatingCommand } from './repeat.ts';
import { attributeOf, type CommandName, longName, type OptionRow, option } from './row.ts';
import { OPTIONS, rowsOf } from './table.ts';
import { number } from './value-types.ts';

const COMMANDS = [...new Set(OPTIONS.flatMap(({ commands }) => Object.keys(commands)))] as CommandName[];

function program(): Command {
  return soakProgram({
    version: '0',
    write: () => {},
    interruption: () => new AbortController().signal,
    onExit: () => {},
  });
}

/** Every command of the program by its words, such as `arms show`. */
function commandsOf(parent: Command, words: readonly string[] = []): [string, Command][] {
  return parent.commands.flatMap((command) => {
    const name = [...words, command.name()];
    return [[name.join(' '), command] as [string, Command], ...commandsOf(command, name)];
  });
}

describe('a new option is one row', () => {
  const table: readonly OptionRow[] = [
    ...OPTIONS,
    option({
      flags: '--cool-down <seconds>',
      field: 'coolDownSeconds',
      type: number({ min: 0, max: 60, unit: 'seconds' }),
      help: 'pause between two blocks',
      group: 'Other',
      commands: { run: {}, tune: { default: '1' } },
      default: '0',
      excludes: [{ options: ['concurrency'], because: 'the blocks overlap' }],
    }),
  ];

  test('it is a flag, with its default in the help', () => {
    const help = addOptions(new Command('run'), 'run', table).helpInformation();
    expect(help).toMatch(/--cool-down <seconds>\s+pause between two blocks \(default: 0\)/);
    expect(addOptions(new Command('tune'), 'tune', table).helpInformation()).toContain('(default: 1)');
    expect(addOptions(new Command('bisect'), 'bisect', table).helpInformation()).not.toContain('cool-down');
  });

  test('it is parsed, defaulted and bounded', () => {
    const parsed = (raw: object, command: CommandName = 'run') => parsedOptions(command, raw, table);
    expect(parsed({})).toMatchObject({ coolDownSeconds: 0 });
    expect(parsed({}, 'tune')).toMatchObject({ coolDownSeconds: 1 });
    expect(parsed({ coolDown: '2.5' })).toMatchObject({ coolDownSeconds: 2.5 });
    expect(() => parsed({ coolDown: '61' })).toThrow('--cool-down cannot be "61".');
  });

  test('it excludes what its row says, and a flag sets it aside in a file', () => {
    expect(() => parsedOptions('run', { coolDown: '1', concurrency: '2' } as object, table)).toThrow(
      '--cool-down 1 cannot be used with --concurrency 2: the blocks overlap.',
    );
    expect(overridden('run', { coolDown: '1' }, { concurrency: '2' }, table)).toEqual({ concurrency: '2' });
  });

  test('it is a key of the experiment file', () => {
    const schema = experimentFileSchema(experimentKeys(table));
    expect(schema.safeParse({ 'cool-down': 2 }).success).toBe(true);
    expect(schema.safeParse({ 'cool-down': 'long' }).success).toBe(false);
  });

  test('it is in the command that repeats an experiment, where it is not the default', () => {
    const repeated = (given: object) => repeatingCommand('run', { ...given }, (path) => path, table);
    expect(repeated({ coolDown: '2' })).toContain('--cool-down 2');
    expect(repeated({ coolDown: '0' })).not.toContain('cool-down');
  });

  test('it is completed, and in the reference', () => {
    for (const shell of SHELLS) expect(completionScript(shell, program(), table)).toContain('cool-down');
    expect(referenceSection('run', table)).toContain('`--cool-down <seconds>`');
  });
});

test('every option of every command is a row, and every row an option', () => {
  const registered = commandsOf(program()).flatMap(([name, command]) =>
    command.options.map((each) => `${name} ${each.flags}`),
  );
  const rows = COMMANDS.flatMap((name) => rowsOf(name).map(({ flags }) => `${name} ${flags}`));
  expect(registered.filter((each) => !each.endsWith('--version')).sort()).toEqual(rows.sort());
});

test.each(COMMANDS)('the rows of %s are well formed', (name) => {
  const rows = rowsOf(name);
  const attributes = rows.map(attributeOf);
  expect(new Set(attributes).size).toBe(attributes.length);
  for (const row of rows) {
    const named = [
      ...(row.excludes ?? []).flatMap(({ options, unless }) => [
        ...options.map((each) => each.split('=')[0] ?? ''),
        ...(unless === undefined ? [] : [unless]),
      ]),
      ...(row.needs === undefined ? [] : [row.needs.option]),
      ...(row.setsAside ?? []),
    ];
    // A row of several commands may name what not all of them take, but never what none has.
    const known = Object.keys(row.commands).flatMap((each) => rowsOf(each as CommandName).map(attributeOf));
    expect(known).toEqual(expect.arrayContaining(named));
    const fallback = row.commands[name]?.default ?? row.default;
    if (fallback !== undefined) expect(() => row.type.parse(fallback, { name: longName(row) })).not.toThrow();
  }
});

/** A value that the option takes. */
function exampleOf(row: OptionRow): string | string[] | true {
  const { type, flags } = row;
  if (!flags.includes(' ')) return true;
  const candidates = ['1', '0.5', '1ms', 'nbclient', 'http://127.0.0.1:1/', '1/2', ...(type.choices ?? [])];
  const taken = candidates.find((text) => {
    try {
      type.parse(type.isRepeatable === true ? [text] : text, { name: longName(row) });
      return true;
    } catch {
      return false;
    }
  });
  if (taken === undefined) throw new Error(`no example of ${flags}`);
  return type.isRepeatable === true ? [taken] : taken;
}

const EXCLUSIONS = OPTIONS.flatMap((row: OptionRow) =>
  (row.excludes ?? []).flatMap((exclusion) =>
    exclusion.options.map((other) => ({ row, exclusion, other, flag: longName(row) })),
  ),
);

test.each(EXCLUSIONS)(
  '--$flag excludes $other, in a sentence that names both',
  ({ row, exclusion, other }) => {
    const command = Object.keys(row.commands)[0] as CommandName;
    const [attribute = '', value] = other.split('=');
    const their = rowsOf(command).find((each) => attributeOf(each) === attribute);
    if (their === undefined) throw new Error(`${command} has no ${attribute}`);
    const raw = {
      [attributeOf(row)]: exclusion.value ?? exampleOf(row),
      [attribute]: value ?? exampleOf(their),
    };
    let error: unknown = null;
    try {
      parsedOptions(command, raw);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SoakError);
    const { code, message, remedy, option: about } = error as SoakError;
    expect(code).toBe('bad-option');
    expect(message).toContain(`--${longName(row)}`);
    expect(message).toContain(`--${longName(their)}`);
    expect(message).toContain(exclusion.because);
    expect(remedy).not.toBe('');
    expect(about?.name).toBe(longName(row));
  },
);
