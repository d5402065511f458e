import { createServer } from 'node:net';

/** Something that takes connections, and says nothing. */
export async function listeningInSilence(): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer();
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`, close };
}

/** A program in the place of a Python that starts a Jupyter Server. */
const SERVER = `#!${process.execPath}
const { config } = { config: process.argv.find((word) => word.startsWith('--config=')).slice(9) };
const { port } = JSON.parse(require('node:fs').readFileSync(config, 'utf8')).ServerApp;
`;
/** Listens and never answers. */
export const SILENT_SERVER = `${SERVER}require('node:net').createServer(() => {}).listen(port, '127.0.0.1', () => console.error('it listens'));`;
/** Answers whatever it is asked. */
export const ANSWERING_SERVER = `${SERVER}require('node:http').createServer((_, answer) => answer.end('{}')).listen(port, '127.0.0.1');`;
