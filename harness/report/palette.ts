/** Colours of the page and of the figures, for a light and a dark ground. */
export interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly muted: string;
  readonly rule: string;
  readonly tint: string;
  readonly link: string;
  readonly warn: string;
  /**
   * One for each arm, in the protocol's order, then again from the start. Okabe and Ito's (2008) set, which
   * people with any of the common colour-vision deficiencies tell apart, darkened or lightened to a contrast
   * of 3 or more against the ground; figures label arms in words as well.
   */
  readonly series: readonly string[];
}

export const PALETTES = {
  light: {
    paper: '#ffffff',
    ink: '#1f2328',
    muted: '#57606a',
    rule: '#d0d7de',
    tint: '#f6f8fa',
    link: '#0757ba',
    warn: '#9a6700',
    series: ['#c44e00', '#0072b2', '#007a5a', '#b0508a', '#8a6d00', '#3b7ea1', '#57606a'],
  },
  dark: {
    paper: '#0d1117',
    ink: '#e6edf3',
    muted: '#9aa4af',
    rule: '#30363d',
    tint: '#161b22',
    link: '#6cb6ff',
    warn: '#d4a72c',
    series: ['#ff9552', '#56b4e9', '#3fcf9f', '#e39ac4', '#e6c229', '#9cd0f5', '#9aa4af'],
  },
} as const satisfies Record<string, Palette>;

export type Theme = keyof typeof PALETTES;
export const THEMES = ['light', 'dark'] as const satisfies readonly Theme[];

/** The palette as references to the page's custom properties, for figures inlined in HTML. */
export const PAGE_PALETTE: Palette = {
  paper: 'var(--paper)',
  ink: 'var(--ink)',
  muted: 'var(--muted)',
  rule: 'var(--rule)',
  tint: 'var(--tint)',
  link: 'var(--link)',
  warn: 'var(--warn)',
  series: PALETTES.light.series.map((_, index) => `var(--series-${index + 1})`),
};

/** The palette as custom properties, one a line. */
export function cssVariables(theme: Theme): string {
  const { series, ...named } = PALETTES[theme];
  return [
    ...Object.entries(named).map(([name, colour]) => `--${name}: ${colour};`),
    ...series.map((colour, index) => `--series-${index + 1}: ${colour};`),
  ].join('\n');
}

/** The colour of the arm at `index`. */
export function seriesColour(palette: Palette, index: number): string {
  return palette.series[index % palette.series.length] ?? palette.ink;
}
