import { z } from 'zod';
import { cleanLine } from '../model/clean-text.ts';
import {
  type Block,
  code,
  enumeration,
  type Line,
  line,
  paragraph,
  phrase,
  type ReportDocument,
  strong,
  table,
  text,
} from '../report/document.ts';
import { counted } from '../report/format-number.ts';
import { markdownDocument } from '../report/render-markdown.ts';

/** What `arms/runtime/edge_drain.py` writes: one release of pyzmq, its steps as expected and as seen. */
export const edgeDrainSchema = z.object({
  pyzmq: z.string(),
  libzmq: z.string(),
  /** `null` if it is not installed. The parts about streams were then left out. */
  tornado: z.string().nullable(),
  python: z.string(),
  platform: z.string(),
  asExpected: z.boolean(),
  parts: z
    .array(
      z.object({
        /** Stable name, such as `strand`. */
        name: z.string(),
        title: z.string(),
        asExpected: z.boolean(),
        steps: z
          .array(
            z.object({
              what: z.string(),
              expected: z.string(),
              seen: z.string(),
              asExpected: z.boolean(),
              /** How long it took until that was seen, or how long it was watched for; `null`: at once. */
              afterMs: z.number().nonnegative().nullable(),
            }),
          )
          .min(1),
      }),
    )
    .min(1),
});
export type EdgeDrain = z.infer<typeof edgeDrainSchema>;

/** `soak mechanism --json`: one entry for each release asked for, in the order asked. */
export const mechanismSchema = z.object({
  /** Version of kernel-soak. */
  harness: z.string(),
  asExpected: z.boolean(),
  releases: z.array(edgeDrainSchema).min(1),
});
export type Mechanism = z.infer<typeof mechanismSchema>;

/** `85 of 85 steps as expected`. */
export function stepsAsExpected({ parts }: EdgeDrain): string {
  const steps = parts.flatMap((part) => part.steps);
  return `${steps.filter((step) => step.asExpected).length} of ${counted(steps.length, 'step')} as expected`;
}

/** What was seen, in Markdown. Pure: the same record, the same bytes. */
export function mechanismMarkdown(mechanism: Mechanism): string {
  return markdownDocument(mechanismDocument(mechanism), []);
}

function mechanismDocument({ harness, releases, asExpected }: Mechanism): ReportDocument {
  const names = enumeration(releases.map(({ pyzmq }) => line`${code(pyzmq)}`));
  return {
    title: asExpected
      ? line`The mechanism alone: as expected on pyzmq ${names}`
      : line`The mechanism alone: not as expected`,
    lead: [
      paragraph(
        line`A libzmq socket makes its descriptor readable once for each change. Whoever looks at the socket takes this edge away, and a send looks too. So a reply that is sent raw on a ROUTER, past the stream of the event loop, can take the edge of a request that arrived in the meantime. The request stays queued, and nothing wakes the loop to read it.`,
      ),
      paragraph(
        line`The steps below use pyzmq sockets over loopback TCP, without Jupyter. The script waited at most ten seconds for what should happen. It watched for what should not happen for at least a quarter of a second, and at least twenty times as long as the slowest event that it had awaited. It read the message at the end, to show that the message was there all the time.`,
      ),
      releasesTable(releases),
      {
        kind: 'verbatim',
        language: 'sh',
        content: `npm run soak -- mechanism --pyzmq ${releases.map(({ pyzmq }) => pyzmq).join(',')}`,
      },
      paragraph(
        line`Recorded by kernel-soak ${code(harness)}. The script also runs alone: ${code('python arms/runtime/edge_drain.py')}.`,
      ),
    ],
    sections: partsOf(releases).map(({ name, title }) => ({
      id: name,
      title,
      blocks: [stepsTable(name, title, releases)],
    })),
  };
}

function releasesTable(releases: readonly EdgeDrain[]): Block {
  return table(
    'Releases, and how many steps were as expected',
    'pyzmq | libzmq | tornado | Python | platform | result',
    releases.map((release) => [
      [code(release.pyzmq)],
      [code(release.libzmq)],
      [code(release.tornado ?? 'none')],
      [code(release.python)],
      [code(release.platform)],
      [text(stepsAsExpected(release))],
    ]),
  );
}

/** Every part that a release has, in order; without tornado there are fewer. */
function partsOf(releases: readonly EdgeDrain[]): { name: string; title: string }[] {
  const parts = new Map<string, string>();
  for (const { parts: own } of releases) for (const { name, title } of own) parts.set(name, cleanLine(title));
  return [...parts].map(([name, title]) => ({ name, title }));
}

function stepsTable(name: string, title: string, releases: readonly EdgeDrain[]): Block {
  const stepsOf = (release: EdgeDrain) => release.parts.find((part) => part.name === name)?.steps;
  const steps = releases.map(stepsOf).find((found) => found !== undefined) ?? [];
  return table(
    title,
    ['what is done', 'expected', ...releases.map(({ pyzmq }) => `seen, pyzmq ${pyzmq}`)],
    steps.map((step, index) => [
      [phrase(step.what)],
      [code(step.expected)],
      ...releases.map((release): Line => seenLine(stepsOf(release)?.[index])),
    ]),
  );
}

function seenLine(step: EdgeDrain['parts'][number]['steps'][number] | undefined): Line {
  if (step === undefined) return [text('not run')];
  const after = step.afterMs === null ? '' : `, ${step.afterMs.toFixed(2)} ms`;
  return step.asExpected
    ? [code(step.seen), text(after)]
    : [strong(text('differs')), text(': '), code(step.seen), text(after)];
}
