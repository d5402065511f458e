import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { leadMarkdown } from './evidence.ts';
import { syntheticJournal } from './fixtures/synthetic-journal.ts';
import { githubAnnotations, writeGithubSummary } from './github.ts';
import { junitXml } from './junit.ts';
import { buildReport } from './report.ts';

const report = buildReport(syntheticJournal());

it('adds to the job summary where there is one, and only there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'soak-summary-'));
  try {
    const path = join(folder, 'summary.md');
    expect(await writeGithubSummary(report, {})).toBe(false);
    expect(await writeGithubSummary(report, { GITHUB_STEP_SUMMARY: path })).toBe(true);
    expect(await writeGithubSummary(report, { GITHUB_STEP_SUMMARY: path })).toBe(true);
    expect(await readFile(path, 'utf8')).toBe(`${leadMarkdown(report)}\n`.repeat(2));
    await expect(
      writeGithubSummary(report, { GITHUB_STEP_SUMMARY: join(folder, 'no', 'such') }),
    ).rejects.toMatchObject({ code: 'summary-not-written' });
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('annotates with the verdict, percent signs escaped', () => {
  expect(githubAnnotations(report)).toEqual([
    expect.stringMatching(
      /^::notice title=kernel-soak verdict::fix, flush and stream fix it: .*\(40\.0 %25\)/,
    ),
  ]);
});

it('counts wedges of the reference arms as skipped and of treatments as failures', () => {
  const [, all] = /<testsuites name="kernel-soak" ([^>]*)>/.exec(junitXml(report)) ?? [];
  expect(all).toMatch(/^tests="100" failures="0" errors="0" skipped="14" time="\d+\.\d{3}"$/);
  const arms = [{ name: 'fix', role: 'treatment', hazard: 0.1 } as const];
  expect(junitXml(buildReport(syntheticJournal({ arms })))).toMatch(
    /<testsuite name="fix" tests="20" failures="[1-9]/,
  );
  const soak = [{ name: 'control', role: 'control', hazard: 0.1 } as const];
  expect(junitXml(buildReport(syntheticJournal({ arms: soak })))).toMatch(/failures="[1-9]/);
});
