import { terminalText } from '../model/clean-text.ts';
import type { RunRecord } from '../model/journal.ts';
import { duration, percent, percentInterval, probability } from '../report/format-number.ts';
import type { KernelRate } from './rate.ts';

/** How one attempt ended, in a clause. @param cells code cells of the notebook */
export function attemptWords(run: RunRecord, cells: number): string {
  const { kind, reason, cell, error } = run.outcome;
  const took = duration((run.startMs ?? 0) + (run.notebookMs ?? 0));
  if (kind === 'completed') return cells === 0 ? 'no cell to execute' : `completed in ${took}`;
  const where = cell === null ? '' : cell < cells ? ` at cell ${cell}` : ' after the last cell';
  const why = error === null ? reason : `${error.ename}: ${error.evalue}`;
  return `${kind}${where} after ${took}: ${terminalText(why, 600)}`;
}

/** One kernel's rate in a journal of `soak exec`, three lines for a terminal. */
export function rateText(rate: KernelRate): string {
  const { firstHalf, secondHalf, fisherTwoSided } = rate.drift;
  const share = rate.valid === 0 ? null : rate.wedged / rate.valid;
  const extra = [
    rate.other === 0 ? '' : `; ${rate.other} ended otherwise`,
    rate.unfinished === 0 ? '' : `; ${rate.unfinished} cut short`,
  ].join('');
  return [
    `  ${terminalText(rate.kernel.label)}: ${rate.wedged} of ${rate.valid} attempts wedged (${percent(share)}, 95 % CI ${percentInterval(rate.interval)}), ${rate.certified} certified${extra}`,
    `    ${rate.clean} of ${rate.executions} executions completed, ${rate.retried} with retries, ${rate.mostAttempts} attempts at most`,
    `    first half ${firstHalf.wedged}/${firstHalf.runs}, second half ${secondHalf.wedged}/${secondHalf.runs} (Fisher, two-sided, p = ${probability(fisherTwoSided)})`,
    '',
  ].join('\n');
}
