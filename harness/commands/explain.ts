import { join } from 'node:path';
import type { Command } from 'commander';
import { diagnosisText } from '../diagnose/answer-text.ts';
import { diagnosisFolder, readDiagnosis } from '../diagnose/write-diagnosis.ts';
import { readJournal } from '../journal/read.ts';
import { terminalText } from '../model/clean-text.ts';
import { SoakError } from '../model/errors.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import { quoted } from '../model/quoted.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { groupExplained } from '../report/group-explained.ts';
import { runExplained } from '../report/run-explained.ts';
import { failureGroups } from '../stats/failure-groups.ts';

/** Runs that an error message names at most. */
const NAMED_RUNS = 8;

/** Add `soak explain`: one run in plain words, with a timeline of its messages. */
export function registerExplain(program: Command, write: (text: string) => void): void {
  addOptions(
    program
      .command('explain')
      .description('Explain one run: what happened, its last messages, and what it means')
      .argument('<report>', 'folder of a report')
      .argument(
        '[run]',
        'the run, as the report names it, such as b007-fix; b7-fix will do; of a diagnosis with its way, such as direct/b3-control',
      ),
    'explain',
  ).action(async (folder: string, name: string | undefined, raw: RawOptions<'explain'>) => {
    const { group } = parsedOptions('explain', raw);
    if ((await diagnosisFolder(folder)) !== null) {
      write(await diagnosisExplained(folder, name, group));
      return;
    }
    if ((group === null) === (name === undefined)) {
      throw new SoakError('bad-usage', 'Explain needs either a run or --group, and not both.', {
        remedy:
          'Give a run, as in `soak explain DIR b007-fix`, or a group, as in `soak explain DIR --group 1`.',
      });
    }
    const { journal } = await readJournal(folder);
    if (name !== undefined) return write(runExplained(journal, namedRun(journal, name)));
    const { groups } = failureGroups(journal.experiment.protocol, journal.runs);
    const found = groups[(group ?? 0) - 1];
    if (found === undefined) {
      throw new SoakError('unknown-group', `There is no group ${group}: the report has ${groups.length}.`, {
        remedy:
          groups.length === 0
            ? 'No run had an event or a competing event.'
            : `Give a number from 1 to ${groups.length}.`,
      });
    }
    write(groupExplained(journal, group ?? 0, found));
    write(runExplained(journal, namedRun(journal, found.example)));
  });
}

/**
 * A run of a diagnosis, named with its way, as in `direct/b3-control`. Without a run, the diagnosis itself.
 *
 * @throws SoakError `bad-usage` for a group, which belongs to one way; `unknown-run`
 */
async function diagnosisExplained(folder: string, name: string | undefined, group: number | null) {
  const { journals } = await readDiagnosis(folder);
  const ways = journals.map((way) => way.name);
  if (group !== null) {
    throw new SoakError('bad-usage', 'The failure groups of a diagnosis belong to its ways.', {
      remedy: `Give the folder of a way: ${ways.map((way) => join(folder, way)).join(' or ')}.`,
    });
  }
  if (name === undefined) return diagnosisText(journals);
  const [way = '', ...rest] = name.split('/');
  const found = journals.find((each) => each.name === way);
  if (found !== undefined) return runExplained(found.journal, namedRun(found.journal, rest.join('/')));
  throw new SoakError('unknown-run', `The run ${quoted(name)} is named without its way.`, {
    remedy: `Name it as one of: ${ways.map((each) => `${each}/${name}`).join(', ')}.`,
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
