import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { chosenKernel } from '../diagnose/chosen-kernel.ts';
import { assertHasCode, readNotebook } from '../frontend/notebook.ts';
import { folderStamp } from '../journal/report-folders.ts';
import { terminalText } from '../model/clean-text.ts';
import { CLIENTS, type ClientName } from '../model/client.ts';
import { about, EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { publicPath } from '../model/public-path.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { addOptions } from '../options/add-options.ts';
import { type GivenOptions, kebabCase, parsedOptions } from '../options/given.ts';
import { attributeOf } from '../options/row.ts';
import { type RawOptions, rowsOf } from '../options/table.ts';

const DIAGNOSE_HELP = `
The same command is soak NOTEBOOK.ipynb. The notebook is executed by nbclient, as most CI does, and directly, in turn, each time in a fresh kernel. The answer says whether something goes wrong and how often, what it is and at whose fault, and what to do. It ends with the next command.

Examples:
  On the kernel that your Jupyter would take:
    soak my.ipynb
  On that environment, longer:
    soak my.ipynb --env ~/venv --runs 30
  On that release:
    soak my.ipynb --arm ipykernel==7.4.0
  Where CI uses papermill:
    soak my.ipynb --client papermill

Exit codes: 0 done, whatever came out; 2 bad input; 3 no run could be observed; 4 environment; 130 interrupted.`;

/** Add `soak diagnose`: what happens to a notebook, how often and at whose fault. */
export function registerDiagnose(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('diagnose')
      .description('Find out what goes wrong in a notebook, how often, and at whose fault')
      .argument('<notebook>', 'the notebook'),
    'diagnose',
  )
    .addHelpText('after', DIAGNOSE_HELP)
    .action(async (notebook: string, raw: RawOptions<'diagnose'>) => {
      onExit(await diagnose(notebook, raw, surroundings()));
    });
}

/** Whether the one argument of `soak run` names a notebook, and no experiment file. */
export function isNotebookPath(path: string | undefined): path is string {
  return path !== undefined && /\.ipynb$/i.test(path);
}

/**
 * The options of `soak NOTEBOOK.ipynb`, which commander reads as those of `soak run`.
 *
 * @throws SoakError `bad-option` for an option that makes it an experiment, and for a second arm or kernel
 */
export function diagnoseOptions(notebook: string, flags: RawOptions<'run'>): RawOptions<'diagnose'> {
  const rows = rowsOf('diagnose');
  const own = new Set(rows.map(attributeOf));
  const given = Object.entries(flags as GivenOptions).filter(([, value]) => value !== undefined);
  const foreign = given.find(([name]) => !own.has(name));
  if (foreign !== undefined) {
    throw new SoakError(
      'bad-option',
      `--${kebabCase(foreign[0])} is an option of an experiment, and soak ${shellWord(notebook)} is a diagnosis.`,
      {
        remedy: `Leave it out. Or run an experiment: npm run soak -- run --notebook ${shellWord(notebook)}, with that option.`,
      },
    );
  }
  const repeatable = new Set(rows.filter(({ type }) => type.isRepeatable === true).map(attributeOf));
  return Object.fromEntries(
    given.map(([name, value]) => [name, repeatable.has(name) ? value : onlyOne(name, value)]),
  );
}

/** `soak run` takes several arms and kernels, and a diagnosis one. */
function onlyOne(name: string, value: GivenOptions[string]): GivenOptions[string] {
  if (!Array.isArray(value)) return value;
  const [first, second] = value as readonly string[];
  if (second === undefined) return first;
  throw new SoakError('bad-option', `--${kebabCase(name)} is given twice, and a diagnosis has one.`, {
    remedy: `Give one. To compare ${name}s, use soak run or soak locate.`,
  });
}

