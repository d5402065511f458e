import type { Endpoint } from '../model/endpoint.ts';
import type { Block, Inline, Line } from './document.ts';
import { eventWords } from './endpoint-words.ts';

// Kinds such as `wedged-mute` keep their name.
const WEDGE_WORD = /\b([Ww])edg(e rate|es|ed|ing|e)\b(?!-)/g;

/** The words of a search (a bisect, a tuning, a plan), written for wedges, in those of its endpoint. */
export function endpointText(words: string, endpoint: Endpoint | undefined): string {
  if (endpoint === undefined || endpoint === 'wedged') return words;
  const own = eventWords({ endpoint });
  const forms: Readonly<Record<string, string>> = {
    'e rate': own.rate,
    es: own.nouns,
    ed: own.past,
    e: own.noun,
  };
  return words.replace(WEDGE_WORD, (word, first: string, ending: string) => {
    const form = forms[ending] ?? word;
    return first === 'W' ? `${form.slice(0, 1).toUpperCase()}${form.slice(1)}` : form;
  });
}

/** The same of a sentence; content in it stays as it is. */
export function endpointLine(line: Line, endpoint: Endpoint | undefined): Line {
  return line.map((inline): Inline => {
    if (inline.kind === 'text') return { ...inline, text: endpointText(inline.text, endpoint) };
    if (inline.kind === 'strong') return { ...inline, children: endpointLine(inline.children, endpoint) };
    return inline;
  });
}

/** The same of whole blocks. */
export function endpointBlocks(blocks: readonly Block[], endpoint: Endpoint | undefined): Block[] {
  const said = (line: Line) => endpointLine(line, endpoint);
  return blocks.map((block): Block => {
    switch (block.kind) {
      case 'paragraph':
      case 'callout':
        return { ...block, line: said(block.line) };
      case 'list':
        return { ...block, items: block.items.map(said) };
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
