import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../model/canonical.ts';
import { evidenceAddress } from '../model/evidence-url.ts';
import type { Protocol } from '../model/protocol.ts';
import { COMMENT_CHARACTERS, commentMarkdown, framedComment } from './comment-document.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { brokenParts } from './fixtures/whole-markdown.ts';
import { commentMarker } from './pull-request-comment.ts';
import { buildReport, type Report } from './report.ts';
import { commentFooter } from './workflow-pull-request.ts';

const [CONTROL, SHAM, FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];
const THREE = [{ ...CONTROL, hazard: 0.06 }, { ...SHAM, hazard: 0.06 }, FIX];

function diffOf(lines: number, width: number): string {
  const body = Array.from({ length: lines }, (_, index) => `+${`${index} <b>|**`.padEnd(width, 'x')}`);
  return ['--- a/ipykernel/a.py', '+++ b/ipykernel/a.py', `@@ -1,0 +1,${lines} @@`, ...body, ''].join('\n');
}

/** A report whose arms have these diffs: the same one in every arm that has any. */
function reportWith(
  arms: readonly SyntheticArm[],
  diff: string,
  options: Parameters<typeof syntheticJournal>[0] = {},
): Report {
  const first = syntheticJournal({ arms, blocks: 1 }).experiment.protocol;
  const hash = sha256(diff);
  const protocol: Partial<Protocol> = {
    arms: first.arms.map((arm) => (arm.role === 'control' ? arm : { ...arm, patchSha256: hash })),
    ...options.protocol,
  };
  return buildReport(
    syntheticJournal({
      ...options,
      arms,
      protocol,
      experiment: { patches: { [hash]: diff }, ...options.experiment },
    }),
  );
}

describe('comment.md', () => {
  const diff = diffOf(9, 12);
  const comment = commentMarkdown(reportWith(THREE, diff));

  test('has verdict, table, limits, the diff with its hash, and how to verify, and nothing cut where all has room', () => {
    expect(comment).toMatch(/^### Kernel wedges by arm, ipykernel `7\.3\.0`\n\n\*\*`fix` fixes it\*\*: /);
    expect(comment).toMatch(/^\| Arm \| Role \| Wedged \| Rate \| 95 % interval \|\n(\|.*\n){4}/m);
    expect(comment).toContain('**What this does not show**\n\n- Other notebooks, traffic or machines');
    expect(comment).toContain(
      `<summary>The diff</summary>\n\n\`sham\` and \`fix\`, SHA-256 of the diff \`${sha256(diff)}\`:`,
    );
    expect(comment).toContain('+8 <b>|**xxxx\n```');
    expect(comment).toMatch(/Get kernel-soak 0\.1\.0.*\n\n```sh\nnpm ci\nnpm run soak -- verify DIR\n```/);
    expect(comment).not.toContain('…');
    expect(comment).not.toMatch(/figures\/|<picture|<img|!\[/);
  });

  test('cuts a long diff at the end of a line, within 800 characters, and says how much of it is shown', () => {
    const long = commentMarkdown(reportWith(THREE, diffOf(400, 40)));
    const [, shown = '', all = ''] = /\(cut: the first (\d+) of (\d+) lines\)/.exec(long) ?? [];
    const [, text = ''] = /```diff\n(.*?)\n```/s.exec(long) ?? [];
    expect(all).toBe('403');
    expect(text.split('\n')).toHaveLength(Number(shown));
    expect(text.length).toBeLessThanOrEqual(800);
    expect(text.length).toBeGreaterThan(700);
    expect(
      text
        .split('\n')
        .slice(3)
        .every((line) => line.length === 41),
    ).toBe(true);
  });

  test('a warning stands before the verdict', () => {
    const report = reportWith(THREE, diff, {
      blocks: 12,
      protocol: { blocks: 30 },
      journal: { sessions: [] },
    });
    expect(commentMarkdown(report)).toMatch(/^### .*\n\n> \*\*Not finished\*\*: 12 of 30 planned blocks/);
  });

  test('stays within its characters for any number of arms, any names and any diffs, and is cut nowhere but between words, rows and lines', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/);
    const hostile = fc.oneof(
      name,
      fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }),
      fc.constant('**<b>|`'.repeat(40)),
    );
    const cases = fc.record({
      names: fc.uniqueArray(hostile, { minLength: 1, maxLength: 12 }),
      lines: fc.integer({ min: 1, max: 300 }),
      width: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(5_000)),
      competing: fc.double({ min: 0, max: 0.4, noNaN: true }),
      invalid: fc.double({ min: 0, max: 0.4, noNaN: true }),
      planned: fc.integer({ min: 3, max: 6 }),
      command: fc.string({ maxLength: 3_000, unit: 'binary' }),
      harness: hostile,
    });
    fc.assert(
      fc.property(cases, ({ names, lines, width, competing, invalid, planned, command, harness }) => {
        const arms = names.map((each, index): SyntheticArm => {
          const role = index === 0 ? 'control' : index === 1 ? 'sham' : 'treatment';
          return {
            name: each,
            role,
            hazard: index < 2 ? 0.1 : index % 3 === 0 ? 0 : 0.05,
            competing,
            invalid,
            description: each,
          };
        });
        const report = reportWith(arms, diffOf(lines, width), {
          blocks: 3,
          cells: 4,
          protocol: { blocks: planned, harness },
          experiment: { command },
        });
        const text = commentMarkdown(report);
        expect(text.length).toBeLessThanOrEqual(COMMENT_CHARACTERS);
        expect(brokenParts(text)).toEqual([]);
        expect(text).toContain(report.journalSha256);
        const rows = text.match(/^\| (?!Arm |:--)/gm)?.length ?? 0;
        if (rows < arms.length) expect(text).toContain(`… ${arms.length - rows}`);
      }),
      { numRuns: 15 },
    );
  }, 240_000);

  test('of a hundred arms, the table is cut after a whole row with the number of those that are missing', () => {
    const many = Array.from(
      { length: 98 },
      (_, index): SyntheticArm => ({ ...FIX, name: `a-change-with-a-long-name-${index}` }),
    );
    const text = commentMarkdown(reportWith([...THREE.slice(0, 2), ...many], diff, { blocks: 4 }));
    expect(text.length).toBeLessThanOrEqual(COMMENT_CHARACTERS);
    const rows = text.match(/^\| `/gm)?.length ?? 0;
    expect(rows).toBeGreaterThan(2);
    expect(text).toContain(`… ${100 - rows} more arms in \`evidence.md\``);
    expect(text).toMatch(/^\| `control` .*\n\| `sham` /m);
  });
});

