import { INTERRUPT_RESULTS, type SentInterrupt } from '../model/interrupt.ts';
import type { RunRecord } from '../model/journal.ts';
import { stallReason } from '../oracle/classify-client.ts';
import { deviationList } from './deviations.ts';
import { code, type Line, line, text } from './document.ts';
import { counted, duration, percent } from './format-number.ts';
import { WAY_WORDS } from './sections/interrupts.ts';
import { num } from './words.ts';

/** Something that was seen of a run, and of what: `kernel`, `process`, `socket`, … */
export interface Sign {
  readonly of: string;
  readonly line: Line;
}

/** What was seen of a run, the same on the page and in a terminal. */
export function runSigns({ outcome, client, kernel, interrupts, loopStallMs, stalls }: RunRecord): Sign[] {
  const signs: Sign[] = [];
  const add = (of: string, seen: Line) => signs.push({ of, line: seen });
  add(
    'client',
    line`${num(counted(client.sent, 'shell request'))} sent, ${num(counted(client.replies, 'reply', 'replies'))} and ${num(counted(client.idles, 'idle status', 'idle statuses'))} received, ${num(counted(client.rejected, 'message'))} not taken`,
  );
  if (client.deviations !== undefined) {
    add(
      'odd',
      line`accepted although the protocol says otherwise: ${code(deviationList(client.deviations))}`,
    );
  }
  if (client.others !== undefined) {
    const { sent, begun } = client.others;
    add(
      'others',
      line`${num(counted(sent, 'shell request'))} sent by other peers, ${num(String(begun))} of them begun`,
    );
  }
  if (client.server !== undefined) {
    const { library, reconnects, rest } = client.server;
    add(
      'server',
      line`${num(String(library))} of these sent by @jupyterlab/services (kernel_info), the rest by the server`,
    );
    if (rest !== undefined) {
      add('server', line`${num(counted(rest.accepted, 'cell'))} taken by the server to be executed`);
    }
    for (const reason of rest?.refused ?? []) {
      add('server', line`a cell that the server did not take: ${code(reason)}`);
    }
    if (reconnects > 0) {
      add(
        'server',
        line`its connection was lost and opened again ${num(counted(reconnects, 'time'))}: read this run with care`,
      );
    }
  }
  // A run that a stall ended has it as its reason.
  for (const stall of outcome.kind === 'stalled' ? [] : (stalls ?? [])) {
    const at = stall.cell === null ? 'before the first cell' : `at cell ${stall.cell}`;
    add('stall', line`the client stalled ${text(at)}: ${text(stallReason(stall))}`);
  }
  if (kernel === null) add('kernel', line`no counters`);
  else {
    add(
      'kernel',
      line`${num(counted(kernel.delivered, 'request'))} delivered to it, ${num(String(kernel.begun))} begun, ${num(String(kernel.ended))} finished, ${num(counted(kernel.replies, 'reply', 'replies'))} sent`,
    );
    add(
      'change',
      line`${num(String(kernel.callbacks))} callbacks, ${num(String(kernel.rearms))} re-arms, ${num(String(kernel.flushes))} flushes, ${num(String(kernel.streamSends))} sends through the stream, ${num(String(kernel.missing + kernel.mismatched))} missing or mismatched`,
    );
  }
  if (interrupts !== undefined) {
    const { sent, spared = 0, unconfirmed = 0 } = interrupts;
    const last = sent.at(-1);
    add(
      'interrupt',
      line`${num(counted(sent.length, 'cell'))} interrupted ${text(WAY_WORDS[interrupts.by])}: ${text(resultsWords(sent))}; ${num(counted(spared, 'cell'))} over before${text(unconfirmed === 0 ? '' : `; ${unconfirmed} not confirmed`)}`,
    );
    if (last !== undefined) add('interrupt', line`the last one: ${text(interruptStory(last))}`);
  }
  signs.push(...observed(outcome.observations ?? null));
  if (outcome.exit !== null) {
    add(
      'exit',
      line`code ${num(String(outcome.exit.code ?? 'none'))}, signal ${code(outcome.exit.signal ?? 'none')}`,
    );
  }
  add('harness', line`its own event loop stood still for ${num(duration(loopStallMs))} at most`);
  return signs;
}

/** `interrupted 3, ignored 5`, in the order of the model; `none`. */
function resultsWords(sent: readonly SentInterrupt[]): string {
  const parts = INTERRUPT_RESULTS.flatMap((result) => {
    const many = sent.filter((each) => each.result === result).length;
    return many === 0 ? [] : [`${result} ${many}`];
  });
  return parts.join(', ') || 'none';
}

/** When an interrupt was sent and when its cell was answered, a clause. */
function interruptStory({ cell, afterMs, afterBusyMs, result, answeredMs }: SentInterrupt): string {
  const busy =
    afterBusyMs === null ? 'before its busy status' : `${afterBusyMs.toFixed(1)} ms after its busy status`;
  const reply = answeredMs === null ? 'no reply' : `its reply ${answeredMs.toFixed(1)} ms later`;
  return `cell ${cell}, ${afterMs.toFixed(1)} ms after its request, ${busy}: ${result}, ${reply}`;
}

/** What was seen of an unanswered request, the certificate and the causal proof included. */
function observed(seen: NonNullable<RunRecord['outcome']['observations']> | null): Sign[] {
  if (seen === null) return [];
  const signs: Sign[] = [
    {
      of: 'process',
      line: line`state ${code(seen.processState ?? 'not sampled')}, ${num(percent(seen.cpuShare))} of a processor; heartbeat ${asked(seen.heartbeat)}, control ${asked(seen.control)}`,
    },
    {
      of: 'request',
      line: line`busy status ${yesNo(seen.busySeen)}, reply ${yesNo(seen.replySeen)}, idle status ${yesNo(seen.idleSeen)}`,
    },
  ];
  if (seen.look !== null) {
    const { pollin, pollout, fdReadable, fdRegistered, receiving } = seen.look;
    const events = [...(pollin ? ['POLLIN'] : []), ...(pollout ? ['POLLOUT'] : [])].join(' and ') || 'none';
    signs.push({
      of: 'socket',
      line: line`${text(pollin ? 'a request is queued' : 'nothing is queued')} (EVENTS: ${num(events)}); its descriptor is ${text(fdReadable ? 'readable' : 'not readable')} and ${text(fdRegistered ? 'registered' : 'not registered')} with the loop; the stream is ${text(receiving ? 'receiving' : 'not receiving')}`,
    });
  }
  if (seen.revivedByRearm !== null) {
    const came = seen.revivedByRearm
      ? line`the missing answers came after ${num(duration(seen.revivedAfterMs))}`
      : line`no answer came`;
    signs.push({ of: 're-arm', line: line`the stream's read handler was run once, and ${came}` });
  }
  if (seen.revival !== null) {
    const { rung, revived, afterMs } = seen.revival;
    signs.push({
      of: 'revival',
      line: line`by ${num(rung)}: ${num(revived ? `revived after ${duration(afterMs)}` : 'not revived')}`,
    });
  }
  return signs;
}

function asked(answer: boolean | null) {
  return text(answer === null ? 'not asked' : answer ? 'answers' : 'does not answer');
}

function yesNo(seen: boolean) {
  return text(seen ? 'seen' : 'not seen');
}
