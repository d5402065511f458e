import { describe, expect, test } from 'vitest';
import type { ProtocolArmEnvironment } from '../../model/arm.ts';
import type { ArmEnvironment } from '../../model/journal.ts';
import { evidenceMarkdown } from '../evidence.ts';
import { type SyntheticArm, syntheticJournal } from '../fixtures/synthetic-journal.ts';
import { buildReport } from '../report.ts';

const ARMS: readonly SyntheticArm[] = [
  { name: 'control', role: 'control', hazard: 0.02, engagement: null },
  { name: 'ipykernel-7.4.0', role: 'treatment', hazard: 0, engagement: null },
];

/** What the arms ask for, where it is not the release alone. */
interface Asked {
  readonly control?: ProtocolArmEnvironment;
  readonly other?: ProtocolArmEnvironment;
}

function evidenceOf(packages: Record<string, string>, python?: string, asked: Asked = {}): string {
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
        ? { ...arm, ...(asked.control === undefined ? {} : { environment: asked.control }) }
        : {
            ...arm,
            patchSha256: null,
            environment: asked.other ?? {
              requirements: ['ipykernel==7.4.0'],
              python: null,
              lockSha256: '0',
              versions: {},
            },
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

describe('packages of the user', () => {
  const environment = (requirements: string[], more: Partial<ProtocolArmEnvironment> = {}) => ({
    requirements,
    python: null,
    lockSha256: '0',
    versions: {},
    ...more,
  });

  test('copies of an environment differ in what was asked for; what came along is said to be more', () => {
    const copy = { isCopy: true as const, leftOut: ['mine: it is installed in editable mode'] };
    const asked = {
      control: environment(['ipykernel==7.3.0', 'nest-asyncio==1.5.0', 'six==1.16.0'], copy),
      other: environment(['ipykernel==7.4.0', 'nest-asyncio==1.5.0', 'six==1.16.0'], copy),
    };
    const one = evidenceOf({ ipykernel: '7.4.0' }, undefined, asked);
    expect(one).toContain('only `ipykernel` `7.3.0` to `7.4.0`. Nothing else differs');
    expect(one).toContain('`control` and `ipykernel-7.4.0`: a copy, at the same versions, of what');
    expect(one).toContain('- `mine: it is installed in editable mode`');
    // Both arms name it, so neither asked for another version of it.
    const more = evidenceOf({ ipykernel: '7.4.0', 'nest-asyncio': '1.6.0' }, undefined, asked);
    expect(more).toContain('1 more, not asked for: `nest-asyncio`');
  });

  test('a file is named with its hash, once', () => {
    const files = [{ name: 'uv.lock', sha256: 'ab'.repeat(32) }];
    const evidence = evidenceOf({ ipykernel: '7.4.0' }, undefined, {
      control: environment(['pandas'], { files }),
      other: environment(['ipykernel==7.4.0', 'pandas'], { files }),
    });
    expect(
      evidence.match(/Packages of every arm: as `uv\.lock` \(SHA-256 `abababababababab`\) names them\./g),
    ).toHaveLength(1);
    expect(evidence).not.toContain('Not in the kernels');
  });
});

test('arms in one environment: nothing of it is said', () => {
  const evidence = evidenceMarkdown(buildReport(syntheticJournal({ arms: ARMS, blocks: 2 })));
  expect(evidence).not.toMatch(/same environment:|one-change|Which change of a release/);
});
