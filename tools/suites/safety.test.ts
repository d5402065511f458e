import fc from 'fast-check';
import MarkdownIt from 'markdown-it';
import { describe, expect, it } from 'vitest';
import type { ArmRole } from '../../harness/model/arm.ts';
import type { Journal, RunRecord } from '../../harness/model/journal.ts';
import { type Observations, REVIVAL_RUNGS } from '../../harness/model/observations.ts';
import { OUTCOME_KINDS } from '../../harness/model/outcome.ts';
import { protocolHash } from '../../harness/model/protocol.ts';
import { COMMENT_CHARACTERS } from '../../harness/report/comment-document.ts';
import { comparisonDocument } from '../../harness/report/compare.ts';
import {
  commentMarkdown,
  evidenceHtml,
  evidenceMarkdown,
  figures,
  leadMarkdown,
} from '../../harness/report/evidence.ts';
import { figureTexts } from '../../harness/report/figures/figures.ts';
import { type FoundElement, htmlElements, xmlElements } from '../../harness/report/fixtures/markup.ts';
import { syntheticJournal } from '../../harness/report/fixtures/synthetic-journal.ts';
import { brokenParts } from '../../harness/report/fixtures/whole-markdown.ts';
import { githubAnnotations } from '../../harness/report/github.ts';
import { junitXml } from '../../harness/report/junit.ts';
import { markdownDocument } from '../../harness/report/render-markdown.ts';
import { buildReport, type Report } from '../../harness/report/report.ts';
import { summaryJson, summaryLine, verdictParagraph } from '../../harness/report/summary.ts';

/** Content that has been markup somewhere, in pieces that combine into more. */
const PIECES = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '</title></style></svg><iframe src=//evil.example>',
  '"><b onmouseover="x',
  "' onload='x",
  '<!--',
  '-->',
  ']]>',
  '<![CDATA[',
  '<?xml?>',
  '&lt;b&gt;',
  '&#60;i&#62;',
  '[a](javascript:x)',
  '![i](http://evil.example/i.png)',
  '<http://evil.example>',
  'http://evil.example/x',
  'www.evil.example',
  'me@evil.example',
  '@octocat',
  '#1529',
  'GH-1',
  'ipython/ipykernel#1529',
  'deadbeefdeadbeef',
  '`',
  '```',
  '``````',
  '~~~',
  '|',
  '\\|',
  '\\',
  '\n\n# heading\n\n',
  '\n- item\n',
  '\n> quote\n',
  '\n| a |\n| - |\n',
  '\n</details>\n',
  '[^1]: note',
  '$`x`$',
  '$$x$$',
  '**',
  '__proto__',
  'constructor',
  '\u001b[31m',
  '\u001b]8;;http://evil.example\u0007',
  '\u202e',
  '\u0000',
  '\ud800',
  '\ufffe',
  '::error::owned',
  '%0A::stop-commands::x',
  '/home/alice/secret',
  'é',
  '日本',
  '😀',
];
const hostile = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 6 })), { maxLength: 5 })
      .map((pieces) => pieces.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(5_000), '`'.repeat(400), '<'.repeat(3_000)) },
);

/** Every piece of content in a journal, hostile; `shape` decides what the journal is. */
const journals = fc
  .record({
    shape: fc.record({
      arms: fc.integer({ min: 1, max: 4 }),
      blocks: fc.integer({ min: 0, max: 3 }),
      seed: fc.integer({ min: 0, max: 1_000 }),
      kinds: fc.array(fc.constantFrom(...OUTCOME_KINDS), { minLength: 1, maxLength: 6 }),
      baseline: fc.boolean(),
      torn: fc.boolean(),
      again: fc.boolean(),
      ended: fc.boolean(),
      test: fc.constantFrom('boschloo' as const, 'e-process' as const),
    }),
    content: fc.array(hostile, { minLength: 12, maxLength: 12 }),
  })
  .map(({ shape, content }) => ({
    hostile: journalWith(shape, (index) => content[index % content.length] ?? ''),
    // What is empty stays so: an empty standard error has no block.
    tame: journalWith(shape, (index) => (content[index % content.length] === '' ? '' : 'word')),
  }));

