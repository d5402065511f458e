import { markdownTable } from 'markdown-table';
import type { OutcomeKind } from '../../harness/model/outcome.ts';
import type { TrafficProfile } from '../../harness/model/traffic.ts';
import { ENDED_AT_START, type ProbeResult } from '../../harness/probe/probe-result.ts';
import { openness, probeRows } from '../../harness/probe/probe-rows.ts';
import { escapeMarkdown, markdownCode } from '../../harness/report/escape.ts';
import { REGISTRY_KERNELS } from './registry-kernels.ts';

/** What was seen of one kernel of the list. */
export interface KernelSeen {
  readonly name: string;
  readonly title: string;
  readonly registry: string;
  readonly language: string;
  /** Why nothing was run; `null`: it was. */
  readonly reason: string | null;
  readonly outcomes: Partial<Record<TrafficProfile, readonly OutcomeKind[]>>;
  /** Of runs that did not complete, by traffic. */
  readonly reasons: readonly string[];
  readonly probe: ProbeResult | null;
}

export const TABLE_TRAFFICS: readonly TrafficProfile[] = [
  'sequential',
  'overlap',
  'pipeline',
  'nudge',
  'widgets',
];

/** Endpoints whose event is an outcome of a run, and the outcomes that are it. */
const BY_OUTCOME: Readonly<Record<string, readonly OutcomeKind[]>> = {
  wedged: ['wedged-stranded', 'wedged-mute'],
  hung: ['hung', 'busy'],
  'lost-answer': ['lost-reply', 'lost-idle', 'lost-request'],
  'cell-error': ['cell-error'],
  died: ['died'],
  'start-failed': ['start-failed'],
};
const BY_PROBE = ['interrupt', 'shutdown'] as const;

/** The table kernel × traffic × endpoint, and what each kernel does that has to be known. Pure. */
export function kernelTable(rows: readonly KernelSeen[]): string {
  const soaked = rows.filter(({ reason, outcomes }) => reason === null && Object.keys(outcomes).length > 0);
  const all = soaked.flatMap(({ outcomes }) => Object.values(outcomes).flat());
  const wedges = all.filter((kind) => kind.startsWith('wedged')).length;
  return `${[
    '# Kernels from registries, by traffic and endpoint',
    '',
    `\`npm run kernel-table\` installs each kernel of [the list](../../tools/kernel-table/registry-kernels.ts) from its registry, probes it, and takes a notebook of six small cells in its language through fresh kernels under each traffic. ${soaked.length} kernels, ${all.length} runs, ${all.filter((kind) => kind === 'completed').length} completed, ${wedges} wedged.`,
    '',
    '## By traffic',
    '',
    'Runs completed of runs done; what else a run was is named.',
    '',
    markdownTable([
      ['kernel', 'from', ...TABLE_TRAFFICS],
      ...rows.map((row) => [
        row.title,
        row.registry,
        ...TABLE_TRAFFICS.map((traffic) => trafficCell(row, traffic)),
      ]),
    ]),
    '',
    '## By endpoint',
    '',
    'Events of runs under all traffics; of `interrupt` and `shutdown` what the probe saw.',
    '',
    markdownTable([
      ['kernel', ...Object.keys(BY_OUTCOME), ...BY_PROBE],
      ...soaked.map((row) => [
        row.title,
        ...Object.values(BY_OUTCOME).map((kinds) => endpointCell(row, kinds)),
        ...BY_PROBE.map((name) => probeCell(row, name)),
      ]),
    ]),
    '',
    '## What has to be known of each',
    '',
    markdownTable([
      [
        'kernel',
        'control',
        'heartbeat',
        'behind an error',
        'behind an allowed error',
        'input refused',
        'messages',
      ],
      ...soaked.map(({ title, probe }) => [
        title,
        ...[
          'control',
          'heartbeat',
          'cells behind an error',
          'a cell behind an error, stop_on_error false',
          'input, allow_stdin false',
          'messages',
        ].map((what) => seenCell(probe, what)),
      ]),
    ]),
    '',
    '## To be read with care',
    '',
    ...rows.flatMap(({ title }) => {
      const remark = REGISTRY_KERNELS.find((kernel) => kernel.title === title)?.remark;
      return remark === undefined ? [] : [`- ${title}: ${remark}`];
    }),
    '',
    '## What did not complete, and why',
    '',
    ...rows.flatMap(({ title, reason, reasons }) =>
      [...(reason === null ? [] : [reason]), ...reasons].map(
        (why) => `- ${title}: ${markdownCode(why, 400)}`,
      ),
    ),
  ].join('\n')}\n`;
}

function trafficCell({ reason, outcomes }: KernelSeen, traffic: TrafficProfile): string {
  const kinds = outcomes[traffic];
  if (reason !== null || kinds === undefined) return 'not run';
  const completed = kinds.filter((kind) => kind === 'completed').length;
  const others = [...new Set(kinds.filter((kind) => kind !== 'completed'))];
  return `${completed}/${kinds.length}${others.length === 0 ? '' : ` (${others.join(', ')})`}`;
}

function endpointCell({ outcomes }: KernelSeen, events: readonly OutcomeKind[]): string {
  const kinds = Object.values(outcomes).flat();
  return `${kinds.filter((kind) => events.includes(kind)).length}/${kinds.length}`;
}

function probeCell({ probe }: KernelSeen, name: (typeof BY_PROBE)[number]): string {
  if (probe === null) return 'not probed';
  if (probe.notReady !== null) return notReadyWords(probe.notReady);
  if (name === 'shutdown' && probe.shutdownReply === null) return 'not asked';
  if (name === 'shutdown')
    return probe.shutdownMs === null ? `over ${probe.shutdownWaitMs / 1000} s` : `${probe.shutdownMs} ms`;
  if (probe.endedByInterrupt === true) return 'the process ends';
  if (probe.interruptMs !== null) return `${probe.interruptMs} ms`;
  const words = openness(probe).find((each) => each.name === 'endpoint interrupt')?.words ?? '';
  return probe.interrupted === null ? escapeMarkdown(words) : 'ignored';
}

function seenCell(probe: ProbeResult | null, what: string): string {
  const seen = probe === null ? undefined : probeRows(probe).find((row) => row.what === what)?.seen;
  if (probe !== null && probe.notReady !== null) return notReadyWords(probe.notReady);
  if (seen === undefined) return '';
  return seen
    .split('`')
    .map((part, index) => (index % 2 === 1 ? markdownCode(part) : escapeMarkdown(part)))
    .join('');
}

function notReadyWords(reason: string): string {
  return reason === ENDED_AT_START ? 'did not start' : 'not ready in time';
}
