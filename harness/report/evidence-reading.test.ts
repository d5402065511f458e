import { describe, expect, test } from 'vitest';
import { sha256 } from '../model/canonical.ts';
import type { Journal } from '../model/journal.ts';
import { evidenceMarkdown } from './evidence.ts';
import { EXPLAINED_NAMES } from './explained-names.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';

const ARMS = FIVE_ARMS.map((arm): SyntheticArm => ({ ...arm, hazard: arm.hazard * 2 }));
const DIFF = ['--- a/ipykernel/a.py', '+++ b/ipykernel/a.py', '@@ -1,0 +1,1 @@', '+mended = True', ''].join(
  '\n',
);

function withDiff(arms: readonly SyntheticArm[], diff = DIFF, blocks = 20): Journal {
  const { protocol } = syntheticJournal({ arms, blocks: 1 }).experiment;
  const patched = protocol.arms.map((arm) =>
    arm.name === 'fix' ? { ...arm, patchSha256: sha256(diff) } : arm,
  );
  return syntheticJournal({
    arms,
    blocks,
    protocol: { arms: patched },
    experiment: { patches: { [sha256(diff)]: diff } },
  });
}

const evidence = evidenceMarkdown(buildReport(withDiff(ARMS)));

/** What a reader sees who unfolds nothing, without tables and commands. */
function visibleProse(markdown: string): string {
  return markdown
    .replace(/<details>.*?\n<\/details>/gs, '')
    .replace(/<picture>.*?<\/picture>/gs, '')
    .replace(/```.*?```/gs, '')
    .replace(/^\|.*$/gm, '');
}

describe('evidence.md is read in a minute', () => {
  test('a reader who unfolds nothing has few words to read, and one p-value decides', () => {
    const prose = visibleProse(evidence);
    // What stands before the first heading takes a minute, at 240 words a minute with the table.
    expect(prose.split('\n## ')[0]?.split(/\s+/).length).toBeLessThan(220);
    expect(prose.split(/\s+/).length).toBeLessThan(700);
    const claims = (prose.match(/\bp = /g) ?? []).length;
    expect(claims).toBe(2);
    expect(prose).toMatch(/Boschloo's exact test \(one-sided\) gives p = .* at most, after Holm/);
    expect(prose).toMatch(/\*\*Sham against control\*\*: .* two-sided p = /);
  });

  test('the other tests are folded, and are all there', () => {
    const [, folded = ''] =
      /<summary>Every test of every comparison.*?<\/summary>(.*?)<\/details>/s.exec(evidence) ?? [];
    expect(folded).toMatch(
      /\| Comparison +\| Binomial tail \| Fisher, less \| Fisher, two-sided \| Boschloo, less \|/,
    );
    expect(folded).toContain('It takes p0 as known');
  });

  test('each name of statistics is explained in one sentence, right where it first stands', () => {
    for (const { name, pattern, sentence } of EXPLAINED_NAMES) {
      const first = evidence.search(pattern);
      if (first < 0) continue;
      const where = evidence.indexOf(sentence);
      expect(where, name).toBeGreaterThan(0);
      expect(evidence.indexOf(sentence, where + 1), name).toBe(-1);
      // In the part before the first heading, or in the same section.
      const heading = evidence.indexOf('\n## ', first);
      expect(where, name).toBeLessThan(heading < 0 ? evidence.length : heading);
    }
    for (const name of ['Boschloo', 'Holm', 'Clopper–Pearson', 'Fisher', 'Newcombe', 'Kaplan–Meier']) {
      expect(evidence).toContain(EXPLAINED_NAMES.find((each) => each.name === name)?.sentence);
    }
  });

  test('every name of a method in the docs’ list of sources that evidence may have is explained', () => {
    const sentences = EXPLAINED_NAMES.map(({ name }) => name);
    for (const method of [
      'Boschloo',
      'Fisher',
      'Holm',
      'Newcombe',
      'Garwood',
      'Kaplan–Meier',
      'Clopper–Pearson',
      'Zelen',
      'Mantel–Haenszel',
      'E',
    ]) {
      expect(sentences).toContain(method);
    }
  });

  test('“certified” and “re-arm” are said in words before they are used as words', () => {
    for (const word of ['certified', 're-arm']) {
      const sentence = {
        certified: 'Such a wedge is called certified',
        're-arm': "ran the stream's read handler once (a re-arm)",
      }[word] as string;
      const prose = evidence.replace(/^- `.*$/gm, '');
      expect(prose.indexOf(word)).toBeGreaterThanOrEqual(prose.indexOf(sentence));
      expect(prose).toContain(sentence);
    }
  });

  test('the diff of each arm is in it, folded, with its hash; one that was not recorded is said so', () => {
    const [, folded = ''] =
      /<summary>The 4 diffs of the arms<\/summary>(.*?)\n<\/details>/s.exec(evidence) ?? [];
    expect(folded).toContain(
      `\`fix\`, SHA-256 of the diff \`${sha256(DIFF)}\`:\n\n\`\`\`diff\n${DIFF.trimEnd()}\n\`\`\``,
    );
    expect(folded).toContain(
      `\`sham\`, SHA-256 of the diff \`${sha256('patch sham')}\`. The journal does not hold its text.`,
    );
  });

  test('diffs of many arms leave the document small enough for GitHub, and say what is cut', () => {
    const long = [
      '--- a/a.py',
      '+++ b/a.py',
      '@@ -1,0 +1,3000 @@',
      ...Array.from({ length: 3000 }, (_, n) => `+line ${n}`),
    ].join('\n');
    const text = evidenceMarkdown(buildReport(withDiff(ARMS, long)));
    expect(text).toMatch(
      /`fix`, SHA-256 of the diff `[0-9a-f]{64}` \(the first \d+ of 3003 lines; the journal holds all\):/,
    );
    expect(text.length).toBeLessThan(65_536);
  });

  test('to verify and to run again are two sections: one recomputes, the other begins anew', () => {
    const sections = evidence.split('\n## ');
    const verify = sections.find((each) => each.startsWith('Verify it')) ?? '';
    const again = sections.find((each) => each.startsWith('Run it again')) ?? '';
    expect(verify).toContain('No kernel is started');
    expect(verify).toContain('npm run soak -- verify DIR');
    expect(again).toContain('a new experiment with new kernels');
    expect(again).toContain('npm run soak -- --arms');
    expect(again).not.toContain('verify');
  });
});
