import { ServerConnection } from '@jupyterlab/services';
import WebSocket from 'ws';

/** Where a Jupyter Server is, and what it lets its client in with. */
export interface ServerAddress {
  /** With a slash at the end. */
  readonly url: string;
  readonly token: string;
}

/**
 * What @jupyterlab/services needs to reach a server. The token goes into headers only, never into an address,
 * which ends up in logs.
 *
 * @param onMalformed told of each message that the library could not take: it throws, which would end this process
 */
export function serverSettings(
  { url, token }: ServerAddress,
  onMalformed: () => void = () => {},
): ServerConnection.ISettings {
  class GuardedSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, { headers: { Authorization: `token ${token}` }, perMessageDeflate: false });
      let handler: ((event: WebSocket.MessageEvent) => void) | null = null;
      Object.defineProperty(this, 'onmessage', {
        get: () => handler,
        set: (given: typeof handler) => {
          handler = given;
        },
      });
      this.addEventListener('message', (event) => {
        try {
          handler?.(event);
        } catch {
          onMalformed();
        }
      });
    }
  }
  return ServerConnection.makeSettings({
    baseUrl: url,
    wsUrl: url.replace(/^http/, 'ws'),
    token,
    appendToken: false,
    WebSocket: GuardedSocket as unknown as ServerConnection.ISettings['WebSocket'],
    fetch: fetch as ServerConnection.ISettings['fetch'],
  });
}

type ConsoleMethod = 'debug' | 'log' | 'warn' | 'error';
const CONSOLE_METHODS: readonly ConsoleMethod[] = ['debug', 'log', 'warn', 'error'];

/**
 * Keep what the library prints off the terminal: it has no other way to be quiet. The harness itself prints
 * nothing by `console`.
 *
 * @returns puts the console back
 */
export function quietConsole(): () => void {
  const kept = CONSOLE_METHODS.map((method) => [method, console[method]] as const);
  for (const method of CONSOLE_METHODS) console[method] = () => {};
  return () => {
    for (const [method, print] of kept) console[method] = print;
  };
}
