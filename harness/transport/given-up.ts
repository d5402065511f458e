import type { Dealer, Subscriber } from 'zeromq';

// libzmq says at once that it will connect again, after whatever else ended a connection. Seen so many times in a row
// that it did not: a process that was kept waiting, or stopped as a whole, has read it by then.
const LOOKS = 3;
const LOOK_EVERY_MS = 100;

/** Why libzmq gave a connection up. */
export interface GivenUp {
  /** The peer was accepted, and then sent a frame beyond `maxMessageSize`, or bytes that are not ZeroMQ's. */
  readonly onRefused: () => void;
  /**
   * The peer is none that this socket can speak with: another program's socket of another type, say, that listens
   * there before the kernel does.
   */
  readonly onStranger: () => void;
}

/**
 * Tell when libzmq gives a connection up for good: it disconnects, does not connect again, and the socket is deaf from
 * then on without an error. A connection that was closed is connected to anew instead. To be called before the socket
 * connects, since an event that nobody listened for is not told later.
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
  const { events } = socket;
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
