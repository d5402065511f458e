import type { Dealer, Subscriber } from 'zeromq';
import { uninterrupted } from './uninterrupted.ts';

// After every other end of a connection, libzmq announces at once that it will connect again. The
// announcement must be missing this many times in a row. Even a process that was delayed or stopped as a
// whole has read it by then.
const LOOKS = 3;
const LOOK_EVERY_MS = 100;

/** Callbacks for the reasons why libzmq gives a connection up. */
export interface GivenUp {
  /**
   * The peer was accepted and then sent a frame larger than `maxMessageSize`, or bytes that are not ZeroMQ's.
   */
  readonly onRefused: () => void;
  /**
   * This socket cannot speak with the peer. For example, another program's socket of another type listens
   * there before the kernel does.
   */
  readonly onStranger: () => void;
}

/**
 * Report when libzmq gives a connection up for good: it disconnects and does not connect again, and the
 * socket then stays deaf without an error. After an ordinary close it connects again instead. Call this
 * before the socket connects, since an event without a listener is not reported later.
 *
 * @param tell called once for each connection that was given up, and not after the socket was closed
 */
export function watchGivenUp(socket: Dealer | Subscriber, tell: GivenUp): void {
  let timer: NodeJS.Timeout | undefined;
  let isAccepted = false;
  const look = (left: number) => {
    if (socket.closed) return;
    if (left > 0) timer = setTimeout(look, LOOK_EVERY_MS, left - 1);
    else if (isAccepted) tell.onRefused();
    else tell.onStranger();
  };
  const events = uninterrupted(() => socket.events);
  events.on('handshake', () => {
    isAccepted = true;
  });
  events.on('disconnect', () => {
    clearTimeout(timer);
    look(LOOKS);
  });
  for (const alive of ['connect:retry', 'connect:delay', 'end'] as const) {
    events.on(alive, () => {
      clearTimeout(timer);
      isAccepted = false;
    });
  }
}
