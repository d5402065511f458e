import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { assertResumedAlone, forgetOptions, keptOptions, RESUME_FILE } from './kept-options.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-kept-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const kept = (hasFinished = false) =>
  keptOptions('run', { name: 'experiment', folder, hasFinished, remedy: 'Read its evidence.md.' });

const write = (text: string) => writeFile(join(folder, RESUME_FILE), text);

test('what was kept is what is resumed, until it is forgotten', async () => {
  await write('{"runs":"20"}');
  expect(await kept()).toEqual({ runs: '20' });
  await forgetOptions(folder);
  expect(existsSync(join(folder, RESUME_FILE))).toBe(false);
});

test.each(['', '{"runs":"20"', '[]', '{"runs":20}', '{"runs":"twenty"}'])(
  '%j is refused in words',
  async (text) => {
    await write(text);
    const error = await soakErrorOf(kept);
    expect(error).toMatchObject({ code: 'cannot-resume' });
    expect(error.message).toContain(`${join(folder, RESUME_FILE)} was changed or cut short`);
    expect(error.remedy).toContain(`soak report ${folder}`);
  },
);

test('without a file it says whether the experiment has finished', async () => {
  expect(await soakErrorOf(kept)).toMatchObject({ code: 'cannot-resume', remedy: 'Begin a new experiment.' });
  const finished = await soakErrorOf(() => kept(true));
  expect(finished.message).toBe(`The experiment in ${folder} has finished.`);
  expect(finished.remedy).toBe('Read its evidence.md.');
});

test('nothing that would change a frozen protocol is taken beside --resume', () => {
  const bisect = { name: 'bisect', folder: 'soak-reports/bisect' } as const;
  assertResumedAlone([], bisect);
  expect(() => assertResumedAlone(['startTimeout'], bisect)).toThrow(SoakError);
  expect(() => assertResumedAlone(['startTimeout'], bisect)).toThrow('which --start-timeout would change');
});

test.each(['runs', 'maxRuns', 'untilDecided'])(
  '--%s beside --resume is told why not, and what is allowed',
  async (size) => {
    const experiment = { name: 'experiment', folder: 'soak-reports/my night' } as const;
    const error = await soakErrorOf(async () => assertResumedAlone(['failOn', size], experiment));
    expect(error.message).toContain('finds a difference that is not there more often than α says');
    expect(error.remedy).toContain("--resume 'soak-reports/my night' alone");
    expect(error.remedy).toContain("soak plan --pilot 'soak-reports/my night'");
    const [page = '', heading = ''] = /docs\/(\S+), "(.+)"/.exec(error.remedy)?.slice(1) ?? [];
    const text = readFileSync(join(packageRoot(), 'docs', page), 'utf8');
    expect(text).toContain(`\n## ${heading}\n`);
  },
);
