import { normalisedRequirement, requirementParts } from '../arms/arm-environment.ts';
import { JournalWriter } from '../journal/write.ts';
import { canonicalJson } from '../model/canonical.ts';
import type { CellOutputsRecord } from '../model/cell-outputs.ts';
import { SoakError } from '../model/errors.ts';
import { type ExperimentRecord, JOURNAL_SCHEMA, type RunRecord } from '../model/journal.ts';
import { protocolHash } from '../model/protocol.ts';
import { protocolDifferences } from '../model/protocol-differences.ts';
import { publicPath } from '../model/public-path.ts';
import { RESUME_FILE } from '../options/kept-options.ts';
import { repeatingCommand } from '../options/repeat.ts';
import type { RunOptions } from '../options/run-options.ts';
import type { RawOptions } from '../options/table.ts';
import { OutputComparison } from '../run/compare-outputs.ts';
import type { Prepared } from './prepare.ts';
import { unendedRuns } from './unended-runs.ts';

/** An open journal and its records. */
export interface Session {
  readonly writer: JournalWriter;
  readonly recorded: readonly RunRecord[];
  readonly experiment: ExperimentRecord;
  /** Describes the runs during which the harness ended without recording an end; `null`: there are none. */
  readonly unended: string | null;
  /** `null`: outputs are not compared. */
  readonly comparison: OutputComparison | null;
}

/**
 * The options as given, each package of `--with` at the version that it was resolved to: who repeats the experiment gets
 * the same.
 */
export function withVersions(
  given: RawOptions<'run'>,
  packages: Readonly<Record<string, string>>,
): RawOptions<'run'> {
  if (given.with === undefined) return given;
  const resolved = given.with.map((text) => {
    const requirement = normalisedRequirement(text);
    const { name, versions } = requirementParts(requirement);
    const version = packages[name];
    return versions !== '' || version === undefined ? text : `${requirement}==${version}`;
  });
  return { ...given, with: resolved };
}

export async function beginSession(
  folder: string,
  options: RunOptions,
  prepared: Prepared,
): Promise<Session> {
  const experiment: ExperimentRecord = {
    type: 'experiment',
    schema: JOURNAL_SCHEMA,
    at: now(),
    protocol: prepared.protocol,
    protocolSha256: protocolHash(prepared.protocol),
    environment: prepared.environment,
    ...(prepared.armEnvironments.size === 0
      ? {}
      : { armEnvironments: Object.fromEntries(prepared.armEnvironments) }),
    ...(prepared.clientEnvironment === null ? {} : { clientEnvironment: prepared.clientEnvironment }),
    ...((prepared.server?.environment ?? null) === null
      ? {}
      : { serverEnvironment: prepared.server?.environment ?? undefined }),
    command: repeatingCommand('run', withVersions(options.given, prepared.environment.packages), publicPath),
    baseline: prepared.baseline,
    ...(Object.keys(prepared.patches).length === 0 ? {} : { patches: prepared.patches }),
    ...(options.shard === null ? {} : { shard: options.shard }),
  };
  const writer = await JournalWriter.create(folder, experiment, {
    [RESUME_FILE]: JSON.stringify(options.given),
  });
  const comparison = await beginComparison((outputs) => writer.append(outputs), prepared, []);
  return { writer, recorded: [], experiment, unended: null, comparison };
}

/**
 * What compares the outputs of runs. The journal holds what is expected before it holds a run.
 *
 * @param written hashes of the cell outputs that the journal has already
 * @returns `null`: outputs are not compared
 */
export async function beginComparison(
  append: (outputs: CellOutputsRecord) => Promise<void>,
  { expectation }: Pick<Prepared, 'expectation'>,
  written: Iterable<string>,
): Promise<OutputComparison | null> {
  if (expectation === null) return null;
  const comparison = new OutputComparison(expectation, written);
  for (const outputs of comparison.expected()) await append(outputs);
  return comparison;
}

export async function resumeSession(folder: string, prepared: Prepared): Promise<Session> {
  const { writer, text } = await JournalWriter.resume(folder);
  const { experiment, runs, abandoned } = text.journal;
  const changed = protocolDifferences(experiment.protocol, prepared.protocol).map(({ what }) => what);
  if (experiment.environment.key !== prepared.environment.key) changed.push('kernel environment');
  for (const [name, environment] of Object.entries(experiment.armEnvironments ?? {})) {
    const now = prepared.armEnvironments.get(name);
    if (canonicalJson(now ?? null) !== canonicalJson(environment)) changed.push(`environment of ${name}`);
  }
  if (changed.length > 0) {
    await writer.close();
    throw new SoakError(
      'cannot-resume',
      `The experiment in ${folder} cannot go on: ${changed.join(', ')} changed since it began.`,
      {
        remedy: 'Put back what changed, or begin a new experiment.',
      },
    );
  }
  await writer.append({
    type: 'session',
    at: now(),
    event: 'resumed',
    reason: `${runs.length} runs recorded`,
    abandoned: [...abandoned],
  });
  const comparison = await beginComparison(
    (outputs) => writer.append(outputs),
    prepared,
    text.journal.outputs.keys(),
  );
  return { writer, recorded: runs, experiment, unended: unendedRuns(text.journal), comparison };
}

export function now(): string {
  return new Date().toISOString();
}
