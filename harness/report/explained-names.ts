import { type Block, type Line, paragraph, text } from './document.ts';
import type { FigureText } from './figure-text.ts';

/** A name of statistics that a reader may not know, and what it means in a sentence. */
interface ExplainedName {
  readonly name: string;
  /** Where it stands, whether by its own name or not. */
  readonly pattern: RegExp;
  readonly sentence: string;
}

/** In the order in which they are explained. More, with sources, is in docs/statistics.md. */
export const EXPLAINED_NAMES: readonly ExplainedName[] = [
  {
    name: 'Boschloo',
    pattern: /Boschloo/,
    sentence:
      "Boschloo's exact test gives the chance of a difference at least this large if the rates were equal.",
  },
  {
    name: 'Fisher',
    pattern: /Fisher/,
    sentence:
      "Fisher's exact test gives the chance of a difference at least this large if the rates were equal and the events of both arms together had to be as many as they are.",
  },
  {
    name: 'stratified test',
    pattern: /exact stratified test/,
    sentence: 'The exact stratified test compares only runs of the same host or night.',
  },
  {
    name: 'Holm',
    pattern: /\bHolm\b/,
    sentence:
      "Holm's correction raises p-values, so that several tests together claim falsely no more often than one would.",
  },
  {
    name: 'E',
    pattern: /e-process|\bE = |\bE, |\bE of\b|product of E/,
    sentence:
      'The e-process is a bet against equal rates, and E is what it has made of a stake of 1: if the rates are equal, E ever reaches 1/α with a chance of at most α, however often one looks.',
  },
  {
    name: 'Clopper–Pearson',
    pattern: /Clopper|95 % interval/,
    sentence:
      'A 95 % interval of a rate is a Clopper–Pearson interval: it covers the true rate in at least 95 of 100 experiments.',
  },
  {
    name: 'Newcombe',
    pattern: /Newcombe/,
    sentence: "Newcombe's interval covers the true difference of two rates in about 95 of 100 experiments.",
  },
  {
    name: 'Garwood',
    pattern: /Garwood/,
    sentence: 'A Garwood interval is the exact 95 % interval of a count that may grow with every reply.',
  },
  {
    name: 'χ²',
    pattern: /χ²/,
    sentence: "Pearson's χ² adds up how far the counts lie from those expected.",
  },
  {
    name: 'Kaplan–Meier',
    pattern: /Kaplan–Meier/,
    sentence:
      'The Kaplan–Meier estimate is the share of runs without the event after so many replies; a run that ended earlier counts up to its end.',
  },
  {
    name: 'Mantel–Haenszel',
    pattern: /Mantel–Haenszel/,
    sentence: 'Mantel–Haenszel weights give a host or night with more runs more weight.',
  },
  {
    name: 'Zelen',
    pattern: /Zelen/,
    sentence:
      "Zelen's exact test gives the chance of effects that differ as much if they were alike everywhere.",
  },
];

/** Names that a figure brings, in its picture and in its text. */
const OF_FIGURES: Readonly<Record<string, string>> = {
  rates: '95 % interval',
  evidence: 'e-process',
  survival: 'Kaplan–Meier',
};

/**
 * Explains each name where it first stands, as the blocks of a document come by. Only the project's own words are looked
 * at: what a journal has for names and messages adds no paragraph.
 */
export class NameExplainer {
  readonly #seen = new Set<string>();
  readonly #figures: ReadonlySet<string>;

  /** @param figures that the document has: one without data is left out of it */
  constructor(figures: readonly Pick<FigureText, 'name'>[]) {
    this.#figures = new Set(figures.map(({ name }) => name));
  }

  /** The blocks, with a paragraph after each that brings names. Folded blocks are explained where they are folded. */
  inPlace(blocks: readonly Block[]): Block[] {
    return blocks.flatMap((block) =>
      block.kind === 'details'
        ? [...this.#explained([ownWords(block.summary)]), { ...block, blocks: this.inPlace(block.blocks) }]
        : [block, ...this.#explained([this.#wordsOf(block)])],
    );
  }

  /** The blocks, with one paragraph at the end for all names that they bring: nothing parts a verdict from its table. */
  atEnd(blocks: readonly Block[]): Block[] {
    return [...blocks, ...this.#explained(blocks.map((block) => this.#wordsOf(block)))];
  }

  #explained(words: readonly string[]): Block[] {
    const all = words.join('\n');
    const fresh = EXPLAINED_NAMES.filter(({ name, pattern }) => !this.#seen.has(name) && pattern.test(all));
    for (const { name } of fresh) this.#seen.add(name);
    return fresh.length === 0 ? [] : [paragraph([text(fresh.map(({ sentence }) => sentence).join(' '))])];
  }

  #wordsOf(block: Block): string {
    switch (block.kind) {
      case 'paragraph':
      case 'callout':
        return ownWords(block.line);
      case 'list':
        return block.items.map(ownWords).join('\n');
      case 'figure':
        return this.#figures.has(block.name) ? (OF_FIGURES[block.name] ?? '') : '';
      case 'verbatim':
        return '';
      case 'details':
        return [ownWords(block.summary), ...block.blocks.map((each) => this.#wordsOf(each))].join('\n');
      case 'table':
        return [
          ...block.columns.map(({ title }) => title),
          ...block.rows.map((row) => row.map(ownWords).join('\n')),
        ].join('\n');
    }
  }
}

/** A sentence without what it quotes. */
function ownWords(content: Line): string {
  return content
    .map((inline): string => {
      if (inline.kind === 'text') return inline.text;
      return inline.kind === 'strong' ? ownWords(inline.children) : '…';
    })
    .join('');
}
