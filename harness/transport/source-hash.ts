const MULTIPLIER = 0x5bd1e995;

/**
 * MurmurHash2 with seed 0 of the UTF-8 text, as a decimal number. jupyter_server_documents asks for it with each cell, and
 * refuses a cell whose source is another by then (`ynotebook_room.py`, `_source_hash`).
 */
export function sourceHash(source: string): string {
  const bytes = Buffer.from(source, 'utf8');
  const mixed = (value: number) => {
    const product = Math.imul(value, MULTIPLIER);
    return Math.imul(product ^ (product >>> 24), MULTIPLIER);
  };
  let hash = bytes.length;
  let at = 0;
  for (; bytes.length - at >= 4; at += 4) {
    hash = Math.imul(hash, MULTIPLIER) ^ mixed(bytes.readUInt32LE(at));
  }
  const rest = bytes.length - at;
  if (rest > 0) hash = Math.imul(hash ^ bytes.readUIntLE(at, rest), MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return String((hash ^ (hash >>> 15)) >>> 0);
}
