// Kept of each standard stream: enough for a traceback, little enough for 100,000 runs.
const OUTPUT_TAIL_BYTES = 8_192;

/** The last bytes that a stream carried, and how many there were. */
export class OutputTail {
  #chunks: Buffer[] = [];
  #kept = 0;
  #seen = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    this.#seen += chunk.length;
    while (this.#chunks.length > 1 && this.#kept - (this.#chunks[0]?.length ?? 0) >= OUTPUT_TAIL_BYTES) {
      this.#kept -= this.#chunks.shift()?.length ?? 0;
    }
  }

  /** Without the line that the cut goes through: half a path would not be known for a private one. */
  text(): string {
    const text = Buffer.concat(this.#chunks).subarray(-OUTPUT_TAIL_BYTES).toString('utf8');
    return this.#seen > OUTPUT_TAIL_BYTES && text.includes('\n') ? text.slice(text.indexOf('\n') + 1) : text;
  }
}
