import { describe, expect, test } from 'vitest';
import { plainLine } from '../report/document.ts';
import { asked, COMPLETED, type Ending, runsOf, STALLED, WEDGED, way } from './diagnosis.fixture.ts';
import { diagnosisOf, type WayJournal } from './diagnosis.ts';
import { nextArguments } from './next-command.ts';
import { answer } from './sentences.ts';

const LATE_STALL: Ending = { kind: 'completed', stalls: 2 };
const ASSERTION: Ending = {
  kind: 'cell-error',
  cell: 3,
  error: { ename: 'AssertionError', evalue: 'too slow' },
};

function told(...ways: WayJournal[]) {
  const diagnosis = diagnosisOf(ways);
  const { whether, what, toDo } = answer(diagnosis);
  return {
    diagnosis,
    whether: plainLine(whether),
    what: plainLine(what),
    toDo: plainLine(toDo),
    next: nextArguments(diagnosis, asked()).join(' '),
  };
}

/** Words that would say that one change is enough. */
const SOLVED = /solved|fixes (it|both)|cures (it|both|everything)|that is all|simply upgrade/i;

describe('a kernel that wedges and a client that stalls', () => {
  const both = told(
    way('direct', '7.2.0', [...runsOf(7, WEDGED), ...runsOf(3, COMPLETED)]),
    way('nbclient', '7.2.0', [...runsOf(5, WEDGED), ...runsOf(4, STALLED), COMPLETED]),
  );

  test('are counted by way, each with its interval', () => {
    expect(both.whether).toMatch(
      /^Yes: in 7 of 10 runs directly \(70\.0 %, 95 % interval .+\) and in 9 of 10 runs by nbclient/,
    );
  });

  test('are two faults, each with the one that it belongs to', () => {
    expect(both.what).toContain('The kernel wedged in 7 of 10 runs directly and 5 of 10 runs by nbclient');
    expect(both.what).toContain('12 of 12 were certified');
    expect(both.what).toContain('The fault is in the kernel, ipykernel 7.2.0.');
    expect(both.what).toContain('The client stalled in 4 of 10 runs by nbclient');
    expect(both.what).toContain('The fault is in the client (nbclient 0.10.2 and jupyter-client 8.6.3)');
  });

  test('are not solved by an upgrade: what it leaves stands in the same sentence', () => {
    expect(both.toDo).toMatch(
      /ipykernel 7\.4\.0 cures this wedge of the kernel, and nothing else: the stalls of nbclient stay\./,
    );
    expect(both.toDo).not.toMatch(SOLVED);
    expect(both.next).toBe('locate --notebook my.ipynb --arms control,stream');
  });
});

test('no wedge leads to the word upgrade without the client beside it, whatever the counts', () => {
  for (let wedged = 1; wedged <= 4; wedged += 1) {
    for (let stalled = 0; stalled + wedged <= 4; stalled += 1) {
      for (const stall of [STALLED, LATE_STALL]) {
        const rest = 4 - wedged - stalled;
        const { toDo } = told(
          way('direct', '7.2.0', runsOf(4, WEDGED)),
          way('nbclient', '7.2.0', [
            ...runsOf(wedged, WEDGED),
            ...runsOf(stalled, stall),
            ...runsOf(rest, COMPLETED),
          ]),
        );
        expect(toDo).toContain('and nothing else');
        expect(toDo).toContain(
          stalled > 0 ? 'the stalls of nbclient stay' : 'Whether nbclient then stalls is open',
        );
        expect(toDo).not.toMatch(SOLVED);
      }
    }
  }
});

test('runs that wedged before they could stall do not clear the client', () => {
  const { toDo, diagnosis } = told(
    way('direct', '7.3.0', runsOf(5, WEDGED)),
    way('nbclient', '7.3.0', [...runsOf(4, WEDGED), COMPLETED]),
  );
  expect(diagnosis.stallable.runs).toBe(1);
  expect(toDo).toContain(
    'only 1 run of nbclient got past the wedge, and none stalled, which still allows 95.0 %',
  );
  expect(
    told(way('direct', '7.3.0', runsOf(5, WEDGED)), way('nbclient', '7.3.0', runsOf(5, WEDGED))).toDo,
  ).toContain('in no run did nbclient get past the wedge');
});

test('on 7.4.0 the client’s stalls are the client’s, and no upgrade is named', () => {
  const { whether, what, toDo, next } = told(
    way('direct', '7.4.0', runsOf(10, COMPLETED)),
    way('nbclient', '7.4.0', [...runsOf(6, STALLED), LATE_STALL, ...runsOf(3, COMPLETED)]),
  );
  expect(whether).toContain('in 0 of 10 runs directly');
  expect(whether).toContain('in 7 of 10 runs by nbclient');
  expect(what).not.toContain('in the kernel');
  expect(what).toContain('The fault is in the client');
  expect(toDo).toContain('a newer ipykernel does not help');
  expect(toDo).toContain('time-out of a cell');
  expect(next).toBe('exec my.ipynb');
});

test('a wedge that no release is known to cure names none', () => {
  const { toDo } = told(
    way('direct', '7.4.0', runsOf(3, WEDGED)),
    way('nbclient', '7.4.0', runsOf(3, COMPLETED)),
  );
  expect(toDo).toContain('No release is known here that cures this wedge');
  const mute: Ending = { kind: 'wedged-mute', cell: 1, source: 'kernel' };
  expect(
    told(way('direct', '7.2.0', runsOf(3, mute)), way('nbclient', '7.2.0', runsOf(3, COMPLETED))).toDo,
  ).toContain('No release is known');
});

