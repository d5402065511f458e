/**
 * `npm run windows`: kernel-soak on Windows under Wine 10, as far as that tells of Windows (tools/windows/README.md).
 *
 *   npm run windows -- [--short] [--only STEP] [--folder FOLDER]
 *
 * Exit codes: 0 as it should be; 1 it is not; 69 this machine cannot do it, and it says what it needs.
 */
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { console_ } from './console.ts';
import { evidence } from './evidence.ts';
import { lockFolder } from './lock.ts';
import { paths } from './paths.ts';
import { copyProject } from './project.ts';
import { firstWedge, kills, resume, threeArms } from './soaks.ts';
import { type Step, TimedOut, Unavailable } from './steps.ts';
import { fewTests, tests } from './suite.ts';
import { versions } from './versions.ts';
import { Windows } from './wine.ts';
import { nightlySteps } from './workflow.ts';

const CANNOT = 69;
const STEPS: readonly Step[] = [
  firstWedge,
  fewTests,
  paths,
  tests,
  threeArms,
  resume,
  console_,
  kills,
  nightlySteps,
];
/** Beside the rehearsal: each takes an hour or more. */
const ON_DEMAND: readonly Step[] = [versions, evidence];

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    folder: {
      type: 'string',
      default: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kernel-soak-windows'),
    },
    minutes: { type: 'string', default: '0' },
  },
});
const { short, only, folder } = values;

const chosen =
  only === undefined
    ? STEPS.filter(({ isShort }) => !short || isShort)
    : [...STEPS, ...ON_DEMAND].filter(({ name }) => name === only);
if (chosen.length === 0) {
  const names = [...STEPS, ...ON_DEMAND].map(({ name }) => name);
  console.error(`There is no step "${only}". Choose one of: ${names.join(', ')}.`);
  process.exit(2);
}

const startMs = performance.now();
const minutes = () => `${((performance.now() - startMs) / 60_000).toFixed(1)} min`;
const limitMs = Number(values.minutes) * 60_000;
const isOver = () => limitMs > 0 && performance.now() - startMs > limitMs;

console.log(`The Windows rehearsal${short ? ', short form' : ''}, in ${folder}`);
const locked = await lockFolder(folder).catch((error) => {
  if (error instanceof Unavailable) skip(error.message);
  throw error;
});
if (locked === null)
  skip(`another rehearsal runs in ${folder}. Wait for it, or give another folder by --folder`);
const script = fileURLToPath(new URL('./set-up.sh', import.meta.url));
const setUp = spawnSync('bash', [script, folder, ...(chosen.includes(versions) ? ['--all'] : [])], {
  stdio: 'inherit',
  ...(limitMs > 0 ? { timeout: limitMs, killSignal: 'SIGTERM' as const } : {}),
});
if (setUp.error !== undefined || setUp.signal !== null)
  skip(`its set-up was not done within ${values.minutes} minutes`);
if (setUp.status !== 0) process.exit(setUp.status ?? 1);
const windows = new Windows(folder);
// What a rehearsal left that was ended in its midst is not this one's. The lock says that none is under way.
await windows.reset();
try {
  copyProject(windows);
} catch (error) {
  if (error instanceof Unavailable) skip(error.message);
  throw error;
}
console.log(`  ${minutes()}: set up`);
if (isOver()) skip(`its set-up took ${minutes()}`);

let passed = 0;
let failed = 0;
let skipped = 0;
for (const step of chosen) {
  if (isOver()) {
    skipped += 1;
    console.log(`  SKIPPED  ${step.name}: ${values.minutes} minutes are over`);
    continue;
  }
  try {
    const shown = await withinLimit(step.carryOut(windows));
    passed += 1;
    console.log(`  ${minutes()}: ${step.name}: ${shown}`);
  } catch (error) {
    const { message } = error as Error;
    // What a program left that was ended in its midst is not the next step's.
    if (error instanceof TimedOut) await windows.reset();
    // The short form is for machines that may be slow; what hangs is found by the whole one.
    if (error instanceof Unavailable || (short && error instanceof TimedOut)) {
      skipped += 1;
      console.log(`  ${minutes()}: SKIPPED: ${step.name}: ${message}`);
    } else {
      failed += 1;
      console.log(`  ${minutes()}: FAILED: ${step.name}: ${message}`);
    }
  }
}
await windows.end();
locked.release();
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped, in ${minutes()}`);
process.exit(failed > 0 ? 1 : passed === 0 ? CANNOT : 0);

/** @throws Unavailable when the time is over before the step is done */
async function withinLimit<Value>(work: Promise<Value>): Promise<Value> {
  if (limitMs <= 0) return work;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    const leftMs = Math.max(0, limitMs - (performance.now() - startMs));
    timer = setTimeout(() => reject(new Unavailable(`${values.minutes} minutes are over`)), leftMs);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** A machine that is too slow or has no network says nothing of kernel-soak. */
function skip(why: string): never {
  console.log(`SKIPPED: THE WINDOWS REHEARSAL WAS NOT RUN: ${why}.`);
  process.exit(CANNOT);
}
