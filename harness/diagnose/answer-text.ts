import { wrapped } from '../model/wrapped.ts';
import { plainLine } from '../report/document.ts';
import { diagnosisOf, type WayJournal } from './diagnosis.ts';
import { QUESTIONS } from './document.ts';
import { type Asked, commandText, nextArguments } from './next-command.ts';
import { answer } from './sentences.ts';

/** The three sentences, for a terminal. */
export function diagnosisText(journals: readonly WayJournal[]): string {
  const sentences = answer(diagnosisOf(journals));
  return (['whether', 'what', 'toDo'] as const)
    .map((name) => `${QUESTIONS[name]}\n${wrapped(plainLine(sentences[name]))}\n`)
    .join('\n');
}

/** The three sentences and the next command, for a terminal. */
export function answerText(journals: readonly WayJournal[], asked: Asked): string {
  return `${diagnosisText(journals)}\nNext: ${commandText(nextArguments(diagnosisOf(journals), asked))}\n`;
}
