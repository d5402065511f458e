import type { ProtocolTransport } from '../model/transport.ts';
import { shortKinds } from '../stats/exposure.ts';
import { type Block, code, type Line, line, paragraph, type ReportDocument, text } from './document.ts';
import { eventWords } from './endpoint-words.ts';
import { NameExplainer } from './explained-names.ts';
import { figureTexts } from './figures/figures.ts';
import { counted } from './format-number.ts';
import type { Report } from './report.ts';
import { alsoBlocks } from './sections/also.ts';
import { kernelsTitle } from './sections/arm-environments.ts';
import { armsBlocks, armsTable } from './sections/arms.ts';
import { beliefBlocks } from './sections/belief.ts';
import { comparisonBlocks } from './sections/comparisons.ts';
import { environmentBlocks } from './sections/environment.ts';
import { exposureBlocks } from './sections/exposure.ts';
import { groupBlocks } from './sections/groups.ts';
import { interruptBlocks } from './sections/interrupts.ts';
import { lostOutputBlocks } from './sections/lost-output.ts';
import { mechanismBlocks, mechanismTitle } from './sections/mechanism.ts';
import { notShownBlocks } from './sections/not-shown.ts';
import { runBlocks } from './sections/runs.ts';
import { clientWords } from './sections/stalls.ts';
import { strataBlocks } from './sections/strata.ts';
import { verdictLines, warningLines } from './sections/verdict.ts';
import { sourceWords, verifyCommands } from './verify-words.ts';
import { COUNTING, num, shortHash } from './words.ts';

/** The whole report in reading order. A section without blocks is left out. */
export function reportDocument(report: Report): ReportDocument {
  const sections = [
    { id: 'rates', title: 'Arms', blocks: armsBlocks(report) },
    { id: 'comparisons', title: 'Comparisons', blocks: comparisonBlocks(report) },
    { id: 'strata', title: 'Hosts and nights', blocks: strataBlocks(report) },
    { id: 'not-shown', title: 'What was not shown', blocks: notShownBlocks(report) },
    { id: 'lost-output', title: 'Lost output', blocks: lostOutputBlocks(report) },
    { id: 'interrupts', title: 'Interrupts', blocks: interruptBlocks(report) },
    { id: 'groups', title: 'Failure groups', blocks: groupBlocks(report) },
    { id: 'mechanism', title: mechanismTitle(report), blocks: mechanismBlocks(report) },
    { id: 'belief', title: 'Can it be believed', blocks: beliefBlocks(report) },
    { id: 'exposure', title: 'Exposure', blocks: foldedExposure(report) },
    { id: 'also', title: 'Other endpoints', blocks: alsoBlocks(report) },
    { id: 'environment', title: 'Environment', blocks: environmentBlocks(report) },
    { id: 'verify', title: 'Verify it', blocks: verifyBlocks(report) },
    { id: 'reproduce', title: 'Run it again', blocks: reproduceBlocks(report) },
    { id: 'runs', title: 'Runs', blocks: runBlocks(report) },
  ];
  const names = new NameExplainer(figureTexts(report));
  return {
    title: titleLine(report),
    lead: names.atEnd([...leadBlocks(report), paragraph(scopeLine(report))]),
    sections: sections
      .filter(({ blocks }) => blocks.length > 0)
      .map(({ id, title, blocks }) => ({ id, title, blocks: names.inPlace(blocks) })),
  };
}

/** Warnings, verdict and the table of arms: all that a job summary or a comment needs. */
export function leadBlocks(report: Report): Block[] {
  return [
    ...warningLines(report).map((warning): Block => ({ kind: 'callout', line: warning })),
    ...verdictLines(report).map(paragraph),
    armsTable(report),
  ];
}

function serverName({ versions, via }: ProtocolTransport): Line {
  const server = code(`jupyter_server ${versions['jupyter-server'] ?? 'of an unknown version'}`);
  const { gateway } = versions;
  if (via === 'rest') {
    const executor = code(
      `jupyter_server_documents ${versions['jupyter-server-documents'] ?? 'of an unknown version'}`,
    );
    return line`${server}, which executes the cells by ${executor}`;
  }
  return gateway === undefined ? [server] : line`a gateway ${code(gateway)} on ${server}`;
}

/** What was counted, by what, of which kernels. */
export function titleLine(report: Report): Line {
  const kernels = kernelsTitle(report);
  const { client, endpoint } = report.protocol;
  const { transport } = report.protocol;
  const { title } = eventWords(report.protocol);
  const isOfKernels = report.protocol.arms.some(({ kernelspec }) => kernelspec !== undefined);
  if (client === undefined) {
    const through = transport === undefined ? line`` : line` through ${serverName(transport)}`;
    return line`${text(title)} by ${text(isOfKernels ? 'kernel' : 'arm')}, ${kernels}${through}`;
  }
  if (endpoint !== 'stalled') {
    return line`${text(title)} by arm, ${kernels} under ${clientWords(client)}`;
  }
  return line`Client stalls by arm, ${clientWords(client)}, ${code(`jupyter_client ${client.versions['jupyter-client']}`)}, ${code(`pyzmq ${client.versions['pyzmq']}`)} against ${kernels}`;
}

/** What the reader needs to know to read the rest: a run, the event, a block, and where the numbers come from. */
function scopeLine(report: Report): Line {
  const { analysis, protocol } = report;
  const { counted: blocks } = analysis.blocks;
  const { definition } = eventWords(protocol);
  const executor =
    protocol.client === undefined
      ? line``
      : protocol.client.command === undefined
        ? line` by ${clientWords(protocol.client)}, which starts it`
        : line` by ${clientWords(protocol.client)}`;
  const shape =
    protocol.arms.length > 1
      ? line`The experiment has ${num(counted(blocks, 'block'))}. A block is one run of each arm, in random order.`
      : line`The experiment has ${num(counted(blocks, 'run'))}.`;
  return line`A run takes one fresh kernel through one notebook${executor}. ${text(definition)} ${shape} ${text(COUNTING)} Protocol ${shortHash(report.protocolSha256)}, begun ${code(report.experiment.at)}.`;
}

/** What the kernel was given, by arm: a check that a reader unfolds where it matters. */
function foldedExposure(report: Report): Block[] {
  const blocks = exposureBlocks(report);
  if (blocks.length === 0) return [];
  const isShort = report.analysis.exposure.some((each) => shortKinds(each).length > 0);
  const summaryLine = isShort
    ? line`An arm was short of what control was given`
    : line`No arm was short of what control was given`;
  return [{ kind: 'details', summary: summaryLine, blocks }];
}

/** How to have the numbers computed again: no kernel is started. */
function verifyBlocks(report: Report): Block[] {
  return [
    paragraph(
      line`To verify is to compute every number here again from ${code('journal.jsonl')} beside this file (SHA-256 ${code(report.journalSha256)}), and to name each one that differs. No kernel is started. ${text(sourceWords(report.protocol.harness))}, and give this folder as ${code('DIR')}:`,
    ),
    { kind: 'verbatim', language: 'sh', content: verifyCommands() },
  ];
}

/** How to run the experiment again: new kernels, other counts. */
function reproduceBlocks(report: Report): Block[] {
  return [
    paragraph(
      line`This begins a new experiment with new kernels. The same seed gives the same orders and latencies, but not the same ${text(eventWords(report.protocol).nouns)}, which depend on timing: expect rates like these, not these counts.`,
    ),
    { kind: 'verbatim', language: 'sh', content: report.experiment.command },
  ];
}
