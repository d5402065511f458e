import { ServerConnection } from '@jupyterlab/services';
import WebSocket from 'ws';

/** A Jupyter Server's address and credentials. */
export interface ServerAddress {
  /** Ends with a slash. */
  readonly url: string;
  readonly token: string;
}

/**
 * Settings with which @jupyterlab/services reaches a server. The token goes only into headers, never into an
 * address, because addresses end up in logs.
 *
 * @param onMalformed called for each message that the library could not handle: it throws, which would end
 *   this process
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
 * Keep the library's output off the terminal: the library has no quiet mode. The harness itself prints
 * nothing through `console`.
 *
 * @returns a function that restores the console
 */
export function quietConsole(): () => void {
  const kept = CONSOLE_METHODS.map((method) => [method, console[method]] as const);
  for (const method of CONSOLE_METHODS) console[method] = () => {};
  return () => {
    for (const [method, print] of kept) console[method] = print;
  };
}
