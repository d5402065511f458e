import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/**
 * Collect garbage now. A large message's bytes are libzmq's, outside of V8's heap: coming, they make V8 look for
 * garbage, while they are still in use; after that nothing does, and they would stay, 100 MB a message, until the
 * heap itself has grown enough. Takes some 30 ms.
 */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
}
