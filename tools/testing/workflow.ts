import { parse } from 'yaml';

/** Values that `${{ … }}` can name: contexts by name, each a tree. */
export type Contexts = Readonly<Record<string, unknown>>;

/** A step of a workflow's job or of a composite action, as it is written. */
export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly with?: Readonly<Record<string, unknown>>;
}

export interface Job {
  readonly name?: string;
  readonly needs?: string | readonly string[];
  readonly 'runs-on': string;
  readonly 'timeout-minutes'?: number;
  readonly 'continue-on-error'?: boolean;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly strategy?: { readonly 'fail-fast'?: boolean; readonly matrix?: Readonly<Record<string, unknown>> };
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly group: string };
  readonly env?: Readonly<Record<string, unknown>>;
  readonly defaults?: { readonly run?: { readonly shell?: string } };
  readonly jobs: Readonly<Record<string, Job>>;
}

/** A composite action. */
export interface Action {
  readonly inputs?: Readonly<Record<string, { readonly default?: unknown; readonly required?: boolean }>>;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

export function parseWorkflow(text: string): Workflow {
  return parse(text) as Workflow;
}

export function parseAction(text: string): Action {
  return parse(text) as Action;
}

type Cell = Record<string, unknown>;

/**
 * The jobs of a matrix, as GitHub makes them: the product of its lists; then each entry of `include` is added to
 * every combination whose values of the product it does not change, or else is a combination of its own.
 */
export function matrixCells(matrix: Readonly<Record<string, unknown>> | undefined): readonly Cell[] {
  const { include = [], exclude = [], ...lists } = matrix ?? {};
  if ((exclude as unknown[]).length > 0) throw new Error('exclude is not read here');
  let product: Cell[] = [{}];
  for (const [key, values] of Object.entries(lists)) {
    product = product.flatMap((cell) => (values as unknown[]).map((value) => ({ ...cell, [key]: value })));
  }
  const keys = Object.keys(lists);
  const combinations = keys.length === 0 ? [] : product;
  const cells = combinations.map((cell) => ({ ...cell }));
  const own: Cell[] = [];
  for (const entry of include as Cell[]) {
    const fits = cells.filter((_, index) =>
      keys.every((key) => !(key in entry) || entry[key] === combinations[index]?.[key]),
    );
    if (fits.length === 0) own.push(entry);
    else for (const cell of fits) Object.assign(cell, entry);
  }
  const all = [...cells, ...own];
  return all.length === 0 ? [{}] : all;
}

/** A text with its `${{ … }}` replaced by their values. @throws Error for a name that no context has */
export function substituted(text: string, contexts: Contexts): string {
  return text.replaceAll(/\$\{\{(.*?)\}\}/gs, (_, expression: string) =>
    shown(evaluated(expression, contexts)),
  );
}

/** Whether an `if:` holds; with or without `${{ }}`, true where there is none. */
export function holds(condition: string | undefined, contexts: Contexts): boolean {
  if (condition === undefined) return true;
  return truthy(evaluated(condition.replace(/^\s*\$\{\{(.*)\}\}\s*$/s, '$1'), contexts));
}

function shown(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

function truthy(value: unknown): boolean {
  return !(value === null || value === undefined || value === '' || value === false || value === 0);
}

const TOKEN =
  /\s*(\|\||&&|==|!=|[!(),]|'(?:[^']|'')*'|-?\d+(?:\.\d+)?|[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*|\.[A-Za-z_][\w-]*)/gy;

const FUNCTIONS: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  always: () => true,
  cancelled: () => false,
  success: () => true,
  failure: () => false,
  toJSON: (value) => JSON.stringify(value),
  fromJSON: (text) => JSON.parse(String(text)),
};

/** Value of an expression in GitHub's language, of which this reads what the workflows use. */
function evaluated(expression: string, contexts: Contexts): unknown {
  const tokens = [...expression.matchAll(TOKEN)].map((match) => match[1] ?? '');
  if (tokens.join('').length !== expression.replaceAll(/\s+(?=(?:[^']*'[^']*')*[^']*$)/g, '').length) {
    throw new Error(`the expression ${expression} cannot be read`);
  }
  let at = 0;
  const next = () => tokens[at++];
  const take = (token: string) => {
    if (next() !== token) throw new Error(`${token} is missing in ${expression}`);
  };
  const primary = (): unknown => {
    const token = next() ?? '';
    if (token === '!') return !truthy(primary());
    if (token === '(') {
      const value = or();
      take(')');
      return value;
    }
    if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
    if (/^-?\d/.test(token)) return Number(token);
    let value: unknown;
    if (tokens[at] === '(') {
      const call = FUNCTIONS[token];
      if (call === undefined) throw new Error(`the function ${token} is not known here`);
      take('(');
      const args: unknown[] = [];
      while (tokens[at] !== ')') {
        args.push(or());
        if (tokens[at] === ',') take(',');
      }
      take(')');
      value = call(...args);
    } else value = lookUp(token, contexts);
    for (let path = tokens[at]; path?.startsWith('.'); path = tokens[at]) {
      value = (value as Cell)[path.slice(1)];
      at += 1;
    }
    return value;
  };
  const comparison = (): unknown => {
    const left = primary();
    if (tokens[at] === '==' || tokens[at] === '!=') {
      const isEqual = next() === '==';
      return (shown(left) === shown(primary())) === isEqual;
    }
    return left;
  };
  const and = (): unknown => {
    let left = comparison();
    while (tokens[at] === '&&') {
      take('&&');
      const right = comparison();
      left = truthy(left) ? right : left;
    }
    return left;
  };
  const or = (): unknown => {
    let left = and();
    while (tokens[at] === '||') {
      take('||');
      const right = and();
      left = truthy(left) ? left : right;
    }
    return left;
  };
  const value = or();
  if (at !== tokens.length) throw new Error(`the expression ${expression} goes on after its end`);
  return value;
}

/** Values that may be absent: then GitHub gives an empty text. Anything else that is absent is a slip of the pen. */
const OPTIONAL = /^(?:inputs|github\.event)\./;

function lookUp(path: string, contexts: Contexts): unknown {
  if (path === 'true' || path === 'false') return path === 'true';
  let value: unknown = contexts;
  for (const part of path.split('.')) {
    const tree = value as Readonly<Record<string, unknown>> | null | undefined;
    if (tree === null || tree === undefined || !Object.hasOwn(tree, part)) {
      if (OPTIONAL.test(path)) return '';
      throw new Error(`there is no ${path}: ${part} is missing`);
    }
    value = tree[part];
  }
  return value;
}