describe('the comment that is posted', () => {
  const report = reportWith(THREE, diffOf(400, 40));
  const frame = { marker: commentMarker('kernel-soak'), footer: commentFooter({}), address: null };

  test('is comment.md between its marker and where the journal is, in as many characters', () => {
    const small = reportWith(THREE, diffOf(3, 12));
    expect(framedComment(small, frame)).toBe(`${frame.marker}\n${commentMarkdown(small)}\n${frame.footer}\n`);
    const body = framedComment(report, { ...frame, marker: commentMarker('n'.repeat(100)) });
    expect(body.length).toBeLessThanOrEqual(COMMENT_CHARACTERS);
    expect(brokenParts(body)).toEqual([]);
  });

  test.each([
    [
      'https://me.github.io/soak/run-7/evidence.html',
      'https://me.github.io/soak/run-7/figures/',
      'https://me.github.io/soak/run-7/evidence.html',
    ],
    [
      'https://github.com/me/it/tree/main/soak',
      'https://github.com/me/it/raw/main/soak/figures/',
      'https://github.com/me/it/blob/main/soak/evidence.md',
    ],
    [`https://example.org/${'p'.repeat(170)}`, `${'p'.repeat(170)}/figures/`, '/evidence.html'],
    ['https://example.org/a (b)/[c]', 'https://example.org/a%20%28b%29/%5Bc%5D/figures/', '/evidence.html'],
  ])('shows the chief figure where the evidence is published: %s', (url, figures, page) => {
    const body = framedComment(report, { ...frame, address: evidenceAddress(url) });
    expect(body).toContain(`${figures}rates-light.svg)`);
    expect(body).toContain(`${page})`);
    expect(body.length).toBeLessThanOrEqual(COMMENT_CHARACTERS);
    expect(brokenParts(body)).toEqual([]);
  });

  test.each([
    'soak/run-7',
    'javascript:alert(1)',
    'https://me@example.org/',
    'https://example.org/?a=b',
    `https://example.org/${'p'.repeat(400)}`,
  ])('refuses an address that is none: %s', (url) => {
    expect(() => evidenceAddress(url)).toThrow(/--evidence-url/);
  });
});
