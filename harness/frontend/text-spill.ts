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

/** Makes a private folder that goes however the harness ends; see `Reaper`. */
export interface FolderMaker {
  makeFolder(start: string): string;
  removeFolder(folder: string): Promise<void>;
}

const NARROW = /^[\0-\xff]*$/;

/**
 * Where the outputs of one run are set aside that are too long to be kept in memory: one file in a private folder
 * (0700), made when it is first needed, only appended to, and bounded by what is kept of outputs at all.
 *
 * Synchronous: output arrives faster than promises would be kept, and would wait in memory for its turn.
 */
export class TextSpill {
  readonly #folders: FolderMaker;
  #folder: string | null = null;
  #file: number | null = null;
  #end = 0;
  /** Used again and again: a buffer for each text would be 100 MB of them before V8 looks for garbage. */
  #scratch = Buffer.alloc(0);

  constructor(folders: FolderMaker) {
    this.#folders = folders;
  }

  /** @throws SoakError `no-temporary-folder`, `output-not-set-aside` */
  write(text: string): SpilledText {
    // Both have lone surrogates as they are, which UTF-8 has not.
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

  /** Remove what was set aside; nothing of it can be read any more. @throws DeadlinePassed */
  async remove(): Promise<void> {
    const [folder, file] = [this.#folder, this.#file];
    this.#file = null;
    this.#folder = null;
    if (file !== null) closeSync(file);
    if (folder !== null) await this.#folders.removeFolder(folder);
  }
}

function notSetAside(error: unknown): SoakError {
  // Without the path: this becomes the reason of an outcome, and so evidence.
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
