import { SoakError } from '../model/errors.ts';
import type { Protocol } from '../model/protocol.ts';
import type { OutcomeStatus } from '../model/run-status.ts';
import { type SequentialDesign, sequentialStart, sequentialStep } from '../stats/sequential-decision.ts';
import { armsByRole } from '../stats/verdict.ts';

/** The parts of a design that decide whether its e-process can ever decide. */
export interface DecidableDesign extends SequentialDesign {
  readonly decision: Pick<Protocol['decision'], 'alpha' | 'stopping'>;
}

// Far more than any bound needs: at α = 1e-12 and 100 treatments the clearest outcome decides within 60
// blocks.
const MOST_BLOCKS = 10_000;

/**
 * Refuse an experiment under `--until-decided` that would run to its limit whatever its kernels do. Such an
 * experiment has no pair of arms to compare, or its limit is below the number of blocks that the clearest
 * outcome needs (every reference run an event, no treatment run an event).
 *
 * @param blocks the experiment's limit
 * @throws SoakError `bad-option`
 */
export function assertCanDecide(design: DecidableDesign, blocks: number): void {
  const { stopping, alpha } = design.decision;
  if (stopping !== 'until-decided') return;
  if (sequentialStart(design).pairs.length === 0) {
    const [only] = design.arms;
    throw new SoakError(
      'bad-option',
      `--until-decided can never decide: ${only?.name ?? 'no arm'} is the only arm, and nothing is compared with it.`,
      {
        option: { name: 'until-decided' },
        remedy:
          'Add the arm to compare with, such as --arm control, or give a fixed size with --runs and, for its bound, --p0.',
      },
    );
  }
  const needed = fewestBlocks(design);
  if (needed <= blocks) return;
  throw new SoakError(
    'bad-option',
    `--max-runs ${blocks} is too few for --until-decided at α = ${alpha}: even if every reference run showed the event and no treatment run did, it would take ${needed} blocks to decide.`,
    {
      option: { name: 'max-runs' },
      remedy: `Give --max-runs ${needed} or more, a larger --alpha, or a fixed size with --runs.`,
    },
  );
}

/** Number of blocks after which the clearest outcome decides. No experiment can decide earlier. */
function fewestBlocks(design: DecidableDesign): number {
  const { control, treatments } = armsByRole(design);
  // Without a treatment, each pair is the first control and one other arm.
  const isEvent = (name: string) => (treatments.length > 0 ? !treatments.includes(name) : name === control);
  const statuses = new Map(
    design.arms.map(({ name }): [string, OutcomeStatus] => [name, isEvent(name) ? 'wedged' : 'completed']),
  );
  let state = sequentialStart(design);
  while (!state.isDecided && state.blocks < MOST_BLOCKS) state = sequentialStep(design, state, statuses);
  return state.blocks;
}
