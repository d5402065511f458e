import { code, enumeration, type Line, line, plainLine } from '../document.ts';
import type { Report } from '../report.ts';
import { comparesReleases } from './arm-environments.ts';

/**
 * How the notebook was executed, and the ways in which people execute notebooks that were not tried. `null` under a
 * command of the user's own, of which nothing is known, and where patches of one release are compared: who reads that
 * asks about the patch, not whether to upgrade.
 */
export function otherWaysLine(report: Report): Line | null {
  const { arms, client } = report.protocol;
  const isAboutPatch = arms.some(({ patchSha256 }) => patchSha256 !== null) && !comparesReleases(report);
  if (client?.command !== undefined || isAboutPatch) return null;
  return line`Other ways to execute the notebook: every run was executed ${ownWay(report)}, not ${enumeration(otherWays(report), 'or')}. A client or a server has faults of its own. ${code('soak locate')} tries each way.`;
}

/**
 * What a terminal says below a claim about a release: which way is the next to try. `null`: there is no such claim, or a
 * client as in CI was tried.
 */
export function nextWay(report: Report): string | null {
  const { client, transport } = report.protocol;
  const claims = report.analysis.verdicts.some(({ word }) => word === 'fixes' || word === 'reduces');
  if (client !== undefined || !claims || !comparesReleases(report)) return null;
  return `${plainLine(line`Every run was executed ${ownWay(report)}`)}. CI executes notebooks with nbclient, which can stall with every kernel. Try it: give ${transport === undefined ? '--client nbclient too' : '--client nbclient in place of the server'}.`;
}

function ownWay({ protocol: { client, transport } }: Report): Line {
  if (client !== undefined) return line`by ${code(client.name)}`;
  if (transport === undefined) return line`by the harness, straight to the kernel`;
  return transport.via === 'rest'
    ? line`by a Jupyter Server, on its own`
    : line`by the harness, through a Jupyter Server`;
}

function otherWays({ protocol: { client, transport } }: Report): Line[] {
  const hasNbclient = client !== undefined && client.name !== 'jupyter-client';
  return [
    ...(hasNbclient
      ? []
      : [line`with ${code('nbclient')}, as CI executes notebooks (${code('--client nbclient')})`]),
    ...(client === undefined && transport === undefined ? [] : [line`straight to the kernel`]),
    ...(transport === undefined ? [line`through a Jupyter Server (${code('--transport server')})`] : []),
  ];
}
