import type { Readable } from 'node:stream';

const NEWLINE = 0x0a;

/** Hand on each whole line of a stream; one longer than `maxBytes` is left out, and not kept while it comes. */
export function readLines(stream: Readable, maxBytes: number, onLine: (line: string) => void): void {
  let pieces: Buffer[] = [];
  let bytes = 0;
  const add = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= maxBytes) pieces.push(piece);
    else pieces = [];
  };
  stream.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      if (bytes <= maxBytes) onLine(Buffer.concat(pieces).toString('utf8'));
      pieces = [];
      bytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
  });
}
