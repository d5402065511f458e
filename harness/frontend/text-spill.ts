import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODES, SoakError } from '../model/errors.ts';

/** A text that was set aside. */
export interface SpilledText {
  readonly position: number;
  /** In UTF-16 units. */
  readonly length: number;
  readonly encoding: 'latin1' | 'utf16le';
}

/** Makes a private folder that is removed however the harness ends; see `Reaper`. */
export interface FolderMaker {
  makeFolder(start: string): string;
  removeFolder(folder: string): Promise<void>;
}

const NARROW = /^[\0-\xff]*$/;

/**
 * Holds the outputs of one run that are too long for memory. It is one file in a private folder (0700), made
 * when it is first needed. The file is only appended to, and the limit for kept output bounds its size.
 *
 * Synchronous: output arrives faster than promises would resolve, and would wait in memory for its turn.
 */
export class TextSpill {
  readonly #folders: FolderMaker;
  #folder: string | null = null;
  #file: number | null = null;
  #end = 0;
  /** Reused: with one buffer per text, 100 MB of them would pile up before V8 collects garbage. */
  #scratch = Buffer.alloc(0);

  constructor(folders: FolderMaker) {
    this.#folders = folders;
  }

  /** @throws SoakError `no-temporary-folder`, `output-not-set-aside` */
  write(text: string): SpilledText {
    // Both encodings keep lone surrogates, which UTF-8 cannot.
    const encoding = NARROW.test(text) ? 'latin1' : 'utf16le';
    const bytes = this.#bytes(text.length, encoding);
    bytes.write(text, encoding);
    const position = this.#end;
    if (this.#file === null) this.#folder ??= this.#folders.makeFolder('soak-output-');
    try {
      this.#file ??= openSync(join(this.#folder ?? '', 'text'), 'wx+', 0o600);
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, position + done);
      }
    } catch (error) {
      throw notSetAside(error);
    }
    this.#end += bytes.length;
    return { position, length: text.length, encoding };
  }

  /** @throws SoakError `output-not-set-aside` */
  read({ position, length, encoding }: SpilledText): string {
    const bytes = this.#bytes(length, encoding);
    try {
      if (this.#file === null) throw new Error('it was removed');
      for (let done = 0; done < bytes.length; ) {
        const more = readSync(this.#file, bytes, done, bytes.length - done, position + done);
        if (more === 0) throw new Error('the file was cut short');
        done += more;
      }
    } catch (error) {
      throw notSetAside(error);
    }
    return bytes.toString(encoding);
  }

  #bytes(length: number, encoding: SpilledText['encoding']): Buffer {
    const size = encoding === 'latin1' ? length : 2 * length;
    if (this.#scratch.length < size) this.#scratch = Buffer.allocUnsafeSlow(size);
    return this.#scratch.subarray(0, size);
  }

  /** Remove the spilled texts; none can be read any more. @throws DeadlinePassed */
  async remove(): Promise<void> {
    const [folder, file] = [this.#folder, this.#file];
    this.#file = null;
    this.#folder = null;
    if (file !== null) closeSync(file);
    if (folder !== null) await this.#folders.removeFolder(folder);
  }
}

function notSetAside(error: unknown): SoakError {
  // Without the path: this text becomes the reason of an outcome, and so part of the evidence.
  const { code, message } = error as NodeJS.ErrnoException;
  return new SoakError(
    'output-not-set-aside',
    `The long output of a cell could not be written to the folder for temporary files: ${code ?? message}.`,
    {
      remedy: 'Free space there, or set TMPDIR (Windows: TEMP) to another folder.',
      exitCode: EXIT_CODES.environment,
      cause: error,
    },
  );
}
