import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import MarkdownIt from 'markdown-it';
import { chromium } from 'playwright-core';

// Draws a job summary as GitHub shows one, for the docs:
//   npx tsx tools/pictures/draw-summary.ts SUMMARY.md PICTURE.png

/** Pixels: the width of a summary on GitHub's page. */
const WIDTH = 900;

const STYLE = `
  body { margin: 0; padding: 24px; background: #fff; color: #1f2328;
    font: 16px/1.5 -apple-system, BlinkMacSystemFont, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif }
  table { border-collapse: collapse; margin-bottom: 16px }
  th, td { border: 1px solid #d1d9e0; padding: 6px 13px }
  tr:nth-child(2n) td { background: #f6f8fa }
  code { background: #818b981f; border-radius: 6px; padding: 2px 5px; font-size: 85% }
  pre { background: #f6f8fa; border-radius: 6px; padding: 16px; overflow: hidden }
  pre code { background: none; padding: 0 }
  blockquote { margin: 0 0 16px; padding: 0 1em; color: #59636e; border-left: 4px solid #d1d9e0 }`;

const [summary, picture] = process.argv.slice(2);
if (summary === undefined || picture === undefined) {
  console.error('Give the summary and the picture: draw-summary.ts SUMMARY.md PICTURE.png');
  process.exit(2);
}
const body = new MarkdownIt({ html: false }).render(await readFile(summary, 'utf8'));
const profile = await mkdtemp(join(tmpdir(), 'soak-picture-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env['CHROME_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  viewport: { width: WIDTH, height: 100 },
});
try {
  const page = await browser.newPage();
  await page.setContent(`<!doctype html><meta charset="utf-8"><style>${STYLE}</style>${body}`);
  await page.screenshot({ path: picture, fullPage: true });
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
