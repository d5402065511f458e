import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { mergedJournal } from '../journal/merge.ts';
import { readJournal } from '../journal/read.ts';
import { namedJournals } from '../journal/report-folders.ts';
import { writeMergedJournal } from '../journal/write-merged.ts';
import type { ExitCode } from '../model/errors.ts';
import { addOptions } from '../options/add-options.ts';
import type { RawOptions } from '../options/table.ts';
import { assertCanFail, failRules } from '../report/fail-on.ts';
import { explainFailures } from '../report/failed-rules.ts';
import { counted } from '../report/format-number.ts';
import { judgedExit } from '../report/judged-exit.ts';
import { buildReport } from '../report/report.ts';
import { summaryLine, verdictParagraph } from '../report/summary.ts';

/** Add `soak merge`: shards, hosts and nights of one protocol become one experiment. */
export function registerMerge(
  program: Command,
  write: (text: string) => void,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('merge')
      .description('Merge the shards, hosts and nights of one protocol, and write their evidence')
      .argument('<dir...>', 'folders of reports, or folders above them'),
    'merge',
  )
    .addHelpText('after', MERGE_HELP)
    .action(async (dirs: string[], raw: RawOptions<'merge'>) => {
      onExit(await mergeCommand(dirs, raw, write));
    });
}

const MERGE_HELP = `
A run that several journals hold is counted once; if they hold it differently, nothing is merged. Shards on hosts of one kind make one stratum, as if one host had done all blocks. Other hosts, and other nights, are strata of their own: runs are compared within a stratum, by an exact stratified test or the product of E. Merged folders can be merged again.

Exit codes: 0 done, 1 a rule of --fail-on was met, 2 bad input or another protocol, 3 an arm without a valid run.`;

async function mergeCommand(
  dirs: readonly string[],
  raw: RawOptions<'merge'>,
  write: (text: string) => void,
): Promise<ExitCode> {
  const rules = raw.failOn === undefined ? [] : failRules(raw.failOn);
  const journals = await namedJournals(dirs);
  const merged = mergedJournal(journals);
  assertCanFail(rules, merged.experiment.protocol);
  const out = resolve(raw.out ?? '');
  await writeMergedJournal(out, merged);
  const { journal } = await readJournal(out);
  const report = buildReport(journal);
  const { writeReport } = await import('../report/write-report.ts');
  const { reportToGithub } = await import('../report/github.ts');
  await writeReport(out, journal, report);
  await reportToGithub(report, process.env, write);
  const strata = report.analysis.strata?.length ?? 1;
  const again = merged.duplicates === 0 ? '' : `; ${counted(merged.duplicates, 'copied run')} counted once`;
  write(
    `${counted(journals.length, 'journal')} of ${counted(merged.experiment.sources?.length ?? 0, 'source')}, ${counted(merged.runs, 'run')} in ${counted(strata, 'stratum', 'strata')}${again}\n\n${verdictParagraph(report)}\n\n${summaryLine(report)}\n\nEvidence: ${join(out, 'evidence.md')}\n`,
  );
  const code = judgedExit(report, rules, write);
  await explainFailures(report, rules, { folder: out, environment: process.env }, write);
  return code;
}
