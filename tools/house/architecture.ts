import { ROOMS, type Room } from './rooms.ts';

/** Stages of a run, in the order in which a run meets them, with their rooms. Every room of the table is in one. */
const STAGES: readonly Stage[] = [
  { title: 'The command', rooms: ['cli', 'commands', 'options'] },
  { title: 'The experiment', rooms: ['experiment', 'arms'] },
  { title: 'One run', rooms: ['run', 'kernel', 'transport', 'frontend', 'oracle'] },
  { title: 'The record', rooms: ['journal', 'audit'] },
  { title: 'The answer', rooms: ['stats', 'report', 'evidence'] },
  {
    title: 'Features',
    rooms: [
      'diagnose',
      'exec',
      'probe',
      'tune',
      'bisect',
      'history',
      'locate',
      'mechanism',
      'planning',
      'doctor',
      'init',
    ],
  },
  { title: 'Common ground', rooms: ['model'] },
];

interface Stage {
  readonly title: string;
  readonly rooms: readonly string[];
}

/** The part of docs/architecture.md that is made here stands between these lines. */
export const ROOMS_BEGIN = '<!-- rooms: made by `UPDATE_DOCS=1 npx vitest run tools/house`: do not edit -->';
export const ROOMS_END = '<!-- end of rooms -->';

/** @throws Error for a room that the stages lack, or that the table lacks */
function roomNamed(name: string): Room {
  const found = ROOMS.find((room) => room.name === name);
  if (found === undefined)
    throw new Error(`tools/house/architecture.ts names ${name}, which rooms.ts does not.`);
  return found;
}

function assertComplete(): void {
  const staged = STAGES.flatMap(({ rooms }) => rooms);
  const missing = ROOMS.filter(({ name }) => !staged.includes(name)).map(({ name }) => name);
  if (missing.length === 0) return;
  throw new Error(`Add to a stage in tools/house/architecture.ts: ${missing.join(', ')}.`);
}

/** Rooms by layer, the lowest first: a room stands one layer above the highest room that it imports. */
export function layers(rooms: readonly Room[] = ROOMS): string[][] {
  const heights = new Map<string, number>();
  const height = (name: string): number => {
    const known = heights.get(name);
    if (known !== undefined) return known;
    const imported = rooms.find((room) => room.name === name)?.mayImport ?? [];
    const found = Math.max(-1, ...imported.map(height)) + 1;
    heights.set(name, found);
    return found;
  };
  const result: string[][] = [];
  for (const { name } of rooms) {
    const layer = height(name);
    result[layer] = [...(result[layer] ?? []), name];
  }
  return result;
}

/** The table of rooms, in Markdown. */
export function roomsTable(): string {
  assertComplete();
  const rows = STAGES.flatMap(({ title, rooms }) =>
    rooms.map((name, index) => {
      const { purpose, mayImport } = roomNamed(name);
      const path = name === 'cli' ? 'harness/cli.ts' : `harness/${name}`;
      const imports = mayImport.length === 0 ? 'nothing' : mayImport.join(', ');
      return `| ${index === 0 ? title : ''} | [\`${name}\`](../${path}) | ${purpose} | ${imports} |`;
    }),
  );
  return ['| stage | room | what it is for | may import |', '|---|---|---|---|', ...rows].join('\n');
}

const BOX = { width: 104, height: 32, gap: 12 } as const;
const LAYER_HEIGHT = 54;
const LEGEND_HEIGHT = 78;
const LEGEND_COLUMNS = 3;
const MARGIN = 16;

/** The layers as an SVG, with a colour for each stage. It reads on light and on dark. */
export function layersPicture(): string {
  assertComplete();
  const rows = layers().reverse();
  const widest = Math.max(...rows.map((row) => row.length));
  const width = 2 * MARGIN + widest * (BOX.width + BOX.gap) - BOX.gap;
  const height = 2 * MARGIN + rows.length * LAYER_HEIGHT + LEGEND_HEIGHT;
  const boxes = rows.flatMap((row, layer) => {
    const rowWidth = row.length * (BOX.width + BOX.gap) - BOX.gap;
    const order = [...row].sort((a, b) => stageOf(a) - stageOf(b));
    return order.map((name, index) => {
      const x = (width - rowWidth) / 2 + index * (BOX.width + BOX.gap);
      const y = MARGIN + layer * LAYER_HEIGHT;
      return [
        `<rect class="s${stageOf(name)}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="5"/>`,
        `<text x="${x + BOX.width / 2}" y="${y + BOX.height / 2 + 5}" text-anchor="middle">${name}</text>`,
      ].join('');
    });
  });
  const column = (width - 2 * MARGIN) / LEGEND_COLUMNS;
  const legend = STAGES.map(({ title }, stage) => {
    const x = MARGIN + (stage % LEGEND_COLUMNS) * column;
    const y = height - MARGIN - LEGEND_HEIGHT + 12 + Math.floor(stage / LEGEND_COLUMNS) * 26;
    return `<rect class="s${stage}" x="${x}" y="${y}" width="16" height="16" rx="3"/><text class="note" x="${x + 24}" y="${y + 13}">${title}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${layersWords()}">`,
    `<style>${STYLE}</style>`,
    ...boxes,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

/** The picture in words, the top layer first. */
function layersWords(): string {
  return `Rooms in layers, from the top: ${layers()
    .reverse()
    .map((row) => row.join(', '))
    .join('. ')}.`;
}

function stageOf(name: string): number {
  return STAGES.findIndex(({ rooms }) => rooms.includes(name));
}

// Light fills with dark text read on any background, so that one picture does for both.
const FILLS = ['#f6d8ae', '#f3c5c5', '#bcd9f2', '#cfe8c6', '#d9cdf0', '#e8e4da', '#d5d9de'] as const;
const STYLE = [
  'text{font:14px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}',
  '.note{font-family:system-ui,sans-serif}',
  '@media (prefers-color-scheme:dark){.note{fill:#e6edf3}}',
  ...FILLS.map((fill, stage) => `.s${stage}{fill:${fill};stroke:#59636e}`),
].join('');

/**
 * The page with its part about the rooms made anew.
 *
 * @throws Error for a page without the two lines that the part stands between
 */
export function withRooms(page: string): string {
  const [before, rest] = page.split(ROOMS_BEGIN);
  const after = rest?.split(ROOMS_END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`The page lacks ${ROOMS_BEGIN} or ${ROOMS_END}.`);
  const part = `![${layersWords()}](images/rooms.svg)\n\n${roomsTable()}`;
  return `${before}${ROOMS_BEGIN}\n${part}\n${ROOMS_END}${after}`;
}
