import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { DoctorReport } from '../doctor/doctor-report.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';
import { registerDoctor, runDoctor } from './doctor.ts';

let empty: string;
beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'doctor-'));
  await ensureEnvironment();
});
afterAll(() => rm(empty, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

async function doctor(options: Parameters<typeof runDoctor>[0]): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await runDoctor(options, {
    listArms: async (version) => [
      { name: 'fix', applies: true, reason: `the patch fits ${version}` },
      { name: 'other', applies: false, reason: 'made for ipykernel 6' },
    ],
    write: (more) => {
      text += more;
    },
  });
  return { code, text };
}

describe('with an environment in the cache', () => {
  test('prints what was found', async () => {
    const { code, text } = await doctor({});
    expect(code).toBe(0);
    for (const pattern of [
      /Node\.js +\d+\./,
      /zeromq\.js +6\.\d+\.\d+ \(libzmq 4\.3\.\d\)/,
      /Python +3\.\d+\.\d+, /,
      /state +cached/,
      /ipykernel +7\.3\.0/,
      /pyzmq +27\.1\.0/,
      /libzmq +4\.3\.\d/,
      /tornado +6\./,
      /event loop +\w*EventLoop/,
      /fix +applies: the patch fits 7\.3\.0/,
      /other +does not apply: made for ipykernel 6/,
      /Nothing is missing\./,
    ]) {
      expect(text).toMatch(pattern);
    }
  });

  test('prints the same as JSON', async () => {
    const report = JSON.parse((await doctor({ json: true })).text) as DoctorReport;
    expect(report.environment.state).toBe('cached');
    expect(report.environment.facts?.ipykernel?.version).toBe('7.3.0');
    expect(report.missing).toEqual([]);
    expect(report.arms).toHaveLength(2);
  });
});

test('without one says what the first run does, and makes nothing', async () => {
  vi.stubEnv('KERNEL_SOAK_CACHE', empty);
  const { code, text } = await doctor({});
  expect(code).toBe(0);
  expect(text).toMatch(/not made yet: the first run installs ipykernel 7\.3\.0/);
  expect(text).toContain('the patch fits 7.3.0');
  expect(await readdir(empty)).toEqual([]);
});

test('exits 4 and says the remedy when Python is missing', async () => {
  const { code, text } = await doctor({ python: join(empty, 'no-python') });
  expect(code).toBe(4);
  expect(text).toMatch(/Missing\n {2}Python: .*no-python" does not exist\.\n {4}\S/);
});

test('exits 4 and names each missing package of a given environment', async () => {
  vi.stubEnv('KERNEL_SOAK_CACHE', join(empty, 'cache'));
  const environment = await ensureEnvironment({ requirements: ['six==1.17.0'] });
  const { code, text } = await doctor({ env: environment.python });
  expect(code).toBe(4);
  expect(text).toMatch(/ipykernel: not installed\n.*-m pip install ipykernel/);
  expect(text).toMatch(/pyzmq: not installed/);
});

test('as a command sets the exit code and leaves the process alone', async () => {
  const program = new Command();
  let text = '';
  registerDoctor(program, {
    write: (more) => {
      text += more;
    },
  });
  const before = process.exitCode;
  try {
    await program.parseAsync(['node', 'soak', 'doctor', '--python', join(empty, 'no-python'), '--json']);
    expect(process.exitCode).toBe(4);
    expect((JSON.parse(text) as DoctorReport).missing[0]?.what).toBe('Python');
  } finally {
    process.exitCode = before;
  }
});
