import { expect, test } from 'vitest';
import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';
import { type CommandFacts, classifyCommand } from './classify-command.ts';

const counters = (given: Partial<KernelCounters>): KernelCounters =>
  ({ ...Object.fromEntries(KERNEL_COUNTERS.map((name) => [name, 0])), ...given }) as KernelCounters;
const done = counters({ delivered: 9, begun: 9, ended: 9, replies: 9 });
const FACTS: CommandFacts = {
  programExit: null,
  kernelExitWords: null,
  kernel: done,
  cells: 8,
  waitedMs: 10_000,
  idle: { busiestShare: 0, lastShare: 0 },
  isSocketEmpty: true,
};
const EXITED = { code: 0, signal: null };

test.each<[string, Partial<CommandFacts>, string, string | null]>([
  ['exit code 0', { programExit: EXITED }, 'completed', null],
  [
    'exit code 0, the kernel shut down',
    { programExit: EXITED, kernelExitWords: 'exit code 0' },
    'completed',
    null,
  ],
  ['exit code 0, too little done', { programExit: EXITED, cells: 10 }, 'start-failed', 'client'],
  ['another exit code', { programExit: { code: 3, signal: null } }, 'died', 'client'],
  ['a signal', { programExit: { code: null, signal: 'SIGSEGV' } }, 'died', 'client'],
  [
    'nothing asked',
    { programExit: { code: 2, signal: null }, kernel: counters({}) },
    'start-failed',
    'client',
  ],
  [
    'a dead kernel',
    { programExit: { code: 1, signal: null }, kernelExitWords: 'exit code 7' },
    'died',
    'kernel',
  ],
  ['a dead kernel, a program that waits', { kernelExitWords: 'exit code 7' }, 'died', 'kernel'],
  ['a cell that waits', { kernel: { ...done, ended: 8 } }, 'hung', 'notebook'],
  [
    'a cell at work',
    { kernel: { ...done, ended: 8 }, idle: { busiestShare: 1, lastShare: 1 } },
    'busy',
    'notebook',
  ],
  ['a cell, not sampled', { kernel: { ...done, ended: 8 }, idle: null }, 'busy', 'notebook'],
  ['nothing owed that is known', {}, 'no-answer', null],
  ['counters that cannot be right', { kernel: { ...done, ended: 10 } }, 'no-answer', null],
  ['the same, and exit code 0', { programExit: EXITED, kernel: { ...done, ended: 10 } }, 'died', 'client'],
])('%s', (_, given, kind, source) => {
  expect(classifyCommand({ ...FACTS, ...given })).toMatchObject({ kind, source });
});

test('without a certificate it is never a wedge', () => {
  for (const kernel of [done, counters({}), { ...done, begun: 8, ended: 8 }]) {
    for (const isSocketEmpty of [true, false]) {
      expect(classifyCommand({ ...FACTS, kernel, isSocketEmpty }).kind).not.toMatch(/^wedged/);
    }
  }
});
