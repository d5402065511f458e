import { canonicalJson, sha256 } from '../model/canonical.ts';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';

/** One replacement in the text of outputs. */
export interface SanitiseRule {
  readonly pattern: RegExp;
  /** As `String.replace` takes it. */
  readonly replacement: string | ((...groups: unknown[]) => string);
  /** What the rule's hash is made from. */
  readonly stated: readonly string[];
}

function builtIn(pattern: RegExp, replacement: string): SanitiseRule {
  return { pattern, replacement, stated: [pattern.source, pattern.flags, replacement] };
}

/** What differs between two healthy executions of the same cell. Applied after the user's own rules. */
export const BUILT_IN_RULES: readonly SanitiseRule[] = [
  // Colours, and what a terminal does on a carriage return: a progress bar writes over itself.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what an escape sequence begins with
  builtIn(/\x1b\[[0-?]*[ -/]*[@-~]/g, ''),
  builtIn(/\r+\n/g, '\n'),
  builtIn(/^[^\n]*\r(?=[^\n])/gm, ''),
  builtIn(/\d{1,3}%\|[^\n]*/g, 'PROGRESS'),
  builtIn(/\bipykernel_\d+\/\d+\.py\b/g, 'ipykernel_PID/CELL.py'),
  builtIn(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, 'UUID'),
  builtIn(/\b[0-9a-f]{32}\b/g, 'ID'),
  builtIn(/\b0x[0-9a-f]{6,16}\b/gi, 'ADDRESS'),
  // What CPython's id() gives where addresses have 47 bits.
  builtIn(/\b(?:9\d{13}|1[0-4]\d{13})\b/g, 'ID'),
  builtIn(/\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?/g, 'TIME'),
  builtIn(/\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b/g, 'TIME'),
  builtIn(/\b\d+(?:\.\d+)? ?(?:ns|[µμu]s|ms|s|sec|seconds)\b/g, 'DURATION'),
];

/** Hash of the rules, in their order. */
export function rulesHash(rules: readonly SanitiseRule[]): string {
  return sha256(canonicalJson(rules.map(({ stated }) => stated)));
}

/** The text after every rule. */
export function sanitised(text: string, rules: readonly SanitiseRule[]): string {
  return rules.reduce((done, { pattern, replacement }) => {
    return typeof replacement === 'string'
      ? done.replace(pattern, replacement)
      : done.replace(pattern, replacement);
  }, text);
}

/**
 * The rules of a file in nbval's format: sections, each with `regex:` and, on the next line, `replace:`. A regex is
 * Python's, as far as JavaScript has the same.
 *
 * @param path for messages
 * @throws SoakError `bad-sanitize-file`, with the line
 */
export function sanitiseRules(text: string, path: string): SanitiseRule[] {
  const bad = (line: number, found: string, remedy: string, cause?: unknown) =>
    new SoakError('bad-sanitize-file', `${path}, line ${line}: ${found}`, { remedy, cause });
  const rules: SanitiseRule[] = [];
  let open: { readonly regex: string; readonly line: number } | null = null;
  const unreplaced = ({ line }: { readonly line: number }) =>
    bad(line, 'the regex has no replace: on the next line.', 'Add one; "replace:" alone removes the text.');
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1;
    if (/^\s*(?:[#;].*)?$/.test(raw) || /^\[.*\]\s*$/.test(raw)) continue;
    const [, key, value = ''] = /^(regex|replace)\s*[:=] ?(.*)$/.exec(raw) ?? [];
    if (key === undefined) {
      throw bad(
        line,
        `${quoted(raw)} is neither a section, nor regex:, nor replace:.`,
        'Write sections as nbval has them: [name], then a line "regex: …", then a line "replace: …".',
      );
    }
    if (key === 'regex') {
      if (open !== null) throw unreplaced(open);
      if (value === '') throw bad(line, 'the regex is empty.', 'Write the pattern after "regex:".');
      open = { regex: value, line };
      continue;
    }
    if (open === null) {
      throw bad(
        line,
        'there is a replace: without a regex: before it.',
        'Write the regex on the line above.',
      );
    }
    try {
      rules.push(ruleOf(open.regex, value));
    } catch (cause) {
      throw bad(
        cause instanceof BadReplacement ? line : open.line,
        `${cause instanceof BadReplacement ? `the replacement ${quoted(value)}` : `the regex ${quoted(open.regex)}`} cannot be used: ${(cause as Error).message}.`,
        'Correct it. Python and JavaScript share most of their syntax; verbose mode is not among it.',
        cause,
      );
    }
    open = null;
  }
  if (open !== null) throw unreplaced(open);
  if (rules.length === 0) {
    throw bad(1, 'the file has no rule.', 'Add a section with regex: and replace:, or leave out --sanitize.');
  }
  return rules;
}

class BadReplacement extends Error {}

/** @throws Error what JavaScript says of the pattern, or BadReplacement */
function ruleOf(regex: string, replace: string): SanitiseRule {
  const [, flags = '', body = regex] = /^\(\?([a-zA-Z]+)\)(.*)$/s.exec(regex) ?? [];
  const unknown = /[^imsu]/.exec(flags)?.[0];
  if (unknown !== undefined) throw new Error(`the flag ${unknown} is Python's alone`);
  const pattern = new RegExp(asJavaScript(body), `g${[...new Set(flags.replaceAll('u', ''))].join('')}`);
  const groups = new RegExp(`${pattern.source}|`).exec('')?.length ?? 1;
  const parts = replacementParts(replace, groups - 1, pattern.source);
  return {
    pattern,
    replacement: (...args) => parts.map((part) => (typeof part === 'string' ? part : part(args))).join(''),
    stated: [regex, replace],
  };
}

/** Python's spellings that JavaScript has otherwise. */
function asJavaScript(regex: string): string {
  return regex.replace(
    /\\(.)|\(\?P<(\w+)>|\(\?P=(\w+)\)|\{,(\d+)\}/gs,
    (whole, escaped, named, again, most) => {
      if (escaped === 'A') return '(?<![\\s\\S])';
      if (escaped === 'Z') return '(?![\\s\\S])';
      if (named !== undefined) return `(?<${named}>`;
      if (again !== undefined) return `\\k<${again}>`;
      if (most !== undefined) return `{0,${most}}`;
      return whole;
    },
  );
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };

type Part = string | ((args: readonly unknown[]) => string);

/** A replacement as `re.sub` reads it: `\1`, `\g<1>`, `\g<name>` and escapes. */
function replacementParts(replace: string, groups: number, source: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const found of replace.matchAll(/\\(?:g<(\w+)>|(\d{1,2})|(.))/gs)) {
    parts.push(replace.slice(from, found.index));
    from = found.index + found[0].length;
    const [, named, number, escaped] = found;
    const group = named ?? number;
    if (group === undefined) {
      parts.push(ESCAPES[escaped ?? ''] ?? found[0]);
    } else if (/^\d+$/.test(group)) {
      const index = Number(group);
      if (index > groups) throw new BadReplacement(`the regex has no group ${index}`);
      parts.push((args) => String(args[index] ?? ''));
    } else {
      if (!source.includes(`(?<${group}>`)) throw new BadReplacement(`the regex has no group ${group}`);
      parts.push((args) => String((args.at(-1) as Record<string, unknown>)[group] ?? ''));
    }
  }
  parts.push(replace.slice(from));
  if (/\\$/.test(replace.replace(/\\\\/g, ''))) throw new BadReplacement('it ends in a backslash');
  return parts;
}
