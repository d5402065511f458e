import type { RunRecord } from '../../model/journal.ts';
import { REVIVAL_RUNGS, type RevivalRung } from '../../model/observations.ts';
import { isWedge } from '../../model/outcome.ts';
import type { ArmAnalysis } from '../../stats/arm-summary.ts';
import { type Block, code, folded, type Line, line, paragraph, table, text } from '../document.ts';
import { eventWords, isAboutWedges } from '../endpoint-words.ts';
import { count, counted, duration, probability } from '../format-number.ts';
import type { Report } from '../report.ts';
import { armNames, num } from '../words.ts';
import { stallBlocks } from './stalls.ts';

/** What the wedges looked like, and the client's stalls. If stalls are counted, only those. */
export function mechanismBlocks(report: Report): Block[] {
  const stalls = report.protocol.client === undefined ? [] : stallBlocks(report);
  if (isAboutWedges(report.protocol)) return [...wedgeBlocks(report), ...stalls];
  if (report.protocol.endpoint !== 'stalled')
    return [...placeBlocks(report), { kind: 'figure', name: 'latency' }, ...stalls];
  if (stalls.length === 0) return [paragraph(line`No client stalled, so there is no mechanism to describe.`)];
  return [...stalls, ...placeBlocks(report)];
}

/** Only a wedge and a stall have a mechanism that is looked at. */
export function mechanismTitle({ protocol }: Report): string {
  return isAboutWedges(protocol) || protocol.endpoint === 'stalled' ? 'Mechanism' : 'Place and time';
}

/** Where in the notebook the events happened; that none did; nothing for events that belong to no cell. */
function placeBlocks(report: Report): Block[] {
  const hit = report.analysis.arms.filter((arm) => arm.counts.wedged > 0);
  const { past } = eventWords(report.protocol);
  if (hit.length === 0) return [paragraph(line`No run ${text(past)}.`)];
  // A start that failed and memory belong to no cell.
  const isPlaced = hit.some(({ positions }) => positions.cells.some(({ wedges }) => wedges > 0));
  if (!isPlaced) return [];
  return [
    {
      kind: 'list',
      items: [...hit.map((arm) => line`${code(arm.name)} at ${placeWords(arm)}.`), innocenceLine(report)],
    },
    { kind: 'figure', name: 'positions' },
    { kind: 'figure', name: 'survival' },
  ];
}

/** What the wedges looked like: certified or not, where in the notebook, after how many replies. */
function wedgeBlocks(report: Report): Block[] {
  const wedging = report.analysis.arms.filter((arm) => arm.counts.wedged > 0);
  if (wedging.length === 0) {
    return [
      paragraph(line`No run wedged, so there is no mechanism to describe.`),
      { kind: 'figure', name: 'latency' },
    ];
  }
  const revivals = revivalsByArm(report.runs);
  return [
    table(
      'Wedges by certificate and place',
      'Arm | >Wedged | >Request seen unread | >Not seen | >Answered when made to look | Different cells',
      wedging.map((arm): Line[] => [
        [code(arm.name)],
        [num(count(arm.counts.wedged))],
        [num(count(arm.counts.wedgedByKind['wedged-stranded'] ?? 0))],
        [num(count(arm.counts.wedgedByKind['wedged-mute'] ?? 0))],
        [num(revivalWords(revivals.get(arm.name)))],
        placeWords(arm),
      ]),
    ),
    paragraph(
      line`“Request seen unread”: the kernel was alive and idle, and its shell socket held the request but did not show that there was something to read, so nothing would have made the kernel look. Such a wedge is called certified (${code('wedged-stranded')} in the list of runs). “Answered when made to look”: after the verdict, the harness ran the stream's read handler once (a re-arm), and the missing answers came.`,
    ),
    folded(line`Where in the notebook, after how many replies, and how fast cells were answered`, [
      paragraph(
        line`${innocenceLine(report)} The test compares the wedges at each cell with the number of runs that reached it: Pearson's χ² with a seeded Monte Carlo p-value, one test for the experiment. If the wedge wanders, the content of a cell is not at fault.`,
      ),
      ...ladderBlocks(report.runs),
      { kind: 'figure', name: 'positions' },
      { kind: 'figure', name: 'survival' },
      { kind: 'figure', name: 'latency' },
    ]),
  ];
}

