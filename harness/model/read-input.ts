import { constants, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { fileWithDeadline, withDeadline } from './deadlines.ts';

/**
 * The bytes of a file that somebody named. A pipe, as of `<(git diff)`, is read to its end.
 *
 * @throws DeadlinePassed when the disk, or who writes into the pipe, does not come to an end
 * @throws Error of the file system, or that it is neither file nor pipe
 */
export async function readInput(path: string): Promise<Buffer> {
  const kind = await fileWithDeadline('read-file', stat(path), path);
  if (kind.isFIFO() && process.platform !== 'win32') return readPipe(path);
  // A terminal waits for its user for ever, and /dev/zero has no end.
  if (kind.isCharacterDevice() || kind.isSocket()) throw new Error(`${path} is no file`);
  return fileWithDeadline('read-file', readFile(path), path);
}

/** By polling, and not by a thread that a silent pipe would hold for ever. */
async function readPipe(path: string): Promise<Buffer> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const chunks: Buffer[] = [];
  const socket = new Socket({ fd, readable: true, writable: false });
  try {
    const read = new Promise<void>((resolve, reject) => {
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.once('end', resolve);
      socket.once('error', reject);
    });
    await withDeadline('read-file', read, { who: path });
    return Buffer.concat(chunks);
  } finally {
    socket.destroy();
  }
}
