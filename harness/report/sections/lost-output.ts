import type { ExpectedKind, ProtocolExpected } from '../../model/cell-outputs.ts';
import { OUTPUT_LOSSES } from '../../model/output-loss.ts';
import { type Block, code, type Line, line, list, paragraph, runLink, table, text } from '../document.ts';
import { count } from '../format-number.ts';
import { hasLost, lossWords, outputPages } from '../output-pages.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

const KIND_WORDS: Readonly<Record<ExpectedKind, string>> = {
  saved: 'the outputs that the notebook was saved with',
  file: 'the outputs of an executed notebook',
  reference: "what more than half of control's runs show",
};

/** What was expected, and what of it was compared. */
export function expectedLine({ kind }: Pick<ProtocolExpected, 'kind'>): Line {
  return line`Expected: ${text(KIND_WORDS[kind])}. Compared are the cells that were answered, after sanitising. An output that only differs is no loss.`;
}

/** What was compared, what was lost of it by arm, and an example of each arm. Nothing if no output was expected. */
export function lostOutputBlocks(report: Report): Block[] {
  const { protocol, runs } = report;
  const { expected } = protocol;
  if (expected === undefined) return [];
  const arms = protocol.arms.map(({ name }) => {
    const mine = runs.filter(({ arm, losses }) => arm === name && losses !== undefined);
    return { name, runs: mine, losses: mine.flatMap(({ losses }) => losses ?? []) };
  });
  const pages = outputPages(report);
  const examples = arms.flatMap(({ name, runs: mine }): Line[] => {
    const first = mine.find(hasLost);
    const loss = first?.losses?.find(({ loss: kind }) => kind !== 'differs');
    const page = pages.find(({ run }) => run === first);
    if (first === undefined || loss === undefined || page === undefined) return [];
    return [
      line`${code(name)}, ${[runLink(first.run)]}, cell ${num(count(loss.cell))}: ${code(lossWords(loss))}. Side by side: ${code(page.path)}.`,
    ];
  });
  return [
    paragraph(expectedLine(expected)),
    table(
      'Losses of output by arm',
      'Arm | >Runs compared | >With a loss | >Missing | >Doubled | >Cut | >Moved | >Differs',
      arms.map(({ name, runs: mine, losses }): Line[] => [
        [code(name)],
        [num(count(mine.length))],
        [num(count(mine.filter(hasLost).length))],
        ...OUTPUT_LOSSES.map((kind): Line => [num(count(losses.filter(({ loss }) => loss === kind).length))]),
      ]),
    ),
    ...(examples.length === 0 ? [] : [list(examples)]),
  ];
}
