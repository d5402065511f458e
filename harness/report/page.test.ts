import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIVE_ARMS, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { writeReport } from './write-report.ts';

const BROWSERS = [
  process.env['CHROME_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
const browser = BROWSERS.find((path) => path !== undefined && existsSync(path));
if (browser === undefined) {
  console.warn('NOT CHECKED: evidence.html in a real browser. Install Chromium, or set CHROME_PATH.');
}

/** As long as releases and branches are called. */
const LONG_NAMES = FIVE_ARMS.map((arm) => ({ ...arm, name: `${arm.name} + ipykernel==7.4.0` }));

// A profile of its own, and nothing that calls out: the page has to work without a network.
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe.skipIf(browser === undefined)('evidence.html in Chromium', () => {
  let folder: string;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];
  const requests: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'soak-page-'));
    const journal = syntheticJournal({
      change: (run) =>
        run.run === 'b001-fix'
          ? {
              ...run,
              outcome: {
                ...run.outcome,
                kind: 'cell-error',
                error: { ename: 'E', evalue: '<script>document.title = "owned"</script>'.repeat(3) },
                stderrTail: `<img src=x onerror="document.title='owned'">${'x'.repeat(3_000)}`,
              },
            }
          : run,
    });
    await writeReport(folder, journal);
    await writeReport(join(folder, 'long'), syntheticJournal({ arms: LONG_NAMES }));
    context = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: browser as string,
      headless: true,
      args: SWITCHES,
    });
    page = await context.newPage();
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
  });

  afterAll(async () => {
    await context?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (name = '.') => page.goto(pathToFileURL(join(folder, name, 'evidence.html')).href);

  for (const [device, width, height] of [
    ['phone', 390, 844],
    ['tablet', 768, 1_024],
    ['desktop', 1280, 900],
  ] as const) {
    it.each(['.', 'long'])(
      `cuts nothing on a ${device}: no table, no figure, no message (%s)`,
      async (name) => {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ media: 'screen' });
        await open(name);
        const seen = await page.evaluate(LAYOUT_FACTS);
        expect(seen.tables).toBeGreaterThan(5);
        expect(seen.texts).toBeGreaterThan(50);
        expect(seen.cut).toEqual([]);
        expect(seen.cutTexts).toEqual([]);
        expect(seen.nameless).toEqual([]);
        if (device === 'phone') expect(seen.cards).toBeGreaterThan(100);
        expect(seen.smallestText).toBeGreaterThan(9);
      },
    );

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`fits a ${device} in ${colorScheme} colours, readable and without a complaint`, async () => {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme, media: 'screen' });
        await open();
        const seen = await page.evaluate(PAGE_FACTS);
        expect(seen.scrollWidth).toBeLessThanOrEqual(width);
        expect(seen.lowContrast).toEqual([]);
        expect(seen.unnamedDrawings).toBe(0);
        expect(seen.drawings).toBe(5);
        expect(seen.scripts).toBe(0);
        expect(complaints).toEqual([]);
        expect(requests.every((url) => url.startsWith('file:') || url === 'data:,')).toBe(true);
      });
    }
  }

  it("opens a run's story when its link is followed by keyboard", async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await open();
    await page.locator('#runs details > summary').focus();
    await page.keyboard.press('Enter');
    const link = page.locator('#runs a').first();
    const target = (await link.getAttribute('href')) ?? '';
    await link.focus();
    await page.keyboard.press('Enter');
    const story = page.locator(target);
    await expect.poll(() => story.locator('ul').isVisible()).toBe(true);
    expect(await page.title()).not.toContain('owned');
  });

  it('prints on white, without navigation, within the width of the paper', async () => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.setViewportSize({ width: 718, height: 1_000 });
    await open();
    const seen = await page.evaluate(PAGE_FACTS);
    expect(seen.background).toBe('rgb(255, 255, 255)');
    expect(seen.lowContrast).toEqual([]);
    expect(await page.locator('nav').isVisible()).toBe(false);
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
  });
});

interface LayoutFacts {
  readonly tables: number;
  readonly cards: number;
  /** Texts in figures. */
  readonly texts: number;
  /** What is wider than the place that it is shown in. */
  readonly cut: readonly string[];
  /** Texts of figures that reach beyond their figure. */
  readonly cutTexts: readonly string[];
  /** Cells of a card without the name of their column beside them. */
  readonly nameless: readonly string[];
  /** Of a figure, pixels. */
  readonly smallestText: number;
}

/** Runs in the page, with everything that can be unfolded open. */
const LAYOUT_FACTS = `(() => {
  for (const each of document.querySelectorAll('details')) each.open = true;
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((each) => each.getClientRects().length > 0);
  const cells = shown('td').filter((cell) => getComputedStyle(cell).display !== 'table-cell');
  const outside = (text) => {
    const [inner, outer] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()];
    return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
  };
  const texts = shown('svg text').filter((each) => each.textContent.trim() !== '');
  const size = (text) => parseFloat(getComputedStyle(text).fontSize) * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b);
  return {
    tables: shown('table').length,
    cards: cells.length,
    texts: texts.length,
    cut: shown('.table, .drawing, pre, p, li, figcaption').filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.outerHTML.slice(0, 120)),
    cutTexts: texts.filter(outside).map((each) => each.textContent),
    nameless: cells.filter((cell) => getComputedStyle(cell, '::before').content.length < 3).map((cell) => cell.outerHTML),
    smallestText: Math.min(...texts.map(size)),
  };
})()` as unknown as () => LayoutFacts;

interface PageFacts {
  readonly scrollWidth: number;
  readonly background: string;
  /** Text whose contrast against the ground is below 4.5. */
  readonly lowContrast: readonly string[];
  readonly drawings: number;
  readonly unnamedDrawings: number;
  readonly scripts: number;
}

/** Runs in the page; a string, since the project does without the browser's types. */
const PAGE_FACTS = `(() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => { const s = c / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      const alpha = channels(colour)[3];
      if (alpha === undefined || alpha > 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const low = new Set();
  for (const element of document.querySelectorAll('body *:not(svg *)')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!own || element.tagName === 'STYLE') continue;
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.add(element.tagName + ' ' + getComputedStyle(element).color + ' on ' + ground(element));
  }
  const drawings = [...document.querySelectorAll('svg')].filter((svg) => getComputedStyle(svg.closest('.drawing')).display !== 'none');
  return {
    scrollWidth: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
    lowContrast: [...low],
    drawings: drawings.length,
    unnamedDrawings: drawings.filter((svg) => !svg.querySelector('title')?.textContent || !svg.querySelector('desc')?.textContent).length,
    scripts: document.scripts.length,
  };
})()` as unknown as () => PageFacts;