/** Carry out `soak diagnose`. */
export async function diagnose(
  path: string,
  raw: RawOptions<'diagnose'>,
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  const { signal, write } = surroundings;
  const options = parsedOptions('diagnose', { client: 'nbclient', ...raw });
  const { runs, maxMinutes, timeoutSeconds, clientTimeout, arm, env, python, kernel } = options;
  const client = namedClient(options.client);
  const notebook = await about({ name: 'notebook', value: path }, async () => {
    const read = await readNotebook(path);
    assertHasCode(read);
    return read;
  });
  const chosen = await chosenKernel(
    notebook,
    {
      ...{ env, python, kernel, arm },
      isArmGiven: raw.arm !== undefined,
      packages: {
        ...(raw.with === undefined ? {} : { with: raw.with }),
        ...(raw.requirements === undefined ? {} : { requirements: raw.requirements }),
      },
    },
    client,
    signal,
  );
  const folder = resolve(raw.out ?? join('soak-reports', `${folderStamp()}-diagnosis`));
  const given = flagged(raw, ['env', 'python', 'with', 'requirements', 'kernel', 'arm', 'client']);
  const environment = flagged(chosen.options, ['env', 'python', 'with', 'requirements']);
  const asked = {
    notebook: path,
    folder: raw.out ?? folder,
    given,
    environment,
    arm: chosen.hasClient ? arm : null,
    client,
    runs,
    maxMinutes: maxMinutes ?? DEFAULT_MINUTES,
    timeoutSeconds,
    isTimeoutGiven: raw.timeout !== undefined,
  };
  const { carryOutDiagnosis } = await import('../diagnose/carry-out.ts');
  const { openDiagnosisDisplay, plannedWords } = await import('./diagnose-display.ts');
  const { answerText } = await import('../diagnose/answer-text.ts');
  write(`${terminalText(notebook.name)}: ${terminalText(chosen.why, 300)}\n`);
  const { journals, exitCode } = await carryOutDiagnosis(
    {
      folder,
      notebookSha256: notebook.sha256,
      kernel: chosen,
      client,
      shared: {
        notebook: [path],
        runs: String(runs),
        timeout: String(timeoutSeconds),
        startTimeout: String(options.startTimeoutSeconds),
        ...(chosen.hasClient
          ? { expect: options.expect }
          : raw.expect === undefined
            ? {}
            : { expect: raw.expect }),
        ...(raw.sanitize === undefined ? {} : { sanitize: raw.sanitize }),
        ...(raw.slowAfter === undefined ? {} : { slowAfter: raw.slowAfter }),
        ...(raw.memoryAbove === undefined ? {} : { memoryAbove: raw.memoryAbove }),
        ...(raw.seed === undefined ? {} : { seed: raw.seed }),
      },
      clientTimeout: clientTimeout === null ? 'none' : String(clientTimeout),
      maxMs: asked.maxMinutes * 60_000,
      asked: {
        ...asked,
        notebook: publicPath(path),
        folder: publicPath(folder),
        given: published(given),
        environment: published(environment),
      },
    },
    surroundings,
    openDiagnosisDisplay,
    (ways) => write(plannedWords(ways, asked)),
  );
  write(answerText(journals, asked));
  write(`\nEvidence: ${join(folder, 'diagnosis.md')}\n`);
  if (exitCode === EXIT_CODES.interrupted) {
    write(`Interrupted. Go on with the same command and --out ${shellWord(folder)}\n`);
  }
  return exitCode;
}

const DEFAULT_MINUTES = 5;

function namedClient(client: ReturnType<typeof parsedOptions<'diagnose'>>['client']): ClientName {
  if (typeof client === 'string') return client;
  throw new SoakError('bad-option', 'A diagnosis needs a client by its name, not the command of a program.', {
    remedy: `Choose one: ${CLIENTS.join(', ')}. A command can be the client of soak run.`,
    option: { name: 'client' },
  });
}

/** The options with their flags, in turn; a repeatable one as often as it was given. */
function flagged<Name extends string>(
  options: Readonly<Partial<Record<Name, string | readonly string[]>>>,
  names: readonly Name[],
): string[] {
  return names.flatMap((name) => {
    const value = options[name];
    const values: readonly string[] = value === undefined ? [] : [value].flat();
    return values.flatMap((each) => [`--${name}`, each]);
  });
}

/** Flags and values in turn, with what is private replaced. */
function published(words: readonly string[]): string[] {
  return words.map((word, index) => {
    const flag = words[index - 1];
    if (index % 2 === 0) return word;
    if (flag === '--env') return '<your environment>';
    return flag === '--python' || flag === '--requirements' ? publicPath(word) : word;
  });
}
