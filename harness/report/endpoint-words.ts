import type { Endpoint } from '../model/endpoint.ts';
import type { Block, Inline, Line } from './document.ts';

// The kernel's own wedges keep their name: kinds (`wedged-mute`), and the words for them.
const WEDGE_WORD = /\b([Ww])edg(es|ed|ing|e)\b(?!-|, certified|, without a certificate)/g;
const STALL_ENDINGS: Readonly<Record<string, string>> = { es: 's', ed: 'ed', ing: 'ing', e: '' };

/**
 * The project's own words for the experiment's endpoint: if stalls are counted, sentences about wedges become sentences
 * about stalls. One vocabulary in one place, so that no sentence is left out.
 */
export function endpointText(words: string, endpoint: Endpoint | undefined): string {
  if (endpoint !== 'stalled') return words;
  return words.replace(
    WEDGE_WORD,
    (_word, first: string, ending: string) =>
      `${first === 'W' ? 'S' : 's'}tall${STALL_ENDINGS[ending] ?? ending}`,
  );
}

/** The same of a sentence; content in it stays as it is. */
export function endpointLine(line: Line, endpoint: Endpoint | undefined): Line {
  if (endpoint !== 'stalled') return line;
  return line.map((inline): Inline => {
    if (inline.kind === 'text') return { ...inline, text: endpointText(inline.text, endpoint) };
    if (inline.kind === 'strong') return { ...inline, children: endpointLine(inline.children, endpoint) };
    return inline;
  });
}

/** The same of whole blocks. */
export function endpointBlocks(blocks: readonly Block[], endpoint: Endpoint | undefined): Block[] {
  if (endpoint !== 'stalled') return [...blocks];
  const said = (line: Line) => endpointLine(line, endpoint);
  return blocks.map((block): Block => {
    switch (block.kind) {
      case 'paragraph':
      case 'callout':
        return { ...block, line: said(block.line) };
      case 'list':
        return { ...block, items: block.items.map(said) };
      case 'details':
        return { ...block, summary: said(block.summary), blocks: endpointBlocks(block.blocks, endpoint) };
      case 'table':
        return {
          ...block,
          caption: endpointText(block.caption, endpoint),
          columns: block.columns.map((column) => ({
            ...column,
            title: endpointText(column.title, endpoint),
          })),
          rows: block.rows.map((row) => row.map(said)),
        };
      default:
        return block;
    }
  });
}
