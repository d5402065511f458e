import type { Dealer, Subscriber } from 'zeromq';

// libzmq says at once that it will connect again, after whatever else ended a connection; this much later it has been
// read, also by a process that was kept waiting.
const RETRY_WITHIN_MS = 100;

/**
 * Tell when libzmq gives a connection up for good, as it does on a frame beyond the socket's `maxMessageSize` (and on
 * bytes that are not ZeroMQ's): it disconnects, does not connect again, and the socket is deaf from then on without
 * an error. A connection that was closed is connected to anew instead.
 *
 * @param onRefused called once, and not after the socket was closed
 */
export function watchRefusedFrames(socket: Dealer | Subscriber, onRefused: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  const { events } = socket;
  events.on('disconnect', () => {
    clearTimeout(timer);
    // The event loop turns between the two: what was there to be read by then has been.
    timer = setTimeout(() => {
      timer = setTimeout(() => {
        if (!socket.closed) onRefused();
      }, 0);
    }, RETRY_WITHIN_MS);
  });
  for (const alive of ['connect:retry', 'connect:delay', 'end'] as const) {
    events.on(alive, () => clearTimeout(timer));
  }
}
