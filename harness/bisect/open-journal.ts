import { protocolNotebook } from '../experiment/freeze.ts';
import type { Prepared } from '../experiment/prepare.ts';
import { JournalWriter } from '../journal/write.ts';
import { canonicalJson } from '../model/canonical.ts';
import { endpointRule } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import { publicPath } from '../model/public-path.ts';
import type { BisectOptions } from '../options/bisect-options.ts';
import { RESUME_FILE } from '../options/kept-options.ts';
import { repeatingCommand } from '../options/repeat.ts';
import type { Choice } from './chosen-releases.ts';
import {
  BISECT_JOURNAL,
  BISECT_JOURNAL_KIND,
  BISECT_SCHEMA,
  type BisectEntry,
  type BisectJournal,
  type BisectProtocol,
  type BisectText,
  bisectProtocolHash,
  readBisect,
} from './journal.ts';
import { DEFAULT_MODEL } from './model.ts';

/** What is fixed before the first run of a bisect. */
export function frozenProtocol(options: BisectOptions, choice: Choice, prepared: Prepared): BisectProtocol {
  const { protocol, notebooks } = prepared;
  const [notebook] = notebooks;
  const [traffic] = protocol.traffic;
  if (notebook === undefined || traffic === undefined)
    throw new Error('A bisect without notebook or traffic.');
  return {
    package: options.clone === null ? options.package : 'the clone',
    source: options.clone === null ? 'releases' : 'commits',
    releases: [...choice.releases],
    bad: choice.bad,
    model: DEFAULT_MODEL,
    confidence: options.confidence,
    maxRuns: options.maxRuns,
    maxMinutes: options.maxMinutes,
    notebook: protocolNotebook(notebook),
    traffic,
    latency: protocol.latency,
    pipelineDepth: protocol.pipelineDepth,
    ...(protocol.interruptAfter === undefined ? {} : { interruptAfter: protocol.interruptAfter }),
    seed: protocol.seed,
    timeoutMs: protocol.timeoutMs,
    startTimeoutMs: protocol.startTimeoutMs,
    suspectAfterMs: protocol.suspectAfterMs,
    ...endpointRule(protocol),
    ...(protocol.expected === undefined ? {} : { expected: protocol.expected }),
    launch: 'spawn',
    harness: protocol.harness,
    runtimeSha256: protocol.runtimeSha256,
  };
}

/** What a journal says when a session of the bisect begins or ends. */
export function sessionEntry(
  event: 'resumed' | 'interrupted' | 'stopped' | 'finished',
  reason: string,
  abandoned: readonly string[] = [],
): BisectEntry {
  return { type: 'session', at: new Date().toISOString(), event, reason, abandoned: [...abandoned] };
}

/**
 * A new journal, or one that is continued.
 *
 * @throws SoakError `cannot-resume` when the protocol or the kernel environment changed since it began
 */
export async function openBisectJournal(
  folder: string,
  options: BisectOptions,
  protocol: BisectProtocol,
  { environment }: Prepared,
  isResumed: boolean,
): Promise<{ writer: JournalWriter<BisectEntry>; journal: BisectJournal }> {
  if (!isResumed) {
    const first: BisectEntry = {
      type: 'bisect',
      schema: BISECT_SCHEMA,
      at: new Date().toISOString(),
      protocol,
      protocolSha256: bisectProtocolHash(protocol),
      environment,
      command: repeatingCommand('bisect', options.given, publicPath),
    };
    const writer = await JournalWriter.createAs<BisectEntry>(BISECT_JOURNAL, folder, first, {
      [RESUME_FILE]: JSON.stringify(options.given),
    });
    return { writer, journal: (await readBisect(folder)).journal };
  }
  const { writer, text } = await JournalWriter.resumeAs<BisectEntry, BisectText>(BISECT_JOURNAL_KIND, folder);
  const { journal } = text;
  const before = journal.bisect;
  const changed = Object.keys({ ...before.protocol, ...protocol }).filter(
    (key) =>
      canonicalJson(before.protocol[key as keyof BisectProtocol]) !==
      canonicalJson(protocol[key as keyof BisectProtocol]),
  );
  if (before.environment.key !== environment.key) changed.push('kernel environment');
  if (changed.length > 0) {
    await writer.close();
    throw new SoakError(
      'cannot-resume',
      `The bisect in ${folder} cannot go on: ${changed.join(', ')} changed since it began.`,
      { remedy: 'Put back what changed, or begin a new bisect.' },
    );
  }
  const recorded = journal.batches.reduce((sum, { runs }) => sum + runs.length, 0);
  await writer.append(sessionEntry('resumed', `${recorded} runs recorded`, journal.abandoned));
  return { writer, journal };
}
