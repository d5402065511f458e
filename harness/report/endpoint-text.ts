import type { Endpoint } from '../model/endpoint.ts';
import type { Block, Inline, Line, ReportDocument } from './document.ts';
import { capital, eventWords } from './endpoint-words.ts';

// Kinds keep their name (`wedged-mute`), and so do the words for them. `it wedges` is a verb, all other `wedges` a noun.
const WEDGE_WORD = /\b(it )?([Ww])edg(es|ed|e)\b(?!-|, certified|, without a certificate)/g;

/**
 * The words of a search, which are written about wedges, in those of its endpoint: nouns, the past and the present. A
 * report of an experiment has words of its own for each endpoint (`eventWords`).
 */
export function endpointText(words: string, endpoint: Endpoint | undefined): string {
  if (endpoint === undefined || endpoint === 'wedged') return words;
  const of = eventWords({ endpoint });
  return words.replace(WEDGE_WORD, (_word, it: string | undefined, first: string, ending: string) => {
    const form =
      ending === 'ed' ? of.past : ending === 'e' ? of.noun : it === undefined ? of.nouns : of.present;
    return `${it ?? ''}${first === 'W' ? capital(form) : form}`;
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

/** The same of a document. Titles name no event. */
export function endpointDocument(document: ReportDocument, endpoint: Endpoint | undefined): ReportDocument {
  return {
    ...document,
    lead: endpointBlocks(document.lead, endpoint),
    sections: document.sections.map((section) => ({
      ...section,
      blocks: endpointBlocks(section.blocks, endpoint),
    })),
  };
}

function endpointBlocks(blocks: readonly Block[], endpoint: Endpoint | undefined): Block[] {
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
