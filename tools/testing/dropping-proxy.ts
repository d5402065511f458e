import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import WebSocket, { WebSocketServer } from 'ws';

/** Which way a message of a kernel's WebSocket goes. */
export type Direction = 'to-kernel' | 'from-kernel';

export interface DroppingProxy {
  /** With a slash at the end. */
  readonly url: string;
  /** End every WebSocket, as a proxy does that is restarted. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * A reverse proxy in front of a Jupyter Server, on 127.0.0.1, that loses messages: what none of the real ones do
 * on demand.
 *
 * @param drops asked of each message of a WebSocket, as it is on the wire
 * @param refuses asked of each request's path: the status to answer with in the server's place; `null`: it is passed on
 */
export async function droppingProxy(
  target: string,
  drops: (direction: Direction, message: Buffer) => boolean,
  refuses: (path: string) => number | null = () => null,
): Promise<DroppingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<WebSocket>();
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const refusal = refuses(url ?? '');
    if (refusal !== null) {
      incoming.resume();
      outgoing.writeHead(refusal).end();
      return;
    }
    const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  const accepting = new WebSocketServer({ noServer: true });
  server.on('upgrade', (incoming: IncomingMessage, socket, head) => {
    accepting.handleUpgrade(incoming, socket, head, (client) => {
      const authorization = incoming.headers.authorization;
      const upstream = new WebSocket(
        `ws://${hostname}:${port}${incoming.url}`,
        client.protocol === '' ? [] : [client.protocol],
        { headers: authorization === undefined ? {} : { authorization }, perMessageDeflate: false },
      );
      join(client, upstream, 'to-kernel');
      join(upstream, client, 'from-kernel');
    });
  });

  function join(from: WebSocket, to: WebSocket, direction: Direction): void {
    sockets.add(from);
    from.on('message', (data: Buffer, isBinary) => {
      if (drops(direction, data)) return;
      const pass = () => to.send(data, { binary: isBinary });
      if (to.readyState === WebSocket.CONNECTING) to.once('open', pass);
      else if (to.readyState === WebSocket.OPEN) pass();
    });
    from.on('close', () => {
      sockets.delete(from);
      to.terminate();
    });
    from.on('error', () => to.terminate());
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.terminate();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    cut,
    async close() {
      cut();
      accepting.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
