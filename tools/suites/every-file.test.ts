import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { appendExecRecord } from '../../harness/exec/journal.ts';
import { prepareExperiment } from '../../harness/experiment/prepare.ts';
import { readNotebook } from '../../harness/frontend/notebook.ts';
import { experimentRecord, runRecord } from '../../harness/journal/journal.fixture.ts';
import { readJournal } from '../../harness/journal/read.ts';
import { JournalWriter } from '../../harness/journal/write.ts';
import { slotOf, writeMarker } from '../../harness/kernel/environment/cache.ts';
import { launchKernel } from '../../harness/kernel/launch.ts';
import { Reaper } from '../../harness/kernel/reaper.ts';
import {
  type DeadlineName,
  type FileDeadline,
  shortenDeadlines,
  stuckFileCalls,
} from '../../harness/model/deadlines.ts';
import { writeOutput } from '../../harness/model/write-output.ts';
import { parsedRunOptions } from '../../harness/options/run-options.ts';
import { writeGithubSummary } from '../../harness/report/github.ts';
import { buildReport } from '../../harness/report/report.ts';
import { writeReport } from '../../harness/report/write-report.ts';
import { soakErrorOf } from '../testing/soak-error.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testPython } from '../testing/test-python.ts';

/** A disk that does not answer one kind of call, until it comes back. */
const disk = vi.hoisted(() => ({ silentTo: null as string | null, waiting: [] as (() => void)[] }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const answered = (call: string) =>
    disk.silentTo === call ? new Promise<void>((back) => disk.waiting.push(back)) : Promise.resolve();
  const guarded =
    (call: string, work: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      await answered(call);
      return work(...args);
    };
  const handle = (file: FileHandle): FileHandle =>
    new Proxy(file, {
      get(target, name) {
        const member = Reflect.get(target, name, target);
        return typeof member === 'function' ? guarded(`file.${String(name)}`, member.bind(target)) : member;
      },
    });
  const calls = Object.entries(real).map(([name, work]) => [
    name,
    typeof work === 'function' ? guarded(name, work as never) : work,
  ]);
  return {
    ...Object.fromEntries(calls),
    open: async (...args: Parameters<typeof real.open>) => {
      await answered('open');
      return handle(await real.open(...args));
    },
  };
});

function silence(call: string): void {
  disk.silentTo = call;
}

/** What it did not answer it answers now. */
function comesBack(): void {
  disk.silentTo = null;
  for (const back of disk.waiting.splice(0)) back();
}

const message = async (what: () => unknown) => (await soakErrorOf(what)).message;
let folder: string;
let reaper: Reaper;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  reaper = await Reaper.start(await testPython());
}, 300_000);
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  comesBack();
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});
afterAll(() => reaper.stop());

/** A pipe that nobody writes to; at the end of the test somebody comes and leaves. */
function pipe(): string {
  const path = join(folder, 'pipe.ipynb');
  execFileSync('mkfifo', [path]);
  cleanUp.push(() => {
    try {
      closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody reads any more either.
    }
  });
  return path;
}

function writer(): Promise<JournalWriter> {
  return JournalWriter.create(join(folder, 'report'), experimentRecord());
}

interface Hang {
  readonly hang: () => Promise<unknown>;
  readonly ends: RegExp;
  readonly ms?: Partial<Record<DeadlineName, number>>;
}

