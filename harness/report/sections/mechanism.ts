import type { ArmAnalysis } from '../../stats/arm-summary.ts';
import { type Block, code, type Line, line, paragraph } from '../document.ts';
import { count, probability } from '../format-number.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

/** How the wedges look: certified or not, where in the notebook, after how many replies. */
export function mechanismBlocks(report: Report): Block[] {
  const wedging = report.analysis.arms.filter((arm) => arm.counts.wedged > 0);
  if (wedging.length === 0) {
    return [
      paragraph(line`No run wedged, so there is no mechanism to describe.`),
      { kind: 'figure', name: 'latency' },
    ];
  }
  return [
    {
      kind: 'table',
      caption: 'Wedges by certificate and place',
      columns: [
        { title: 'Arm', align: 'left' },
        { title: 'Wedged', align: 'right' },
        { title: 'Certified', align: 'right' },
        { title: 'Not certified', align: 'right' },
        { title: 'Place in the notebook', align: 'left' },
      ],
      rows: wedging.map((arm): Line[] => [
        [code(arm.name)],
        [num(count(arm.counts.wedged))],
        [num(count(arm.counts.wedgedByKind['wedged-stranded'] ?? 0))],
        [num(count(arm.counts.wedgedByKind['wedged-mute'] ?? 0))],
        placeWords(arm),
      ]),
    },
    paragraph(
      line`Certified: the kernel is alive and idle, the request is queued in its shell socket (EVENTS has POLLIN) and the socket's descriptor is not readable. Place: wedges against the exposure of each cell, Pearson's χ² with a seeded Monte Carlo p-value; a wedge that wanders is not the fault of a cell's content.`,
    ),
    { kind: 'figure', name: 'positions' },
    { kind: 'figure', name: 'survival' },
    { kind: 'figure', name: 'latency' },
  ];
}

function placeWords(arm: ArmAnalysis): Line {
  const { innocence, afterLastCell, noCell } = arm.positions;
  const p = innocence.p === null ? '' : ` (p = ${probability(innocence.p)})`;
  const beyond = afterLastCell > 0 ? `; ${afterLastCell} after the last cell` : '';
  const nowhere = noCell > 0 ? `; ${noCell} at no cell` : '';
  return line`${num(`${innocence.words}${p}${beyond}${nowhere}`)}`;
}
