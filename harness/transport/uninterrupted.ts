// A signal comes with each child that ends. Not even a thousand kernels interrupt one call so often.
const MOST_TRIES = 1_000;

/**
 * Call zeromq.js until no signal interrupts it.
 *
 * On POSIX `connect`, `disconnect`, `bind` and the first read of `events` throw `EINTR` when a signal comes while libzmq
 * looks for commands, which it does before it changes anything (`socket_base_t::process_commands`, libzmq 4.3.5). So they
 * can be called again. zeromq.js does so itself in `send` and `receive`.
 *
 * @throws every other error of the call
 */
export function uninterrupted<Result>(call: () => Result): Result {
  for (let left = MOST_TRIES; ; left -= 1) {
    try {
      return call();
    } catch (error) {
      if (left <= 1 || (error as { code?: unknown }).code !== 'EINTR') throw error;
    }
  }
}
