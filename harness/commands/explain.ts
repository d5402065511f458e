import type { Command } from 'commander';
import { readJournal } from '../journal/read.ts';
import { terminalText } from '../model/clean-text.ts';
import { SoakError } from '../model/errors.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import { quoted } from '../model/quoted.ts';
import { runExplained } from '../report/run-explained.ts';

/** Runs that an error message names at most. */
const NAMED_RUNS = 8;

/** Add `soak explain`: one run in plain words, with a timeline of its messages. */
export function registerExplain(program: Command, write: (text: string) => void): void {
  program
    .command('explain')
    .description('Explain one run: what happened, its last messages, and what it means')
    .argument('<report>', 'folder of a report')
    .argument('<run>', 'the run, as the report names it, such as b007-fix; b7-fix will do')
    .action(async (folder: string, name: string) => {
      const { journal } = await readJournal(folder);
      write(runExplained(journal, namedRun(journal, name)));
    });
}

/** @throws SoakError `unknown-run` */
function namedRun(journal: Journal, name: string): RunRecord {
  const wanted = withoutZeros(name);
  const run = journal.runs.find((each) => withoutZeros(each.run) === wanted);
  if (run !== undefined) return run;
  const anywhere = journal.runs.filter(
    ({ run: each, source }) => source !== undefined && withoutZeros(each) === `${wanted}@${source}`,
  );
  if (anywhere.length === 1 && anywhere[0] !== undefined) return anywhere[0];
  if (anywhere.length > 1) {
    throw new SoakError('unknown-run', `The run ${name} was made in ${anywhere.length} places.`, {
      remedy: `Name one: ${anywhere
        .slice(0, NAMED_RUNS)
        .map((each) => terminalText(each.run))
        .join(', ')}${anywhere.length > NAMED_RUNS ? ', …' : ''}.`,
    });
  }
  if (journal.abandoned.includes(name)) {
    throw new SoakError(
      'unknown-run',
      `The run ${name} was started but never recorded, so there is nothing to explain.`,
      {
        remedy: 'Its experiment was interrupted. `soak --resume` runs it again.',
      },
    );
  }
  const telling = journal.runs.filter(({ outcome }) => outcome.kind !== 'completed');
  const named = (telling.length > 0 ? telling : journal.runs)
    .slice(0, NAMED_RUNS)
    .map(({ run: each }) => each);
  throw new SoakError(
    'unknown-run',
    `No run is called ${quoted(name)}: the report has ${journal.runs.length} others.`,
    {
      remedy:
        named.length === 0
          ? 'No run was recorded.'
          : `${telling.length > 0 ? 'Runs that did not complete' : 'Its runs'}: ${named.map((each) => terminalText(each)).join(', ')}${telling.length > NAMED_RUNS ? ', …' : ''}.`,
    },
  );
}

/** `b007-fix` as `b7-fix`. */
function withoutZeros(name: string): string {
  return name.replace(/^b0*(?=\d)/, 'b');
}
