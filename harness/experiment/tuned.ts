import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Latency } from '../frontend/latency.ts';
import type { Notebook } from '../frontend/notebook.ts';
import { canonicalJson } from '../model/canonical.ts';
import type { ProtocolExpected } from '../model/cell-outputs.ts';
import { type EndpointRule, isSameEndpoint } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import type { TuningCitation } from '../model/protocol.ts';
import type { RunOptions } from '../options/run-options.ts';
import { endpointName, eventWords } from '../report/endpoint-words.ts';
import { readRecord, type TuningRecord } from '../tune/record.ts';
import { tuningResults } from '../tune/results.ts';
import { expectFlags, moreEventsWords } from '../tune/words.ts';

interface Chosen {
  readonly record: TuningRecord;
  readonly candidate: TuningRecord['candidates'][number];
  readonly notebook: TuningRecord['notebooks'][number];
}

/** The choice of a tuning record, computed again from its runs. */
async function chosenSetting(path: string): Promise<Chosen> {
  const record = await readRecord(path);
  const index = tuningResults(record).chosen?.index ?? null;
  if (index !== record.chosen) {
    throw new SoakError('bad-tuning', `The choice in ${path} does not follow from its runs.`, {
      remedy: 'Tune again with this version.',
    });
  }
  const candidate = index === null ? undefined : record.candidates[index];
  const notebook = candidate === undefined ? undefined : record.notebooks[candidate.notebook];
  if (candidate === undefined || notebook === undefined) {
    throw new SoakError(
      'bad-tuning',
      `The tuning in ${path} chose nothing: control never ${eventWords(record).past} in it.`,
      { remedy: `Tune again with ${moreEventsWords(record)}.` },
    );
  }
  return { record, candidate, notebook };
}

/** The notebook's current path, found from its published path; `null` when that does not lead to a file. */
function notebookPath(published: string): string | null {
  const places = published.startsWith('~/')
    ? [join(homedir(), published.slice(2))]
    : [resolve(published), join(packageRoot(), published)];
  return places.find((place) => existsSync(place)) ?? null;
}

/**
 * The options of an experiment, with the settings that a tuning chose.
 *
 * @param notebook the path given for the tuned notebook; `null`: the path in the tuning record
 * @throws SoakError `bad-tuning`; `tuned-notebook` when the notebook is not found
 */
export async function tunedOptions(
  options: RunOptions,
  path: string,
  notebook: string | null,
): Promise<RunOptions> {
  const { candidate, notebook: tuned } = await chosenSetting(path);
  const found = notebook ?? notebookPath(tuned.path);
  if (found === null) {
    throw new SoakError('tuned-notebook', `The notebook that was tuned, ${tuned.path}, is not there.`, {
      remedy: `Give it with --notebook; it must have the SHA-256 ${tuned.sha256}.`,
    });
  }
  return {
    ...options,
    traffic: [candidate.traffic],
    latency: candidate.latency.spec,
    notebooks: [found],
    prefix: candidate.cells < tuned.codeCells.length ? candidate.cells : null,
    given: { ...options.given, notebook: [found] },
  };
}

/**
 * The protocol's citation of the tuning that it uses, after a check that endpoint, notebook, latency and expected outputs
 * are those of the record.
 *
 * @param expected of this experiment; `undefined`: outputs are not compared
 * @throws SoakError `bad-tuning`; `tuned-endpoint`, `tuned-expected`, `tuned-notebook` or `tuned-latency` when one differs
 *   from the tuned one
 */
export async function tuningCitation(
  path: string,
  notebooks: readonly Notebook[],
  latency: Latency,
  rule: EndpointRule,
  expected: ProtocolExpected | undefined,
): Promise<TuningCitation> {
  const { record, candidate, notebook } = await chosenSetting(path);
  if (!isSameEndpoint(record, rule)) {
    throw new SoakError(
      'tuned-endpoint',
      `The tuning in ${path} looked for the event ${endpointName(record)}, and this experiment counts ${endpointName(rule)}.`,
      {
        remedy: 'Give the endpoint and the limits that were tuned, or tune again with --endpoint.',
        option: { name: 'endpoint' },
      },
    );
  }
  const [loaded] = notebooks;
  if (loaded?.sha256 !== notebook.sha256) {
    throw new SoakError(
      'tuned-notebook',
      `The notebook ${loaded?.name ?? ''} has the SHA-256 ${loaded?.sha256 ?? ''}, and ${notebook.sha256} was tuned.`,
      { remedy: 'Give the notebook as it was, or tune again on this one.' },
    );
  }
  if (latency.sha256 !== candidate.latency.sha256) {
    throw new SoakError('tuned-latency', `The latency ${latency.spec} is not the one that was tuned.`, {
      remedy: 'Its distribution was measured anew since. Tune again.',
    });
  }
  assertSameOutputs(path, { record, candidate, notebook }, rule, expected);
  return {
    sha256: record.sha256,
    chosen: {
      traffic: candidate.traffic,
      latency: candidate.latency.spec,
      notebook: notebook.name,
      cells: candidate.cells,
    },
  };
}

/** Refuse other expected outputs than the tuned ones: a loss of them is another event. */
function assertSameOutputs(
  path: string,
  { record, candidate }: Chosen,
  { endpoint }: EndpointRule,
  expected: ProtocolExpected | undefined,
): void {
  if (endpoint !== 'lost-output' && endpoint !== 'any') return;
  const of = (each: ProtocolExpected | undefined, notebook: number) =>
    each === undefined
      ? 'none'
      : canonicalJson([each.rulesSha256, each.outputs?.[notebook]?.slice(0, candidate.cells) ?? each.kind]);
  if (of(record.expected, candidate.notebook) === of(expected, 0)) return;
  throw new SoakError(
    'tuned-expected',
    `The outputs that runs are to show are not those of the tuning in ${path}.`,
    {
      remedy: `Give ${record.expected === undefined ? 'no --expect' : expectFlags(record.expected)}, or tune again.`,
      option: { name: 'expect' },
    },
  );
}
