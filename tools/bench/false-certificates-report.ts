import { upperBound } from '../../harness/stats/intervals.ts';
import { certificates, type FalseCertificates, type Part } from './false-certificates.ts';

function row(name: string, { runs, cells, silent, looks, kinds, seconds }: Part): string {
  const certified = kinds['wedged-stranded'] ?? 0;
  const others = Object.entries(kinds)
    .filter(([kind]) => kind !== 'completed' && kind !== 'wedged-stranded')
    .map(([kind, count]) => `${count} ${kind}`);
  return `| ${name} | ${runs} | ${cells} | ${silent} | ${looks} | ${certified} | ${kinds['completed'] ?? 0} | ${others.join(', ') || 'none'} | ${seconds} s |`;
}

/** The check as a document; the same result, the same text. */
export function falseCertificatesMarkdown(result: FalseCertificates): string {
  const { slow, clean } = result;
  const bound = (wedged: number, runs: number) => (upperBound({ wedged, runs }) * 100).toPrecision(2);
  return `# False certificates

A certificate says that a request is queued in the kernel's shell socket, unread, with the loop parked. Here
it can only be wrong: ipykernel ${result.ipykernel} sends its replies through the stream and has no window in
which a request could strand. ${result.python}, seed ${result.seed}, and a suspicion after
${result.suspectAfterMs} ms of silence instead of the default second, so that every slow cell is suspected.

| Part | Runs | Cells | Silent requests | Looks | Certificates | Completed | Other outcomes | Time |
| :-- | --: | --: | --: | --: | --: | --: | :-- | --: |
${row('slow cells', slow)}
${row('clean runs', clean)}

**${certificates(result)} certificates.** One-sided 95 % bounds (Clopper–Pearson): at most
${bound(slow.kinds['wedged-stranded'] ?? 0, slow.cells)} % of slow cells, ${bound(clean.kinds['wedged-stranded'] ?? 0, clean.runs)} % of clean runs.

- Slow cells sleep, print, wait for a child process or the event loop, or compute, 120 to 260 ms each, under
  sequential, overlap and pipeline traffic by turns.
- Clean runs are fresh kernels taken through the widgets notebook and, twice as often, the plain one, under
  widgets, overlap, pipeline and sequential traffic by turns.
- Silent: a request was the oldest unanswered one for ${result.suspectAfterMs} ms. A look touches the kernel and is taken only where
  the counters show a request sent and not delivered, in a kernel that is idle.
${[...slow.reasons, ...clean.reasons].map((reason) => `- Not completed: ${reason}\n`).join('')}
Repeat it with \`npm run false-certificates\`; \`--slow-cells\` and \`--clean-runs\` shrink it.
`;
}
