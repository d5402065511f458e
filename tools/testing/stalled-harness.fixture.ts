import { PreciseTimer } from '../../harness/frontend/precise-timer.ts';
import { Reaper } from '../../harness/kernel/reaper.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import { LoopStallMeter } from '../../harness/run/loop-stall.ts';
import { codeNotebook } from './code-notebook.ts';
import { type FaultName, faultyKernelArgv } from './faulty-kernel.ts';

/**
 * One run in a process of its own, which a test can stop: `python behaviour delayMs timeoutMs flood`. Says `cell 3`
 * as it is about to send the faulty cell, and at the end the outcome as JSON.
 */
const [python = '', name = '', delayMs = '0', timeoutMs = '0', flood = '0'] = process.argv.slice(2);
const FAULTY_CELL = 3;

const notebook = codeNotebook('four-cells.ipynb', Array(4).fill('x = 1'));
const timer = new PreciseTimer();
const stalls = new LoopStallMeter();
const reaper = await Reaper.start(python);
let cell = 0;
const result = await executeRun(
  { run: 'b000-x', block: 0, position: 0, arm: 'x', notebookIndex: 0, traffic: 'sequential', seed: 1 },
  notebook,
  (_folder, file) => {
    const behaviour = { name: name as FaultName, at: FAULTY_CELL, delayMs: Number(delayMs) };
    const [program = '', ...rest] = faultyKernelArgv(behaviour, file, python);
    return { argv: [program, ...rest], countersPath: null, identityPath: null };
  },
  {
    timeoutMs: Number(timeoutMs),
    startTimeoutMs: 20_000,
    suspectAfterMs: 300,
    pipelineDepth: 1,
    latency: {
      spec: 'none',
      sha256: null,
      quantileMs(reaction) {
        if (reaction === 'executeRequest') cell += 1;
        if (cell === FAULTY_CELL) {
          process.stdout.write(`cell ${FAULTY_CELL}\n`);
          // More than any pipe takes that nobody reads, once the request is on its way.
          if (flood !== '0') setTimeout(() => process.stdout.write(`${'x'.repeat(Number(flood))}\n`), 100);
        }
        return 0;
      },
    },
    timer,
    stalls,
    reaper,
    variables: {},
  },
  new AbortController().signal,
);
stalls.stop();
await timer.close();
await reaper.stop();
process.stdout.write(`${JSON.stringify(result?.record.outcome)}\n`);
