import { markdownTable } from 'markdown-table';
import stringWidth from 'string-width';
import { terminalText } from '../model/clean-text.ts';
import { wrapped } from '../model/wrapped.ts';
import { escapeMarkdown, markdownCode } from '../report/escape.ts';
import type { ProbeResult } from './probe-result.ts';
import { type Openness, openness, type ProbeRow, probeRows } from './probe-rows.ts';

const LIMIT = 240;

/** How a probe and jupyter_kernel_test differ: said wherever a probe is shown. */
const PEER_WORDS =
  'jupyter_kernel_test, the peer of this probe, checks what messages contain (outputs, completion, inspection, history, the message schema), the statuses of a cell and the welcome. It does not look at control, the heartbeat, what becomes of cells behind an error, refused stdin, interrupts, unknown requests or the shutdown. This probe looks at those.';

function titleOf(found: ProbeResult): string {
  const named = (name: string | null, version: string | null) =>
    name === null ? [] : [`\`${name}${version === null ? '' : ` ${version}`}\``];
  return [
    `\`${found.kernel}\``,
    ...(found.implementation === null
      ? ['a kernel that does not say what it is']
      : named(found.implementation, found.implementationVersion)),
    ...named(found.language, found.languageVersion),
  ].join(', ');
}

/** For a terminal. */
export function probeText(found: ProbeResult): string {
  const rows = probeRows(found);
  const width = Math.max(...rows.map(({ what }) => stringWidth(what)));
  const indent = ' '.repeat(width + 2);
  const lines = rows.flatMap(({ what, seen, means }) => [
    `${what.padEnd(width)}  ${wrapped(terminalText(plain(seen), LIMIT), indent)}`,
    ...(means === '' ? [] : [`${indent}${wrapped(plain(means), indent)}`]),
  ]);
  const opens = openness(found);
  const openWidth = Math.max(...opens.map(({ name }) => name.length));
  return [
    terminalText(plain(titleOf(found)), LIMIT),
    '',
    ...lines,
    ...found.unasked.map((what) => `Not asked: ${terminalText(plain(what), LIMIT)}.`),
    '',
    ...opens.map(
      ({ name, words }) =>
        `${name.padEnd(openWidth)}  ${wrapped(terminalText(plain(words), LIMIT), ' '.repeat(openWidth + 2))}`,
    ),
    '',
    `Asked in ${(found.tookMs / 1000).toFixed(1)} s.`,
    wrapped(PEER_WORDS, ''),
    '',
  ].join('\n');
}

/** To paste into an issue. */
export function probeMarkdown(found: ProbeResult): string {
  const table = (head: string[], rows: string[][]) => markdownTable([head, ...rows]);
  return [
    `### ${markdownCell(titleOf(found))}`,
    '',
    table(
      ['asked', 'seen', 'for a soak', 'in jupyter_kernel_test'],
      probeRows(found).map((row: ProbeRow) => [
        row.what,
        markdownCell(row.seen),
        markdownCell(row.means),
        row.elsewhere ? 'yes' : 'no',
      ]),
    ),
    '',
    ...found.unasked.map((what) => `Not asked: ${markdownCell(what)}.\n`),
    table(
      ['way to soak it', ''],
      openness(found).map(({ name, words }: Openness) => [name, markdownCell(words)]),
    ),
    '',
    `Asked in ${(found.tookMs / 1000).toFixed(1)} s by \`soak kernels --probe\` of kernel-soak. ${PEER_WORDS}`,
    '',
  ].join('\n');
}

/** The harness's own words, with the kernel's words in code spans: these have no backtick by then. */
function markdownCell(words: string): string {
  return words
    .split('`')
    .map((part, index) => (index % 2 === 1 ? markdownCode(part) : escapeMarkdown(part)))
    .join('');
}

function plain(words: string): string {
  return words.replaceAll('`', '');
}
