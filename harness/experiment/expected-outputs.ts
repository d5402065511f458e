import { type Notebook, readNotebook } from '../frontend/notebook.ts';
import { BUILT_IN_RULES, rulesHash, type SanitiseRule, sanitiseRules } from '../frontend/sanitise.ts';
import { type CellListing, listingHash, type ProtocolExpected } from '../model/cell-outputs.ts';
import { about, SoakError } from '../model/errors.ts';
import { readInput } from '../model/read-input.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunOptions } from '../options/run-options.ts';
import { cellListings, type Expectation } from '../run/compare-outputs.ts';
import { namedEndpoints } from './endpoint-options.ts';

type ExpectOptions = Pick<RunOptions, 'endpoint' | 'also' | 'expect' | 'sanitize'>;

/** What runs are to show, for the runs and for the protocol. */
export interface ExpectedOutputs {
  readonly expectation: Expectation;
  readonly protocol: ProtocolExpected;
}

/**
 * The outputs that every run is to show, read and sanitised.
 *
 * @returns `null` where no endpoint is about output, and for `any` where nothing is named to compare with
 * @throws SoakError `bad-option`, `no-expected-outputs`, `bad-sanitize-file`, `bad-notebook`
 */
export async function expectedOutputs(
  options: ExpectOptions,
  notebooks: readonly Notebook[],
): Promise<ExpectedOutputs | null> {
  const named = namedEndpoints(options);
  const asked = (['lost-output', 'any'] as const).find((name) => named.includes(name));
  const { sanitize } = options;
  if (asked === undefined) {
    const given = options.expect !== null ? 'expect' : sanitize !== null ? 'sanitize' : null;
    if (given !== null) throw unused(given);
    return null;
  }
  // What a notebook happens to hold is not what every run must show: without --expect, any asks about the rest.
  if (asked === 'any' && options.expect === null) {
    if (sanitize !== null) throw unused('sanitize');
    return null;
  }
  const own = sanitize === null ? [] : await about({ name: 'sanitize' }, () => readRules(sanitize));
  const rules = [...own, ...BUILT_IN_RULES];
  const expect = options.expect ?? 'saved';
  const rulesSha256 = rulesHash(rules);
  if (expect === 'reference') {
    return { expectation: { rules, listings: null }, protocol: { kind: 'reference', rulesSha256 } };
  }
  const kind = expect === 'saved' ? 'saved' : 'file';
  const listings =
    kind === 'saved'
      ? notebooks.map((notebook) => savedListings(notebook, rules, `--endpoint ${asked}`))
      : [await about({ name: 'expect', value: expect }, () => fileListings(expect, notebooks, rules))];
  return {
    expectation: { rules, listings },
    protocol: { kind, outputs: listings.map((each) => each.map(listingHash)), rulesSha256 },
  };
}

function unused(name: 'expect' | 'sanitize'): SoakError {
  return new SoakError('bad-option', `--${name} is about the outputs of cells, which are not compared.`, {
    remedy: 'Add --endpoint lost-output or --also lost-output, or leave it out.',
    option: { name },
  });
}

async function readRules(path: string): Promise<SanitiseRule[]> {
  let text: string;
  try {
    text = String(await readInput(path));
  } catch (cause) {
    throw new SoakError('bad-sanitize-file', `${path} cannot be read: ${(cause as Error).message}.`, {
      remedy: "Give the path of a file in nbval's format.",
      cause,
    });
  }
  return sanitiseRules(text, path);
}

function savedListings(notebook: Notebook, rules: readonly SanitiseRule[], asked: string): CellListing[] {
  const listings = cellListings(notebook, rules);
  if (listings.some(({ outputs }) => outputs.length > 0)) return listings;
  const { path } = notebook;
  throw new SoakError(
    'no-expected-outputs',
    `The notebook ${path} has no saved outputs in the cells that are executed, so that ${asked} has nothing to compare with.`,
    {
      remedy: `Execute it once and save it (npm run soak -- exec ${shellWord(path)} --inplace), or name what is expected: --expect EXECUTED.ipynb, or --expect reference for what most runs of control show.`,
      option: { name: 'expect' },
    },
  );
}

/** The outputs of an execution of the notebook that is in another file. */
async function fileListings(
  path: string,
  notebooks: readonly Notebook[],
  rules: readonly SanitiseRule[],
): Promise<CellListing[]> {
  const [notebook] = notebooks;
  if (notebook === undefined || notebooks.length > 1) {
    throw new SoakError(
      'bad-option',
      `--expect ${shellWord(path)} holds the outputs of one notebook, and ${notebooks.length} are given.`,
      {
        remedy: 'Give one notebook, or --expect saved for the outputs that each of them has.',
        option: { name: 'expect' },
      },
    );
  }
  const executed = await readNotebook(path);
  const cells = executed.codeCells.slice(0, notebook.codeCells.length);
  const other = notebook.codeCells.findIndex(({ source }, at) => cells[at]?.source !== source);
  if (other >= 0) {
    throw new SoakError(
      'no-expected-outputs',
      `${path} is no execution of ${notebook.path}: its executed code cell ${other} (counting from 0) ${cells[other] === undefined ? 'is missing' : 'has another source'}.`,
      { remedy: 'Execute the notebook as it is now, and give the result.', option: { name: 'expect' } },
    );
  }
  const listings = cellListings({ cells: executed.cells, codeCells: cells }, rules);
  if (listings.some(({ outputs }) => outputs.length > 0)) return listings;
  throw new SoakError('no-expected-outputs', `${path} has no outputs in the cells that are executed.`, {
    remedy: 'Give a notebook that was executed and saved with its outputs.',
    option: { name: 'expect' },
  });
}