/** Each wait for a disk: it is made to hang, and it ends and says so. */
const HANGS: Readonly<Record<FileDeadline, Hang>> = {
  'read-file': {
    hang: () => message(() => readNotebook(pipe())),
    ends: /pipe\.ipynb could not be read to its end within 0\.2 s/,
  },
  'read-inputs': {
    hang: () => {
      const options = parsedRunOptions({ notebook: [pipe()] }, 'unused', () => 1);
      return message(() => prepareExperiment(options, () => {}, new AbortController().signal));
    },
    ends: /^Arms, notebooks and settings could not be read within 0\.2 s/,
  },
  'read-journal': {
    hang: () => {
      silence('stat');
      return message(() => readJournal(folder));
    },
    ends: /journal\.jsonl the journal could not be read to its end within 0\.2 s/,
  },
  'open-journal': {
    hang: () => {
      silence('open');
      return message(writer);
    },
    ends: /^The journal could not be opened within 0\.2 s/,
  },
  'take-lock': {
    hang: () => {
      mkdirSync(join(folder, 'report', 'writer.lock'), { recursive: true });
      return message(writer);
    },
    ends: /^The lock of the report folder could be neither taken nor read within 0\.2 s/,
  },
  'append-journal': {
    hang: async () => {
      const journal = await writer();
      silence('file.datasync');
      const said = await message(() => journal.append(runRecord(0, 'fix')));
      // What is stuck may still be written: nothing comes after it, and closing does not wait for it.
      expect(await message(() => journal.append(runRecord(1, 'fix')))).toBe(said);
      await journal.close();
      return said;
    },
    ends: /^The journal did not take a record within 0\.2 s/,
  },
  'close-journal': {
    hang: async () => {
      const journal = await writer();
      silence('file.close');
      return message(() => journal.close());
    },
    ends: /^The journal could not be closed within 0\.2 s/,
  },
  'save-notebook': {
    hang: () => {
      silence('writeFile');
      return message(() => writeOutput(join(folder, 'a.ipynb'), '{}', 'save-notebook'));
    },
    ends: /a\.ipynb cannot be written: An executed notebook could not be saved within 0\.2 s/,
  },
  'write-report': {
    hang: async () => {
      const journal = await writer();
      await journal.close();
      const read = (await readJournal(journal.folder)).journal;
      const report = buildReport(read);
      silence('rename');
      return message(() => writeReport(journal.folder, read, report));
    },
    ends: /The report could not be written within 0\.2 s/,
  },
  'write-summary': {
    hang: async () => {
      const journal = await writer();
      await journal.close();
      const report = buildReport((await readJournal(journal.folder)).journal);
      silence('appendFile');
      return message(() => writeGithubSummary(report, { GITHUB_STEP_SUMMARY: join(folder, 'summary.md') }));
    },
    ends: /summary\.md the job summary could not be written within 0\.2 s/,
  },
  'write-cache': {
    hang: async () => {
      silence('rename');
      mkdirSync(join(folder, 'environments', 'key'), { recursive: true });
      const marker = { format: 1, folder: 'a', installer: 'pip', packages: {} } as const;
      return message(() => writeMarker(slotOf(folder, 'key'), marker));
    },
    ends: /^The cache could not be written within 0\.2 s/,
  },
  'make-folder': {
    hang: () => {
      silence('mkdir');
      const makeCommand = () => ({ argv: ['x'] as const, countersPath: null, identityPath: null });
      return message(() => launchKernel({ makeCommand, cwd: folder, reaper }));
    },
    ends: /^A private folder could not be made within 0\.2 s/,
  },
  'remove-folder': {
    hang: async () => {
      const own = reaper.makeFolder('soak-test-', folder);
      silence('rm');
      const said = await message(() => reaper.removeFolder(own));
      expect(existsSync(own)).toBe(true);
      return said;
    },
    ends: /soak-test-\w+ a private folder could not be removed within 0\.2 s/,
  },
};

describe.skipIf(process.platform === 'win32')('a disk that is silent ends nothing but what needs it:', () => {
  test.each(Object.entries(HANGS))('%s', async (name, { hang, ends, ms }) => {
    cleanUp.push(shortenDeadlines({ [name]: 200, ...ms }));
    expect(await hang()).toMatch(ends);
  });

  test('the journal of `soak exec` too', async () => {
    cleanUp.push(shortenDeadlines({ 'append-journal': 200 }));
    silence('file.datasync');
    const record = { type: 'exec-end', schema: 1, execution: 'a', at: '', exitCode: 0 } as never;
    expect(await message(() => appendExecRecord(join(folder, 'exec.jsonl'), record))).toMatch(
      /the journal did not take a record within 0\.2 s/,
    );
  });

  test('a call that is given up is known until the disk comes back: an exit would wait for it', async () => {
    cleanUp.push(shortenDeadlines({ 'remove-folder': 50 }));
    await vi.waitFor(() => expect(stuckFileCalls()).toBe(0));
    const own = reaper.makeFolder('soak-test-', folder);
    silence('rm');
    await message(() => reaper.removeFolder(own));
    expect(stuckFileCalls()).toBe(1);
    comesBack();
    await vi.waitFor(() => expect(stuckFileCalls()).toBe(0));
  });
});
