// Kept of each standard stream: enough for a traceback, little enough for 100,000 runs.
const OUTPUT_TAIL_BYTES = 8_192;

/** The last bytes that a stream carried, and how many there were. */
export class OutputTail {
  #chunks: Buffer[] = [];
  #kept = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    while (this.#chunks.length > 1 && this.#kept - (this.#chunks[0]?.length ?? 0) >= OUTPUT_TAIL_BYTES) {
      this.#kept -= this.#chunks.shift()?.length ?? 0;
    }
  }

  text(): string {
    return Buffer.concat(this.#chunks).subarray(-OUTPUT_TAIL_BYTES).toString('utf8');
  }
}
