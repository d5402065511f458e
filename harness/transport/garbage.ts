import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/**
 * Collect garbage now. libzmq holds a large message's bytes outside V8's heap. When they arrive, V8 looks for
 * garbage, but then they are still in use. Nothing triggers a later collection, so they would stay, 100 MB a
 * message, until the heap itself has grown enough. Takes some 30 ms.
 */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
}
