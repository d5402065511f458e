import { describe, expect, test } from 'vitest';
import type { ArmEnvironment } from '../../model/journal.ts';
import { evidenceMarkdown } from '../evidence.ts';
import { type SyntheticArm, syntheticJournal } from '../fixtures/synthetic-journal.ts';
import { buildReport } from '../report.ts';

const ARMS: readonly SyntheticArm[] = [
  { name: 'control', role: 'control', hazard: 0.02, engagement: null },
  { name: 'ipykernel-7.4.0', role: 'treatment', hazard: 0, engagement: null },
];

function evidenceOf(packages: Record<string, string>, python?: string): string {
  const journal = syntheticJournal({ arms: ARMS, blocks: 4 });
  const { experiment } = journal;
  const own: ArmEnvironment = {
    key: 'other',
    python: python ?? experiment.environment.python,
    kernelLibzmq: experiment.environment.kernelLibzmq,
    eventLoop: experiment.environment.eventLoop,
    ipykernel: packages['ipykernel'] ?? experiment.environment.ipykernel,
    packages: { ...experiment.environment.packages, ...packages },
  };
  const protocol = {
    ...experiment.protocol,
    arms: experiment.protocol.arms.map((arm) =>
      arm.name === 'control'
        ? arm
        : {
            ...arm,
            patchSha256: null,
            environment: { requirements: ['ipykernel==7.4.0'], python: null, lockSha256: '0', versions: {} },
          },
    ),
  };
  return evidenceMarkdown(
    buildReport({
      ...journal,
      experiment: { ...experiment, protocol, armEnvironments: { 'ipykernel-7.4.0': own } },
    }),
  );
}

describe('arms in different environments', () => {
  test('where the requirement alone differs: that, and that a release is many changes', () => {
    const evidence = evidenceOf({ ipykernel: '7.4.0' });
    expect(evidence).toContain('only `ipykernel` `7.3.0` to `7.4.0`. Nothing else differs');
    expect(evidence).not.toContain('Not a one-change comparison');
    expect(evidence).toContain('Which change of a release did it');
    expect(evidence.split('\n')[0]).toContain('`7.3.0` and `7.4.0`');
  });

  test('where more differs: first of all, with each package by name', () => {
    const evidence = evidenceOf({ ipykernel: '7.4.0', 'nest-asyncio': '1.6.0' });
    const [lead = '', rest = ''] = evidence.split('\n## ');
    expect(lead).toMatch(
      /^> \*\*Not a one-change comparison\*\*: `ipykernel-7\.4\.0` differs from `control`/m,
    );
    expect(rest).toContain('1 more, not asked for: `nest-asyncio` added at `1.6.0`');
  });

  test('where the Python differs as well', () => {
    const evidence = evidenceOf({ ipykernel: '7.4.0' }, 'CPython 3.99.0');
    expect(evidence).toMatch(/`Python` `[^`]+` to `CPython 3\.99\.0`/);
    expect(evidence).toContain('Not a one-change comparison');
  });
});

test('arms in one environment: nothing of it is said', () => {
  const evidence = evidenceMarkdown(buildReport(syntheticJournal({ arms: ARMS, blocks: 2 })));
  expect(evidence).not.toMatch(/same environment:|one-change|Which change of a release/);
});
