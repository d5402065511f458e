import { median } from 'simple-statistics';
import { COMMAND_CLIENT, type ProtocolClient, type Stall } from '../../model/client.ts';
import { isClientStrand } from '../../oracle/classify-client.ts';
import {
  type Block,
  code,
  type Inline,
  joined,
  type Line,
  line,
  list,
  paragraph,
  strong,
  table,
  text,
} from '../document.ts';
import { eventWords, isAboutWedges } from '../endpoint-words.ts';
import { count, counted, duration } from '../format-number.ts';
import { clientName, clientStalls } from '../remaining-trouble.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

/** `nbclient 0.11.0`, with the client's name if its package has another; or the command. */
export function clientWords({ name, command, versions }: ProtocolClient): Line {
  if (command !== undefined) return line`${code(command)}`;
  const version = versions[name === 'jupyter-execute' ? 'nbclient' : name];
  return line`${code(name === 'jupyter-execute' ? `jupyter-execute (nbclient ${version})` : `${name} ${version}`)}`;
}

/** What is counted and what is not, if the client is its own program. Otherwise nothing. */
export function endpointLines({ protocol }: Report): Line[] {
  if (protocol.client === undefined) return [];
  const runs = isAboutWedges(protocol)
    ? 'runs in which the kernel wedged'
    : `runs that ${eventWords(protocol).past}`;
  if (protocol.client.name === COMMAND_CLIENT) {
    return [
      line`${strong(text('What is counted'))}: ${text(runs)}${text(isAboutWedges(protocol) ? ', by its certificate' : '')}. The client is not counted, so that nothing else shows that the kernel owes it an answer. A run is completed if the client ended with exit code 0 and the kernel had finished at least as many requests as the notebook has code cells.`,
    ];
  }
  if (protocol.endpoint === 'any') {
    return [
      line`${strong(text('What is counted'))}: ${text(runs)}. A stall of the client is an event, also if the run goes on after it. The harness leaves it to the client's own time-out.`,
    ];
  }
  return [
    protocol.endpoint === 'stalled'
      ? line`${strong(text('What is counted'))}: runs in which the client stalled. The kernel had sent a reply, the client and the kernel were idle, and the client did not take the reply. Such a run ends there. A run that the kernel ends says nothing about the client, so it counts as neither stalled nor completed.`
      : line`${strong(text('What is counted'))}: ${text(runs)}. When the client stalls, it leaves a reply unread that the kernel has sent. The harness then waits for the client's own time-out. The run goes on and counts by how it ends. The stall is counted by arm, as a second event of the run.`,
  ];
}

/** The client's stalls by arm, where they are not the event. Nothing if there was none. */
export function secondEventLines(report: Report): Line[] {
  const stalling = stallingArms(report);
  if (stalling.length === 0) return [];
  const counts = joined(
    stalling.map(({ name, stalled, runs }) => line`in ${ofCount(stalled, runs)} of ${code(name)}`),
    ', ',
  );
  const other = isAboutWedges(report.protocol) ? 'not a wedge of the kernel' : 'no event of the kernel';
  return [
    line`${strong(...line`${code(clientName(report))} stalled`)} ${counts}: for a time it left a reply from the kernel unread. A stall happens in the client, so it is ${text(other)}. It is counted beside the outcome of a run, because people who run this client will meet it. The arms ${code('client-control')}, ${code('client-sham')} and ${code('client-fix')} try a change of the client.`,
  ];
}

interface StallingArm {
  readonly name: string;
  readonly stalled: number;
  readonly runs: number;
}

function stallingArms({ analysis }: Report): StallingArm[] {
  return analysis.arms.flatMap((arm) => {
    const stalls = clientStalls(arm);
    return stalls === null || stalls.stalled === 0 ? [] : [{ name: arm.name, ...stalls }];
  });
}

function ofCount(stalled: number, runs: number): Inline {
  return num(`${count(stalled)} of ${counted(runs, 'run')}`);
}

interface ArmStalls {
  readonly arm: string;
  readonly runs: number;
  readonly stalls: readonly Stall[];
}

function stallsByArm({ protocol, runs }: Report): ArmStalls[] {
  return protocol.arms.map(({ name }) => {
    const mine = runs.filter(({ arm, stalls }) => arm === name && stalls !== undefined);
    return { arm: name, runs: mine.length, stalls: mine.flatMap(({ stalls }) => stalls ?? []) };
  });
}

function afterWords(stalls: readonly Stall[]): string {
  const after = stalls.flatMap(({ endedAfterMs }) => endedAfterMs ?? []);
  if (after.length === 0) return 'n/a';
  return `${duration(median(after))}, ${duration(Math.max(...after))}`;
}

/** What the client's stalls looked like. Nothing if none was seen. */
export function stallBlocks(report: Report): Block[] {
  const arms = stallsByArm(report).filter(({ stalls }) => stalls.length > 0);
  if (arms.length === 0) return [];
  const of = (stalls: readonly Stall[], end: Stall['end']) => stalls.filter((stall) => stall.end === end);
  return [
    table(
      'Stalls of the client',
      "Arm | >Runs with one | >Stalls | >Certified | >Ended by the re-arm | >After (median, longest) | >Ended by the client's time-out | >After (median, longest) | >Not ended",
      arms.map(({ arm, runs, stalls }): Line[] => [
        [code(arm)],
        [num(count(runs))],
        [num(count(stalls.length))],
        [num(count(stalls.filter(({ look }) => look !== null && isClientStrand(look)).length))],
        [num(count(of(stalls, 're-arm').length))],
        [num(afterWords(of(stalls, 're-arm')))],
        [num(count(of(stalls, 'time-out').length))],
        [num(afterWords(of(stalls, 'time-out')))],
        [num(count(of(stalls, 'not').length + of(stalls, 'itself').length))],
      ]),
    ),
    paragraph(line`A stall is certified if one look at the client, after the stall, showed all of this:`),
    list([
      line`The kernel has sent more replies than the client has taken, and both processes are idle.`,
      line`The reply is queued in the client's shell socket (EVENTS has POLLIN), and a receive is pending there.`,
      line`The socket's descriptor is registered with the client's loop but not readable.`,
      line`The loop waits in its selector.`,
    ]),
    paragraph(
      line`Re-arm: after the look, the harness ran the socket's own ${code('_schedule_remaining_events')} once on the client's loop. The time runs until the client had taken the reply.`,
    ),
  ];
}
