import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import type { Protocol } from '../model/protocol.ts';
import { parsedRunOptions } from '../options/run-options.ts';
import { writeJournal } from '../report/fixtures/journal-text.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { registerPlan } from './plan.ts';

afterEach(() => vi.restoreAllMocks());

async function printed(...args: string[]): Promise<string> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const program = new Command();
  registerPlan(program);
  await program.parseAsync(['plan', '--simulations', '400', ...args], { from: 'user' });
  return log.mock.calls.map(([line]) => String(line)).join('\n');
}

describe('soak plan', () => {
  it('plans runs for each test, with the time that they take and a power curve', async () => {
    const text = await printed(
      '--reference-rate',
      '0.3',
      '--alpha',
      '0.001',
      '--runs',
      '20',
      '--seconds-per-run',
      '3',
    );
    expect(text).toMatch(/Fisher, fixed size +45 +49 +7 min 21 s/);
    expect(text).toMatch(/Boschloo, fixed size +4\d +4\d/);
    expect(text).toMatch(/e-process, median +\d+ +\d+/);
    expect(text).toContain('20 runs of each arm do not even see a drop to zero');
    expect(text).toContain('● Boschloo, ○ Fisher');
  });

  describe('says first what to run', () => {
    const advice = async (...args: string[]) =>
      (await printed(...args)).split('\n\n')[0]?.replaceAll('\n', ' ');

    it('at the level at which soak run decides, with what it takes', async () => {
      const text = (await printed('--reference-rate', '0.3', '--seconds-per-run', '1')).replace(',\n', ', ');
      const [, median, p90] =
        /^Run it with --until-decided: about (\d+) runs of each arm, seldom more than (\d+) \(one experiment in ten\), 2 to 3 minutes\.\n\n/.exec(
          text,
        ) ?? [];
      expect(text).toMatch(new RegExp(`^e-process, median +\\d+ +${median} .* 0\\.001$`, 'm'));
      expect(text).toMatch(new RegExp(`^e-process, 90 % by +\\d+ +${p90} .* 0\\.001$`, 'm'));
      expect(text).toMatch(/^Boschloo, fixed size .* 0\.05$/m);
      const option = (alpha: string | undefined, untilDecided: boolean) =>
        parsedRunOptions({ ...(alpha === undefined ? {} : { alpha }), untilDecided }, 'n.ipynb', () => 1)
          .alpha;
      expect([option(undefined, false), option(undefined, true)]).toEqual([0.05, 0.001]);
      vi.restoreAllMocks();
      const json = JSON.parse(await printed('--reference-rate', '0.3', '--json'));
      expect(json).toMatchObject({ alpha: 0.05, alphaUntilDecided: 0.001 });
    });

    it('with the options that the run then needs', async () => {
      expect(
        await advice(
          '--reference-rate',
          '0.05',
          '--alpha',
          '0.01',
          '--endpoint',
          'slow',
          '--slow-after',
          '5s',
        ),
      ).toMatch(
        /^Run it with --until-decided --alpha 0\.01 --max-runs \d+0 --endpoint slow --slow-after 5000ms: about \d+ runs/,
      );
      vi.restoreAllMocks();
      const [, limit, p90] =
        /--max-runs (\d+):.* seldom more than (\d+)/.exec((await advice('--reference-rate', '0.05')) ?? '') ??
        [];
      expect(Number(p90)).toBeGreaterThan(200);
      expect(Number(limit)).toBeGreaterThanOrEqual(Number(p90));
    });

    it('or that it is not worth beginning', async () => {
      expect(await advice('--reference-rate', '0.002')).toMatch(/^Do not begin yet: .*Use a longer notebook/);
    });
  });

  it('takes the cost of a run from a pilot, and refuses one without a started kernel', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'soak-pilot-'));
    const timed = (ms: number | null) => {
      const journal = syntheticJournal({ blocks: 2 });
      return { ...journal, runs: journal.runs.map((run) => ({ ...run, startMs: ms, notebookMs: ms })) };
    };
    try {
      await writeJournal(join(folder, 'pilot'), timed(1_500));
      const args = ['--reference-rate', '0.3', '--alpha', '0.001'];
      // 1.5 s to start and 1.5 s of notebook: the 3 s a run of the test above.
      const text = await printed(...args, '--pilot', join(folder, 'pilot'));
      expect(text).toMatch(/Fisher, fixed size +45 +49 +7 min 21 s/);
      await writeJournal(join(folder, 'none'), timed(null));
      await expect(printed(...args, '--pilot', join(folder, 'none'))).rejects.toMatchObject({
        code: 'bad-pilot',
      });
      await expect(
        printed(...args, '--pilot', join(folder, 'pilot'), '--seconds-per-run', '2'),
      ).rejects.toMatchObject({ code: 'bad-option' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  describe('plans for the event of its pilot', () => {
    const pilotOf = async (protocol: Partial<Protocol>, events: number): Promise<string> => {
      const pilot = join(temporaryFolder(), 'pilot');
      const journal = syntheticJournal({
        arms: [{ name: 'control', role: 'control', hazard: 0 }],
        protocol,
        change: (run) => {
          if (run.block >= events + 2) return run;
          const kind = run.block < events ? 'died' : 'cell-error';
          return { ...run, outcome: { ...run.outcome, kind } };
        },
      });
      await writeJournal(pilot, journal);
      return pilot;
    };

    /** As printed, but for where lines are broken. */
    const flat = async (...args: string[]) => (await printed(...args)).replaceAll('\n', ' ');

    it('with the rate of its control', async () => {
      const pilot = await pilotOf({ endpoint: 'died' }, 6);
      const text = await flat('--pilot', pilot, '--alpha', '0.05');
      expect(text).toContain('In the pilot, control died in 6 of 18 runs (33.3 %, 95 % interval');
      expect(text).toContain('2 ended otherwise)');
      expect(text).toContain('--competing 0.10 plans for them.');
      expect(text).toContain('Runs of each arm to find 0 % below 33.3 %');
      expect(text).toContain('The event is died. The kernel died in a run if');
      vi.restoreAllMocks();
      const json = JSON.parse(await printed('--pilot', pilot, '--json'));
      expect(json).toMatchObject({ endpoint: 'died', pReference: 6 / 18, pilot: { control: { wedged: 6 } } });
    });

    it('or for another, counted again', async () => {
      const text = await flat('--pilot', await pilotOf({ endpoint: 'died' }, 6), '--endpoint', 'cell-error');
      expect(text).toContain('In the pilot, control raised an error in 2 of 14 runs');
      expect(text).toContain('The pilot itself counted died, and its runs were counted again.');
      expect(text).toContain('below 14.3 %');
    });

    it('and takes no more than the cost of a run where it says nothing of the event', async () => {
      const pilot = await pilotOf({}, 0);
      const lost = ['--pilot', pilot, '--endpoint', 'lost-output'];
      const text = await flat(...lost, '--reference-rate', '0.3');
      expect(text).toContain('The pilot gives the cost of a run, and no rate of lost output: the outputs');
      expect(text).toMatch(/Boschloo, fixed size +\d+ +\d+ +\d+/);
      await expect(printed(...lost)).rejects.toMatchObject({ code: 'missing-rate' });
    });

    it('and says so where no run shows it', async () => {
      await expect(printed('--pilot', await pilotOf({ endpoint: 'died' }, 0))).rejects.toMatchObject({
        code: 'missing-rate',
        message: expect.stringMatching(/no death rate.*control died in 0 of 18 runs.*up to 15\.3 %/),
        remedy: expect.stringContaining('repeats what ends the kernel'),
      });
    });

    it('with the limit of an endpoint that needs one', async () => {
      const rate = ['--reference-rate', '0.3', '--endpoint', 'slow'];
      await expect(printed(...rate)).rejects.toMatchObject({
        message: expect.stringContaining('--slow-after'),
      });
      expect(await flat(...rate, '--slow-after', '5s')).toContain('took 5 s or longer');
    });
  });

  it("prints JSON with the golden file's keys and values", async () => {
    const json = JSON.parse(
      await printed(
        '--reference-rate',
        '0.3',
        '--alpha',
        '0.05',
        '--power',
        '0.8',
        '--minutes-per-run',
        '1',
        '--json',
      ),
    ) as {
      runsNeededFisherLess: object[];
      powerFisherLess: { runsPerArm: number; power: number }[];
      minutes: { fisher: number };
    };
    expect(json.runsNeededFisherLess).toEqual([
      { pReference: 0.3, pTreatment: 0, alpha: 0.05, power: 0.8, runsPerArm: 21 },
    ]);
    const twenty = json.powerFisherLess.find(({ runsPerArm }) => runsPerArm === 20);
    expect(twenty?.power).toBeCloseTo(0.7624922211223985, 9);
    expect(json.minutes.fisher).toBe(25 * 3);
  });

  it('plans for competing events in every arm, which take more runs, and gives the power of the claim', async () => {
    const rates = ['--reference-rate', '0.3', '--alpha', '0.05', '--seconds-per-run', '3', '--json'];
    const planned = async (...args: string[]) => {
      vi.restoreAllMocks();
      return JSON.parse(await printed(...rates, ...args)) as {
        controlAndSham: { runsNeededBoschlooLess: { runsPerArm: number }[] };
        eProcess: { controlAndSham: { median: number } };
        claim?: { power: number };
      };
    };
    const without = await planned();
    const many = await planned('--endpoint', 'died', '--competing', '0.2', '--runs', '40');
    const needed = (plan: typeof without) => plan.controlAndSham.runsNeededBoschlooLess[0]?.runsPerArm ?? 0;
    expect(needed(many)).toBeGreaterThan(needed(without) * 1.2);
    expect(many.eProcess.controlAndSham.median).toBeGreaterThan(without.eProcess.controlAndSham.median);
    // 40 runs are enough without competing events, and are not with them.
    expect(needed(without)).toBeLessThan(40);
    expect(many.claim?.power).toBeLessThan(0.9);
    vi.restoreAllMocks();
    const text = await printed(...rates.slice(0, -1), '--competing', '0.05', '--runs', '40');
    expect(text).toContain('5.0 % of the runs are assumed to end otherwise');
    expect(text).toMatch(/40 runs of each arm reach the claim against control and sham with \d+\.\d % power/);
    expect(text).not.toContain('Fisher');
  });

  it('says that no number of runs shows what is not there', async () => {
    const text = await printed('--reference-rate', '0.3', '--treatment-rate', '0.3');
    expect(text).toMatch(/^There is nothing to run: .*No number of runs/s);
    expect(text).toContain('more than 2000');
  });

  it('chooses the notebook length that reaches a verdict soonest', async () => {
    const text = await printed('--hazard', '0.012', '--alpha', '0.001', '--cells', '5,20,80');
    expect(text).toMatch(/^80 .*← soonest$/m);
    expect(text).toContain('80 cells reach a verdict soonest.');
  });

  it('tells the lengths of a notebook in the words of the endpoint', async () => {
    const text = await printed('--endpoint', 'lost-output', '--hazard', '0.01', '--cells', '20');
    expect(text).toContain('0.01 losses of output per reply');
    expect(text).toContain('a treatment that never loses output');
  });

  it('writes the same picture every time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'soak-plan-'));
    try {
      const pictures = [];
      for (const name of ['a.svg', 'b.svg']) {
        await printed('--reference-rate', '0.3', '--svg', join(folder, name));
        pictures.push(await readFile(join(folder, name), 'utf8'));
      }
      expect(pictures[0]).toMatch(/^<svg .*<\/svg>\n$/s);
      expect(pictures[0]).not.toMatch(/NaN|undefined|Infinity/);
      expect(pictures[1]).toBe(pictures[0]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    [['--reference-rate', '1.3'], '--reference-rate cannot be "1.3"'],
    [['--reference-rate', 'often'], '--reference-rate cannot be "often"'],
    [['--reference-rate', '0.3', '--power', '1'], '--power cannot be "1"'],
    [['--reference-rate', '0.3', '--runs', '2.5'], '--runs cannot be "2.5"'],
    [['--reference-rate', '0.3', '--seconds-per-run', '1', '--minutes-per-run', '1'], '--minutes-per-run'],
    [['--reference-rate', '0.3', '--svg', join(tmpdir(), 'no such folder', 'p.svg')], '--svg'],
    [['--hazard', '0.01', '--cells', '5,x'], '--cells cannot be "x"'],
    [
      ['--reference-rate', '0.3', '--competing', '0.05', '--svg', 'p.svg'],
      '--competing 0.05 cannot be used with --svg',
    ],
    [[], 'rate'],
  ])('refuses %j with a remedy', async (args, named) => {
    await expect(printed(...args)).rejects.toMatchObject({
      name: 'SoakError',
      message: expect.stringContaining(named) as string,
      remedy: expect.stringMatching(/\.$/) as string,
    });
  });
});