interface Shape {
  readonly arms: number;
  readonly blocks: number;
  readonly seed: number;
  readonly kinds: readonly RunRecord['outcome']['kind'][];
  readonly baseline: boolean;
  readonly torn: boolean;
  /** A second control: an A/A pair, or an observer check where its runs have no counters. */
  readonly again: boolean;
  readonly ended: boolean;
  readonly test: 'boschloo' | 'e-process';
}

function journalWith(shape: Shape, content: (index: number) => string): Journal {
  const roles = (
    shape.again ? ['control', 'control', 'treatment', 'sham'] : ['control', 'sham', 'treatment', 'treatment']
  ) satisfies ArmRole[];
  // Names must stay distinct, or it would be another experiment.
  const names = Array.from({ length: shape.arms }, (_, index) => `${content(index)}${index}`);
  const base = syntheticJournal({
    arms: names.map((name, index) => ({
      name,
      role: roles[index] ?? 'treatment',
      description: content(index + 4),
      hazard: 0.3,
      engagement: index === 2 ? 'rearms' : null,
    })),
    blocks: Math.max(1, shape.blocks),
    cells: 4,
    seed: shape.seed,
    protocol: {
      decision: { stopping: 'fixed', test: shape.test, alpha: 0.05, p0: 0.3 },
      latency: { spec: content(5), sha256: null },
    },
  });
  const protocol = {
    ...base.experiment.protocol,
    notebooks: base.experiment.protocol.notebooks.map((notebook) => ({ ...notebook, name: content(6) })),
    harness: content(7),
  };
  return {
    ...base,
    experiment: {
      ...base.experiment,
      at: content(8),
      protocol,
      protocolSha256: protocolHash(protocol),
      environment: {
        ...base.experiment.environment,
        platform: content(9),
        python: content(10),
        eventLoop: content(11),
        ipykernel: content(0),
        packages: { [`${content(1)}1`]: content(2), [`${content(3)}2`]: content(4), pyzmq: content(5) },
      },
      command: content(3),
      patches: Object.fromEntries(
        protocol.arms.flatMap(({ patchSha256 }, index) =>
          patchSha256 === null ? [] : [[patchSha256, content(index + 2)]],
        ),
      ),
      baseline: shape.baseline
        ? { protocolSha256: content(1), at: content(2), arm: content(3), wedged: 1, runs: 3 }
        : null,
    },
    runs: shape.blocks === 0 ? [] : base.runs.map((run, index) => hostileRun(run, index, shape, content)),
    sessions: shape.ended
      ? [
          {
            type: 'session',
            at: content(4),
            event: 'interrupted',
            reason: content(5),
            abandoned: [`${content(6)}1`],
          },
          { type: 'session', at: content(4), event: 'resumed', reason: content(7), abandoned: [] },
        ]
      : [],
    abandoned: [`${content(8)}2`],
    torn: shape.torn,
  };
}

const observations = syntheticJournal({ arms: [{ name: 'a', role: 'control', hazard: 1 }], blocks: 1 })
  .runs[0]?.outcome.observations as Observations;

