import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { parsedRunOptions } from '../options/run-options.ts';
import type { RawOptions } from '../options/table.ts';
import { assertTrafficFits, interruptSetting } from './traffic-options.ts';

const parsed = (raw: RawOptions<'run'>) => parsedRunOptions(raw, 'default.ipynb', () => 1);
const INTERRUPT = { traffic: 'interrupt' };

describe('traffics', () => {
  test('are joined by + in one order, and take turns with commas', () => {
    expect(parsed({ traffic: 'interrupt+widgets,overlap' }).traffic).toEqual([
      'widgets+interrupt',
      'overlap',
    ]);
  });

  test.each([
    ['widgets+torrent', /"torrent"/],
    ['sequential+interrupt', /"sequential\+interrupt"/],
    ['pipeline+nudge', /"pipeline\+nudge"/],
    ['widgets+', /cannot be ""/],
  ])('%s is refused', async (traffic, message) => {
    const error = await soakErrorOf(() => parsed({ traffic }));
    expect(error).toMatchObject({ code: 'bad-option', exitCode: 2 });
    expect(error.message).toMatch(message);
    expect(error.remedy).not.toBe('');
  });

  test('a moment that is none is refused', async () => {
    const error = await soakErrorOf(() => parsed({ ...INTERRUPT, interruptAfter: 'soon' }));
    expect(error.message).toContain('--interrupt-after cannot be "soon"');
    expect(error.remedy).toContain('busy+500ms');
  });
});

describe('traffic that interrupts', () => {
  test.each<RawOptions<'run'>>([
    INTERRUPT,
    { traffic: 'widgets+interrupt', endpoint: 'interrupt' },
    { ...INTERRUPT, endpoint: 'cell-error', also: 'interrupt' },
    { traffic: 'widgets,interrupt', also: 'interrupt' },
    { ...INTERRUPT, interruptAfter: 'busy+5s', timeout: '6' },
    { ...INTERRUPT, transport: 'server' },
    { client: 'nbclient' },
  ])('fits: %j', (raw) => {
    expect(() => assertTrafficFits(parsed(raw))).not.toThrow();
  });

  test.each<[RawOptions<'run'>, string]>([
    [
      { endpoint: 'interrupt' },
      '--endpoint interrupt needs traffic that interrupts, and --traffic is widgets.',
    ],
    [{ also: 'interrupt' }, '--also interrupt needs traffic that interrupts'],
    [{ traffic: 'widgets,interrupt', endpoint: 'interrupt' }, 'needs traffic that interrupts'],
    [{ interruptAfter: '5ms' }, '--interrupt-after 5ms needs traffic that interrupts'],
    [{ endpoint: 'interrupt', client: 'nbclient' }, '--endpoint interrupt cannot be used with --client'],
    [{ ...INTERRUPT, via: 'rest' }, '--via rest cannot be used with --traffic interrupt'],
    [{ ...INTERRUPT, endpoint: 'lost-output' }, 'Outputs cannot be compared'],
    [{ ...INTERRUPT, expect: 'saved', endpoint: 'any' }, 'Outputs cannot be compared'],
    [{ ...INTERRUPT, interruptAfter: 'busy+10s' }, '--interrupt-after busy+10s is not below --timeout 10'],
  ])('is refused: %j', async (raw, message) => {
    const error = await soakErrorOf(() => assertTrafficFits(parsed(raw)));
    expect(error).toMatchObject({ code: 'bad-option', exitCode: 2 });
    expect(error.message).toContain(message);
    expect(error.remedy).not.toBe('');
  });

  test('a client of its own has its own traffic', async () => {
    const error = await soakErrorOf(() => parsed({ client: 'nbclient', traffic: 'interrupt' }));
    expect(error.message).toContain('the client has its own front end');
  });

  test('its moment is part of the protocol, and nothing is where no traffic interrupts', () => {
    expect(interruptSetting(parsed(INTERRUPT))).toEqual({ interruptAfter: '0-10ms' });
    expect(interruptSetting(parsed({ ...INTERRUPT, interruptAfter: 'busy' }))).toEqual({
      interruptAfter: 'busy',
    });
    expect(interruptSetting(parsed({ traffic: 'widgets' }))).toEqual({});
  });
});
