import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { experimentRecord, runRecord } from '../journal/journal.fixture.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Protocol } from '../model/protocol.ts';
import { sequentialStart, sequentialStep } from '../stats/sequential-decision.ts';
import { Board, type ShownPart } from './display-board.ts';
import { leftWords, screen } from './display-screen.ts';

const MINUTE = 60_000;
const { protocol: FIXED } = experimentRecord();
const UNTIL_DECIDED: Protocol = {
  ...FIXED,
  decision: { stopping: 'until-decided', test: 'e-process', alpha: 0.001, p0: null },
};

const run = (block: number, arm: string, kind: OutcomeKind) => {
  const record = runRecord(block, arm);
  return { ...record, outcome: { ...record.outcome, kind } };
};

/** A board after so many blocks, in which control wedges and fix does what is given. */
function boardAfter(
  blocks: number,
  { protocol = FIXED, fix = 'completed', part = {} }: Partial<Given> = {},
): Board {
  const board = new Board(protocol, [], 0, part);
  let decision = sequentialStart(protocol);
  for (let block = 0; block < blocks; block += 1) {
    board.finish(run(block, 'control', 'wedged-mute'));
    board.finish(run(block, 'fix', fix));
    decision = sequentialStep(
      protocol,
      decision,
      new Map([
        ['control', 'wedged'],
        ['fix', fix === 'completed' ? 'completed' : 'wedged'],
      ]),
    );
    board.decision = decision;
  }
  return board;
}

interface Given {
  readonly protocol: Protocol;
  readonly fix: OutcomeKind;
  readonly part: ShownPart;
}

/** Without colour, which CI asks for, and without the breaks of lines. */
function inWords(text: string): string {
  return stripVTControlCharacters(text).replace(/\s+/g, ' ');
}

describe.each([60, 80, 120])('in %i columns', (columns) => {
  test('no line is wider than the terminal, and every arm has its count and its interval', () => {
    const board = boardAfter(12);
    board.finish(run(12, 'fix', 'died'));
    board.finish(run(12, 'control', 'harness-fault'));
    board.start(
      {
        run: 'b013-control',
        block: 13,
        position: 0,
        arm: 'control',
        notebookIndex: 0,
        traffic: 'widgets',
        seed: 1,
      },
      MINUTE,
    );
    const text = screen(board, FIXED, 2 * MINUTE, { columns });
    expect(Math.max(...text.split('\n').map((line) => stringWidth(line)))).toBeLessThan(columns);
    const words = inWords(text);
    expect(words).toContain('control 12 of 12 wedged 100 % (95 % CI 73.5 to 100 %) 1 harness fault');
    expect(words).toContain('fix 0 of 12 wedged 0 % (95 % CI 0 to 26.5 %) 1 died');
    expect(words).toContain(
      'So far: fix wedged less often than control. The verdict comes after all 20 blocks.',
    );
    expect(words).toContain('Under way: b013-control 60 s');
    expect(words).toContain('12 of 20 blocks, 2 min so far, about 65 s left');
  });
});

test('how far the evidence is stands in words, towards a cure, towards harm, and when it is enough', () => {
  const words = (board: Board) => inWords(screen(board, UNTIL_DECIDED, MINUTE, { columns: 100 }));
  const some = boardAfter(3, { protocol: UNTIL_DECIDED });
  const share = some.decision?.decisions[0]?.evidence.share ?? Number.NaN;
  expect(share).toBeGreaterThan(0.1);
  expect(words(some)).toContain(
    `So far: fix wedged less often than control. Evidence: ${Math.floor(share * 100)} % of the way to a verdict.`,
  );
  expect(words(some)).not.toContain('The verdict comes after');
  expect(words(boardAfter(19, { protocol: UNTIL_DECIDED }))).toContain('Evidence: enough for a verdict.');
  expect(words(boardAfter(3, { protocol: UNTIL_DECIDED, fix: 'wedged-mute' }))).toContain(
    'So far: fix wedged as often as control. Evidence: 0 % of the way to a verdict.',
  );
});

describe('the time that is left', () => {
  test('is rough, at most that where the experiment may stop early, and is not said where nothing is left', () => {
    expect(leftWords(boardAfter(10), 10 * MINUTE)).toBe('about 10 min left');
    expect(leftWords(boardAfter(5, { protocol: UNTIL_DECIDED }), MINUTE)).toBe('at most about 3 min left');
    expect(leftWords(boardAfter(20), 10 * MINUTE)).toBeNull();
    expect(screen(boardAfter(20), FIXED, 10 * MINUTE, { columns: 100 })).not.toContain('left');
    expect(leftWords(boardAfter(19, { protocol: UNTIL_DECIDED }), 10 * MINUTE)).toBeNull();
    expect(screen(boardAfter(10), FIXED, MINUTE, { columns: 100, isOver: true })).not.toContain('left');
  });

  test('ends with --max-minutes where that comes first', () => {
    const part = { maxMs: 12 * MINUTE };
    expect(leftWords(boardAfter(10, { part }), 10 * MINUTE)).toBe(
      'about 2 min left by --max-minutes (all blocks would take about 10 min)',
    );
    expect(leftWords(boardAfter(10, { part }), 13 * MINUTE)).toBe(
      '--max-minutes is over: the blocks that have begun are completed',
    );
    expect(leftWords(boardAfter(10, { part: { maxMs: 30 * MINUTE } }), 10 * MINUTE)).toBe(
      'about 10 min left',
    );
  });
});

describe('colour', () => {
  const shown = (env: NodeJS.ProcessEnv): string => {
    const fixture = fileURLToPath(new URL('./display.fixture.ts', import.meta.url));
    const { NO_COLOR: _, FORCE_COLOR: __, ...own } = process.env;
    const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', fixture], {
      cwd: packageRoot(),
      encoding: 'utf8',
      env: { ...own, ...env },
    });
    return stdout;
  };

  test('marks a change without an event and other endings, and there is none under NO_COLOR', () => {
    const [green, yellow] = ['\u001b[32m', '\u001b[33m'];
    const [coloured, plain] = [shown({ FORCE_COLOR: '1' }), shown({ NO_COLOR: '1' })];
    expect(coloured).toContain(`${green}0 of 1 wedged`);
    expect(coloured).toContain(`${yellow}1 busy`);
    expect(plain).toContain('0 of 1 wedged');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what is looked for
    expect(plain).not.toMatch(/\u001b\[\d+m/);
  });
});
