import { describe, expect, test } from 'vitest';
import { Alternation, alternatingSequence } from './turns.ts';

const NONE = new Set<number>();

describe('the sequence', () => {
  test('lets each be first in turn', () => {
    const recorded = new Map([
      ['direct', NONE],
      ['nbclient', NONE],
    ]);
    expect(alternatingSequence(recorded, 3)).toEqual([
      ...['direct', 'nbclient'],
      ...['nbclient', 'direct'],
      ...['direct', 'nbclient'],
    ]);
  });

  test('leaves out the blocks that are recorded', () => {
    const recorded = new Map([
      ['direct', new Set([0, 1])],
      ['nbclient', new Set([0])],
    ]);
    expect(alternatingSequence(recorded, 3)).toEqual(['nbclient', 'direct', 'nbclient']);
  });
});

describe('taking turns', () => {
  /** One party: takes so many turns and notes each. */
  async function party(
    turns: Alternation,
    name: string,
    blocks: number,
    log: string[],
  ): Promise<string | null> {
    for (let block = 0; block < blocks; block += 1) {
      const turn = await turns.turnsOf(name).take();
      if (!turn.mayBegin) return turn.reason;
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      log.push(`${name} ends`);
      turn.end();
    }
    turns.leave(name);
    return null;
  }

  test('one block runs at a time, in the order of the sequence', async () => {
    const turns = new Alternation(['a', 'b', 'b', 'a'], () => null);
    const log: string[] = [];
    await Promise.all([party(turns, 'b', 2, log), party(turns, 'a', 2, log)]);
    expect(log).toEqual(['a', 'b', 'b', 'a'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  test('nobody waits for a party that has left, even if it left within its turn', async () => {
    const turns = new Alternation(['a', 'b', 'a', 'b'], () => null);
    const log: string[] = [];
    const broken = (async () => {
      await turns.turnsOf('a').take();
      turns.leave('a');
    })();
    await Promise.all([broken, party(turns, 'b', 2, log)]);
    expect(log.filter((each) => each.endsWith('ends'))).toHaveLength(2);
  });

  test('a reason to stop is given to everybody who waits, and no block begins any more', async () => {
    let reason: string | null = null;
    const turns = new Alternation(['a', 'b', 'a', 'b'], () => reason);
    const log: string[] = [];
    const both = Promise.all([party(turns, 'a', 2, log), party(turns, 'b', 2, log)]);
    setTimeout(() => {
      reason = 'all the same';
    }, 0);
    expect(await both).toEqual(['all the same', 'all the same']);
    expect(log.filter((each) => each.endsWith('begins')).length).toBeLessThan(4);
  });
});
