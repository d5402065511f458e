import { type CommandName, longName, OPTION_GROUPS, type OptionRow } from './row.ts';
import { OPTIONS, rowsOf } from './table.ts';

/** Options of a command under one heading of its help. */
export interface HelpSection {
  readonly heading: string;
  readonly rows: readonly OptionRow[];
}

/**
 * About a dozen options of each command that has many: those that most people need, in the order in which they do. The
 * others stand below them as options for experts. Of a command that is not named here, all options stand together.
 */
const USUAL: Readonly<Partial<Record<CommandName, readonly string[]>>> = {
  run: [
    ...['notebook', 'arms', 'arm', 'try', 'runs', 'until-decided', 'client', 'endpoint', 'timeout'],
    ...['max-minutes', 'with', 'out', 'resume'],
  ],
  tune: [...['notebook', 'arm', 'minutes', 'traffic', 'latencies', 'endpoint', 'alpha', 'timeout', 'out']],
  bisect: [
    ...['good', 'bad', 'fixed', 'notebook', 'package', 'clone', 'endpoint', 'traffic', 'confidence'],
    ...['max-runs', 'max-minutes', 'out', 'resume'],
  ],
  locate: [...['notebook', 'arms', 'runs', 'endpoint', 'timeout', 'server-url', 'via', 'out']],
  diagnose: [
    ...['runs', 'max-minutes', 'client', 'env', 'kernel', 'arm', 'with', 'requirements', 'expect', 'timeout'],
    ...['slow-after', 'out'],
  ],
  exec: [
    ...[
      'output',
      'inplace',
      'attempts',
      'timeout',
      'begin-timeout',
      'kernel',
      'env',
      'arm',
      'with',
      'journal',
    ],
    'rate',
  ],
  plan: [
    ...['reference-rate', 'treatment-rate', 'alpha', 'power', 'runs', 'pilot', 'endpoint'],
    ...['seconds-per-run', 'hazard', 'cells', 'json'],
  ],
};

/** The options of a command as its help and the reference show them: the usual ones, then those for experts by group. */
export function helpSections(name: CommandName, table: readonly OptionRow[] = OPTIONS): HelpSection[] {
  const rows = rowsOf(name, table);
  const usual = USUAL[name];
  if (usual === undefined) return [{ heading: 'Options', rows }];
  const first = usual.flatMap((option) => rows.filter((row) => longName(row) === option));
  const others = rows.filter((row) => !first.includes(row));
  return [
    { heading: 'Options', rows: first },
    ...OPTION_GROUPS.map((group) => ({
      heading: `Expert, ${group.toLowerCase()}`,
      rows: others.filter((row) => row.group === group),
    })).filter((section) => section.rows.length > 0),
  ];
}

/** Names in the lists above that no option has: for a test. */
export function unknownUsual(): string[] {
  return Object.entries(USUAL).flatMap(([name, options = []]) => {
    const known = new Set(rowsOf(name as CommandName).map(longName));
    return options.filter((option) => !known.has(option)).map((option) => `${name} --${option}`);
  });
}
