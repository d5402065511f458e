import { SoakError } from '../model/errors.ts';
import { DEFAULT_INTERRUPT_AFTER, interruptMoment } from '../model/interrupt.ts';
import type { Protocol } from '../model/protocol.ts';
import { hasProfile } from '../model/traffic.ts';
import type { RunOptions } from '../options/run-options.ts';
import { namedEndpoints } from './endpoint-options.ts';

type TrafficOptions = Pick<
  RunOptions,
  'traffic' | 'interruptAfter' | 'timeoutSeconds' | 'endpoint' | 'also' | 'expect' | 'via' | 'client'
>;

/**
 * Refuse what does not go together with interrupts, and what makes no sense without them.
 *
 * @throws SoakError `bad-option`
 */
export function assertTrafficFits(options: TrafficOptions): void {
  const { traffic, interruptAfter, client } = options;
  const interrupting = traffic.filter((each) => hasProfile(each, 'interrupt'));
  const named = namedEndpoints(options);
  if (named.includes('interrupt')) {
    const asked = `--${options.endpoint === 'interrupt' ? 'endpoint' : 'also'} interrupt`;
    if (client !== null) {
      throw refused(
        'endpoint',
        `${asked} cannot be used with --client: the harness interrupts cells that it sends itself, and a client that is a program of its own does not.`,
        'Leave out --client: the harness is then the front end.',
      );
    }
    const isLacking =
      options.endpoint === 'interrupt' ? interrupting.length < traffic.length : interrupting.length === 0;
    if (isLacking) {
      throw refused(
        'endpoint',
        `${asked} needs traffic that interrupts, and --traffic is ${traffic.join(',')}.`,
        'Use soak run or soak bisect with --traffic interrupt, or join it with another profile: --traffic widgets+interrupt.',
      );
    }
  }
  if (interrupting.length > 0) assertInterruptsFit(options);
  else if (interruptAfter !== null) {
    throw refused(
      'interrupt-after',
      `--interrupt-after ${interruptAfter} needs traffic that interrupts, and --traffic is ${traffic.join(',')}.`,
      'Add --traffic interrupt, or leave it out.',
    );
  }
}

function assertInterruptsFit(options: TrafficOptions): void {
  const { interruptAfter, timeoutSeconds, expect, via } = options;
  if (via === 'rest') {
    throw refused(
      'via',
      '--via rest cannot be used with --traffic interrupt: the server sends the cells, and what it owes for one that was interrupted is not specified.',
      'Leave out --via rest: the front end then sends the cells through the server.',
    );
  }
  if (expect !== null || namedEndpoints(options).includes('lost-output')) {
    throw refused(
      expect === null ? 'endpoint' : 'expect',
      'Outputs cannot be compared under --traffic interrupt: a cell that is interrupted does not show its outputs.',
      'Leave out --expect and the endpoint lost-output, or --traffic interrupt.',
    );
  }
  const after = interruptAfter ?? DEFAULT_INTERRUPT_AFTER;
  const latestMs = interruptMoment(after)?.highMs ?? 0;
  if (latestMs < timeoutSeconds * 1000) return;
  throw refused(
    'interrupt-after',
    `--interrupt-after ${after} is not below --timeout ${timeoutSeconds} (seconds): a cell that runs for so long is given up before it is interrupted.`,
    'Raise --timeout, or lower --interrupt-after.',
  );
}

function refused(name: string, message: string, remedy: string): SoakError {
  return new SoakError('bad-option', message, { remedy, option: { name } });
}

/** When cells are interrupted, for the protocol. Nothing where the traffic does not interrupt. */
export function interruptSetting({
  traffic,
  interruptAfter,
}: Pick<RunOptions, 'traffic' | 'interruptAfter'>): Pick<Protocol, 'interruptAfter'> {
  return traffic.some((each) => hasProfile(each, 'interrupt'))
    ? { interruptAfter: interruptAfter ?? DEFAULT_INTERRUPT_AFTER }
    : {};
}
