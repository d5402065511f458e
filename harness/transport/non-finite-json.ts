import { randomUUID } from 'node:crypto';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const FIRST_BYTES = [0x2d, 0x49, 0x4e];

/** The numbers that Python's `json` reads and writes but JSON lacks. */
const NON_FINITE = [
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['NaN', Number.NaN],
] as const;

/**
 * Parse a text that `JSON.parse` refused, if its only faults are `NaN`, `Infinity` and `-Infinity` in place
 * of a value. Python's `json.dumps` writes them by default, and `json.loads`, so also jupyter_client, reads
 * them.
 *
 * @throws SyntaxError as `JSON.parse` does when there is any other fault
 */
export function parseWithNonFinite(json: Buffer): unknown {
  const mark = randomUUID();
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = 0; at < json.length; at += 1) {
    if (json[at] === QUOTE) {
      at = endOfText(json, at);
      continue;
    }
    if (!FIRST_BYTES.includes(json[at] ?? 0)) continue;
    const index = NON_FINITE.findIndex(([word]) =>
      json.subarray(at, at + word.length).equals(Buffer.from(word)),
    );
    const found = NON_FINITE[index];
    if (found === undefined) continue;
    pieces.push(json.subarray(from, at), Buffer.from(`"${mark}${index}"`));
    at += found[0].length - 1;
    from = at + 1;
  }
  if (pieces.length === 0) throw new SyntaxError('No JSON, and not for a number that is not finite');
  pieces.push(json.subarray(from));
  return JSON.parse(Buffer.concat(pieces).toString('utf8'), (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark)
      ? NON_FINITE[Number(value.slice(mark.length))]?.[1]
      : value,
  );
}

/**
 * The end of the text that begins at a quote: the next quote that is not escaped; the JSON's end when there
 * is none.
 */
export function endOfText(json: Buffer, start: number): number {
  for (let end = json.indexOf(QUOTE, start + 1); end >= 0; end = json.indexOf(QUOTE, end + 1)) {
    let before = end - 1;
    while (json[before] === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return json.length;
}