function hostileRun(
  run: RunRecord,
  index: number,
  shape: Shape,
  content: (index: number) => string,
): RunRecord {
  const kind = shape.kinds[index % shape.kinds.length] ?? 'completed';
  return {
    ...run,
    run: `${content(index)}-${index}`,
    kernel: shape.torn && run.arm.endsWith('1') ? null : run.kernel,
    trace: [
      {
        atMs: 1,
        what: 'received',
        channel: 'shell',
        type: content(index + 8),
        request: 1,
        state: content(index + 9),
      },
    ],
    at: content(index + 1),
    outcome: {
      ...run.outcome,
      kind,
      reason: content(index + 2),
      unanswered: content(index + 3),
      waitedMs: 5,
      cell: index % 5,
      error: { ename: content(index + 4), evalue: content(index + 5) },
      exit: { code: null, signal: content(index + 6) },
      stderrTail: content(index + 7),
      observations: {
        ...observations,
        request: content(index + 8),
        processState: content(index + 9),
        rejections: { [content(index + 10)]: 1 },
        socketError: content(index + 11),
        revival: {
          rung: REVIVAL_RUNGS[index % REVIVAL_RUNGS.length] ?? 'waiting',
          revived: index % 2 === 0,
          afterMs: 3,
        },
      },
    },
  };
}

const markdown = new MarkdownIt({ html: true, linkify: true });

/** What a drawing may be made of. How many ticks it has depends on the room that the names leave. */
const DRAWING_ELEMENTS = ['svg', 'g', 'path', 'line', 'text', 'tspan', 'rect', 'circle', 'desc'];
const DRAWING_ATTRIBUTES = new Set(
  'aria-hidden aria-labelledby class color cx cy d dy fill fill-opacity font-family font-size font-variant font-weight height id r role stroke stroke-dasharray stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor transform viewBox width x x1 x2 xmlns y y1 y2'.split(
    ' ',
  ),
);

/** Elements with the names of their attributes, in order, but for drawings and what `ignored` names. */
function skeleton(elements: readonly FoundElement[], ignored: readonly string[] = []): string[] {
  return elements
    .filter(({ name }) => !ignored.includes(name) && !DRAWING_ELEMENTS.includes(name))
    .map(({ name, attributes }) => `${name}(${Object.keys(attributes).sort().join(',')})`);
}

/** What of a drawing should not be in one. */
function foreignParts(elements: readonly FoundElement[]): string[] {
  return elements.flatMap(({ name, attributes }) => [
    ...(DRAWING_ELEMENTS.includes(name) || name === 'title' ? [] : [name]),
    ...Object.keys(attributes).filter((key) => !DRAWING_ATTRIBUTES.has(key)),
  ]);
}

