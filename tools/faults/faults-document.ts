import { counted } from '../../harness/report/format-number.ts';
import type { FaultResult } from './campaign.ts';

/** A campaign, as `reports/faults/faults.json` has it. */
export interface CampaignResult {
  readonly at: string;
  readonly harness: string;
  readonly node: string;
  readonly seed: number;
  readonly minutes: number;
  readonly results: readonly FaultResult[];
}

/** Results with the newer ones in the place of those of the same faults. */
export function merged(before: readonly FaultResult[], after: readonly FaultResult[]): FaultResult[] {
  const newer = new Map(after.map((result) => [result.fault, result]));
  const kept = before.map((result) => newer.get(result.fault) ?? result);
  return [...kept, ...after.filter(({ fault }) => !before.some((result) => result.fault === fault))];
}

function row({ fault, times, runs, failures, notPossible }: FaultResult): string {
  const found =
    notPossible !== undefined
      ? `not made: ${notPossible}`
      : failures.length === 0
        ? 'as promised'
        : `**${counted(failures.length, 'failure')}**`;
  return `| ${fault} | ${times} | ${runs} | ${found} |`;
}

/** `reports/faults/faults.md`: a pure function of what was found. */
export function faultsMarkdown({ at, harness, node, seed, minutes, results }: CampaignResult): string {
  const times = results.reduce((sum, result) => sum + result.times, 0);
  const runs = results.reduce((sum, result) => sum + result.runs, 0);
  const failures = results.reduce((sum, result) => sum + result.failures.length, 0);
  const words = results
    .filter(({ said, seen }) => said.length > 0 || seen !== undefined)
    .map(
      ({ fault, said, seen }) =>
        `- ${fault}${seen === undefined ? '' : `: ${seen}`}${said.map((each) => `\n  - \`${each.replaceAll('`', "'")}\``).join('')}`,
    );
  return `# Faults

\`npm run faults -- --seed ${seed}\`, kernel-soak ${harness}, Node ${node}, ${at.slice(0, 10)}, ${minutes} minutes: ${times} faults,
${runs} runs recorded while they happened, **${counted(failures, 'failure')}**.

After each fault: every run that was recorded is there, once and unchanged; no process, no private folder and no lock
is left; the experiment, gone on with, ends, \`soak verify\` recomputes its report, and where the fault takes no run
it equals the experiment without faults, times apart. The experiments send one request after another, with which
these kernels do not wedge: whatever fails is the fault's doing.

| Fault | Times | Runs recorded | Found |
| :-- | --: | --: | :-- |
${results.map(row).join('\n')}
${words.length === 0 ? '' : `\n## What was said and seen\n\n${words.join('\n')}\n`}${failures === 0 ? '' : `\n## Failures\n\n${results.flatMap(({ fault, failures: each }) => each.map((what) => `- ${fault}: ${what}`)).join('\n')}\n`}`;
}