const RUNG_WORDS: Record<RevivalRung, string> = {
  waiting: 'waiting',
  'same-peer': 'another request from the same peer',
  interrupt: 'an interrupt',
  'new-peer': 'a request from a new peer',
  're-arm': 'one run of the read handler (a re-arm)',
  restart: 'a fresh kernel (the stranded request is lost)',
};

/** What brought stranded requests back, one attempt for each wedge. Nothing if no attempt was made. */
function ladderBlocks(runs: readonly RunRecord[]): Block[] {
  const attempts = runs.flatMap(({ outcome }) => outcome.observations?.revival ?? []);
  const rungs = REVIVAL_RUNGS.filter((rung) => attempts.some((attempt) => attempt.rung === rung));
  if (rungs.length === 0) return [];
  return [
    table(
      'What revives a wedge',
      'After | >Revived | >Slowest',
      rungs.map((rung): Line[] => {
        const tried = attempts.filter((attempt) => attempt.rung === rung);
        const revived = tried.filter((attempt) => attempt.revived);
        const after = revived.flatMap(({ afterMs }) => afterMs ?? []);
        return [
          [text(RUNG_WORDS[rung])],
          [num(`${revived.length} of ${tried.length}`)],
          [num(after.length === 0 ? 'n/a' : duration(Math.max(...after)))],
        ];
      }),
    ),
    paragraph(
      line`After a wedge was recorded, the harness made one of these attempts. The attempts took turns from wedge to wedge.`,
    ),
  ];
}

interface Revivals {
  readonly tried: number;
  readonly revived: number;
}

/** Only the wedges at which the re-arm was tried. */
function revivalsByArm(runs: readonly RunRecord[]): Map<string, Revivals> {
  const revivals = new Map<string, Revivals>();
  for (const { arm, outcome } of runs) {
    const revived = outcome.observations?.revivedByRearm ?? null;
    if (revived === null || !isWedge(outcome.kind)) continue;
    const before = revivals.get(arm) ?? { tried: 0, revived: 0 };
    revivals.set(arm, { tried: before.tried + 1, revived: before.revived + (revived ? 1 : 0) });
  }
  return revivals;
}

function revivalWords(revivals: Revivals | undefined): string {
  return revivals === undefined ? 'not tried' : `${revivals.revived} of ${revivals.tried}`;
}

/** At how many places an arm wedged. Whether wedges prefer a cell is tested for all arms together. */
function placeWords(arm: ArmAnalysis): Line {
  const { cells, afterLastCell, noCell } = arm.positions;
  const at = cells.filter(({ wedges }) => wedges > 0).length;
  const beyond = afterLastCell > 0 ? `; ${afterLastCell} after the last cell` : '';
  const nowhere = noCell > 0 ? `; ${noCell} at no cell` : '';
  return line`${num(`${counted(at, 'cell')}${beyond}${nowhere}`)}`;
}

/** Whether the wedges of the reference arms, and of each treatment that still wedged, prefer a cell. */
function innocenceLine(report: Report): Line {
  const { innocence } = report.analysis;
  const { noun } = eventWords(report.protocol);
  const where = line`Place in the notebook, ${armNames(innocence.arms)}${text(innocence.arms.length > 1 ? ' together' : '')}`;
  if (innocence.p === null) return line`${where}: the ${text(noun)} occurred too rarely to tell.`;
  return line`${where}: the ${text(noun)} ${text(innocence.words)} (p = ${num(probability(innocence.p))}).`;
}