function liveAttributes(elements: readonly FoundElement[]): string[] {
  return elements.flatMap(({ name, attributes }) =>
    Object.entries(attributes)
      .filter(
        ([key, value]) =>
          /^on|^srcdoc$|^formaction$/i.test(key) ||
          (/href|src$/i.test(key) && !/^(?:#|data:,$|figures\/[a-z]+-(?:light|dark)\.svg$)/.test(value)),
      )
      .map(([key, value]) => `${name} ${key}=${value}`),
  );
}

const UNPRINTABLE = /(?!\n)\p{Cc}|\p{Cs}|[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/u;

function texts(report: Report): Record<string, string> {
  return {
    markdown: evidenceMarkdown(report),
    lead: leadMarkdown(report),
    comment: commentMarkdown(report),
    comparison: markdownDocument(comparisonDocument({ name: 'a', report }, { name: 'b', report }), []),
    html: evidenceHtml(report),
    junit: junitXml(report),
    summary: summaryJson(report),
    line: summaryLine(report),
    verdict: verdictParagraph(report),
    annotations: githubAnnotations(report).join('\n'),
  };
}

const PARTS_OF_A_COMMENT = new Set(
  'h3() p() strong() code() code(class) pre() blockquote() ul() li() table() thead() tbody() tr() th(style) td(style) details() summary()'.split(
    ' ',
  ),
);
const NO_GROUPS = { groups: [], rest: null };
const PARTS_OF_A_TABLE = new Set([
  'h2()',
  'p()',
  'code()',
  'table()',
  'thead()',
  'tbody()',
  'tr()',
  'th()',
  'th(style)',
  'td()',
  'td(style)',
]);

describe('1,000 hostile journals', () => {
  it('render without a crash and without live markup from content', () => {
    fc.assert(
      fc.property(journals, ({ hostile: hostileJournal, tame }) => {
        // Which runs fail alike is the content's own doing. Each of its groups is a row of the same table.
        const whole = buildReport(hostileJournal);
        const built = { ...whole, failures: NO_GROUPS };
        const tameReport = { ...buildReport(tame), failures: NO_GROUPS };
        const grouped = markdown.render(evidenceMarkdown(whole));
        expect(liveAttributes(htmlElements(grouped, false))).toEqual([]);
        const bare = skeleton(htmlElements(markdown.render(evidenceMarkdown(built)), false));
        expect(skeleton(htmlElements(grouped, false)).filter((each) => !PARTS_OF_A_TABLE.has(each))).toEqual(
          bare.filter((each) => !PARTS_OF_A_TABLE.has(each)),
        );
        const [report, expected] = [texts(built), texts(tameReport)];
        const drawings = figures(built);
        expect(figureTexts(built).map(({ name }) => name)).toEqual(
          figureTexts(tameReport).map(({ name }) => name),
        );
        const drawn = drawings.map(({ path, content }) => [path, content] as const);
        for (const [name, text] of [...Object.entries(report), ...drawn]) {
          expect(UNPRINTABLE.exec(text), name).toBeNull();
          expect(text.includes('/home/alice'), name).toBe(false);
        }
        for (const name of ['markdown', 'lead', 'comparison']) {
          // Harmless descriptions are words, others code: which of the two is the content's own doing.
          const found = htmlElements(markdown.render(report[name] ?? ''), false);
          const wanted = htmlElements(markdown.render(expected[name] ?? ''), false);
          expect(liveAttributes(found), name).toEqual([]);
          expect(skeleton(found, ['code']), name).toEqual(skeleton(wanted, ['code']));
        }
        // A comment is cut to its room, so that two of them differ; each has these elements and no other.
        const comment = htmlElements(markdown.render(report['comment'] ?? ''), false);
        expect(liveAttributes(comment)).toEqual([]);
        expect(skeleton(comment).filter((each) => !PARTS_OF_A_COMMENT.has(each))).toEqual([]);
        expect(brokenParts(report['comment'] ?? '')).toEqual([]);
        expect(report['comment']?.length).toBeLessThanOrEqual(COMMENT_CHARACTERS);
        const page = htmlElements(report['html'] ?? '', true);
        expect(liveAttributes(page)).toEqual([]);
        expect(skeleton(page)).toEqual(skeleton(htmlElements(expected['html'] ?? '', true)));
        const junit = xmlElements(report['junit'] ?? '');
        expect(skeleton(junit)).toEqual(skeleton(xmlElements(expected['junit'] ?? '')));
        for (const { path: name, content: svg } of drawings) {
          const drawing = xmlElements(svg);
          expect(liveAttributes(drawing), name).toEqual([]);
          expect(foreignParts(drawing), name).toEqual([]);
        }
        expect(() => JSON.parse(report['summary'] ?? '')).not.toThrow();
        expect(report['line']).not.toContain('\n');
        for (const command of (report['annotations'] ?? '').split('\n')) {
          expect(command).toMatch(/^::(?:warning|error|notice) title=[^:]*::[^\n]*$/);
        }
      }),
      { numRuns: 1_000, seed: 1529 },
    );
  }, 600_000);
});

it('keeps content bounded: a megabyte of error text does not make a megabyte of evidence', () => {
  const journal = syntheticJournal({
    blocks: 2,
    change: (run) => ({
      ...run,
      outcome: {
        ...run.outcome,
        kind: 'cell-error',
        reason: 'r'.repeat(1_000_000),
        error: { ename: 'E', evalue: 'v'.repeat(1_000_000) },
        stderrTail: 's'.repeat(1_000_000),
      },
    }),
  });
  const report = buildReport(journal);
  expect(evidenceMarkdown(report).length).toBeLessThan(20_000);
  expect(evidenceHtml(report).length).toBeLessThan(200_000);
  expect(junitXml(report).length).toBeLessThan(50_000);
});