test('where nothing happened, it says which rate is excluded, and repeats it longer', () => {
  const { whether, what, toDo, next } = told(
    way('direct', '7.4.0', runsOf(10, COMPLETED)),
    way('nbclient', '7.4.0', runsOf(10, COMPLETED)),
  );
  expect(whether).toBe(
    'Not in these runs: 0 of 10 runs directly and 0 of 10 runs by nbclient. That excludes a rate above 25.9 % directly or 25.9 % by nbclient (one-sided 95 %), and no lower rate.',
  );
  expect(what).toContain('no fault to place');
  expect(toDo).toContain('Run it more often');
  expect(next).toBe('my.ipynb --runs 50 --max-minutes 25');
});

test('an assertion that fails now and then is the notebook’s own', () => {
  const { what, toDo, next } = told(
    way('direct', '7.4.0', [ASSERTION, ...runsOf(9, COMPLETED)]),
    way('nbclient', '7.4.0', [COMPLETED, ASSERTION, ...runsOf(8, COMPLETED)]),
  );
  expect(what).toContain(
    "A cell raised AssertionError: too slow in 1 of 10 runs directly and 1 of 10 runs by nbclient at cell 3 (counting from 0). The assertion is the notebook's own: neither kernel nor client is at fault.",
  );
  expect(toDo).toContain('Mend the cell');
  expect(next).toMatch(/^explain soak-reports\/x direct\/b000-control$/);
});

describe('runs that all end in the same way', () => {
  const same = told(
    way('direct', '7.4.0', runsOf(2, ASSERTION), 10),
    way('nbclient', '7.4.0', runsOf(2, ASSERTION), 10),
  );

  test('are told as such, with exception and cell', () => {
    expect(same.whether).toContain(
      'Yes, in each of the 4 runs so far, and each time in the same way at cell 3',
    );
    expect(same.what).toContain('AssertionError: too slow');
    expect(same.toDo).toContain('Mend the cell first');
    expect(same.next).toContain('explain');
  });

  test('for want of a package, it is the environment that is to be named', () => {
    const absent: Ending = {
      kind: 'cell-error',
      cell: 0,
      error: { ename: 'ModuleNotFoundError', evalue: 'x' },
    };
    const { toDo } = told(
      way('direct', '7.4.0', runsOf(2, absent)),
      way('nbclient', '7.4.0', runsOf(2, absent)),
    );
    expect(toDo).toContain('--env VENV');
  });

  test.each<[string, Ending[], Ending[]]>([
    [
      'another exception',
      [ASSERTION, ASSERTION],
      [ASSERTION, { ...ASSERTION, error: { ename: 'KeyError', evalue: '' } }],
    ],
    ['another cell', [ASSERTION, ASSERTION], [ASSERTION, { ...ASSERTION, cell: 4 }]],
    ['a run that completed', [ASSERTION, ASSERTION], [ASSERTION, COMPLETED]],
    ['too few runs of a way', [ASSERTION, ASSERTION], [ASSERTION]],
    ['wedges, which wander', runsOf(2, WEDGED), runsOf(2, WEDGED)],
  ])('are not taken for the same with %s', (_what, direct, client) => {
    expect(told(way('direct', '7.2.0', direct), way('nbclient', '7.2.0', client)).diagnosis.same).toBeNull();
  });

  test('are no fault where the cell only takes longer than the deadline', () => {
    const busy: Ending = { kind: 'busy', cell: 2, source: 'notebook' };
    const { whether, what, next } = told(
      way('direct', '7.4.0', runsOf(2, busy)),
      way('nbclient', '7.4.0', runsOf(2, busy)),
    );
    expect(whether).toContain('That cannot be told');
    expect(whether).toContain('2 runs more directly ended otherwise (2 busy) and do not count.');
    expect(what).toContain('A cell takes longer than the deadline');
    expect(next).toBe('my.ipynb --runs 10 --max-minutes 50 --timeout 600');
  });
});

test('lost output is the kernel’s where the direct way shows it too, and else cannot be told', () => {
  const lost: Ending = { kind: 'completed', lostAt: 4 };
  const both = told(
    way('direct', '7.4.0', [lost, ...runsOf(4, COMPLETED)]),
    way('nbclient', '7.4.0', [lost, ...runsOf(4, COMPLETED)]),
  );
  expect(both.what).toContain(
    'Output was lost in 1 of 5 runs directly and 1 of 5 runs by nbclient at cell 4',
  );
  expect(both.what).toContain('The fault is in the kernel');
  const client = told(
    way('direct', '7.4.0', runsOf(5, COMPLETED)),
    way('nbclient', '7.4.0', [lost, ...runsOf(4, COMPLETED)]),
  );
  expect(client.what).toContain('Whether kernel or client is at fault cannot be told');
});

test('a run that the harness could not observe counts for nothing', () => {
  const { whether, diagnosis } = told(
    way('direct', '7.4.0', [{ kind: 'harness-fault' }, COMPLETED]),
    way('nbclient', '7.4.0', runsOf(2, COMPLETED)),
  );
  expect(diagnosis.ways[0]).toMatchObject({ runs: 1, unobserved: 1 });
  expect(whether).toContain('1 run directly could not be observed.');
});
