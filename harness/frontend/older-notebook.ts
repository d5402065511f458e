import { isJsonObject, type JsonObject } from './json-object.ts';

/** Keys of an output's data in nbformat 3, and what nbformat 4 calls them. */
const MIME_TYPES: Readonly<Record<string, string>> = {
  text: 'text/plain',
  html: 'text/html',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpeg: 'image/jpeg',
  latex: 'text/latex',
  json: 'application/json',
  javascript: 'application/javascript',
};

/**
 * Converts a notebook of nbformat 2 or 3 to nbformat 4.5, as nbformat does when nbclient reads one
 * (nbformat/v3/convert.py, nbformat/v4/convert.py). The cells of all worksheets go into one list, `input`
 * becomes `source`, headings become Markdown, and outputs get today's keys. Each cell's id is its place,
 * where nbformat draws ids at random: a file gives the same result every time. A malformed worksheet, cell or
 * output stays as it is, and the reader refuses it.
 */
export function upgradedNotebook(file: JsonObject): JsonObject {
  const worksheets = Array.isArray(file['worksheets']) ? (file['worksheets'] as unknown[]) : [];
  const cells = worksheets.flatMap((sheet) => {
    const list = isJsonObject(sheet) ? sheet['cells'] : undefined;
    return Array.isArray(list) ? (list as unknown[]) : [sheet];
  });
  const metadata = file['metadata'];
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: isJsonObject(metadata) ? without(metadata, ['name', 'signature']) : metadata,
    cells: cells.map((cell, index) => (isJsonObject(cell) ? upgradedCell(cell, `cell-${index}`) : cell)),
  };
}

function upgradedCell(cell: JsonObject, id: string): JsonObject {
  const metadata = cell['metadata'] ?? {};
  const type = cell['cell_type'];
  if (type === 'code') {
    const { collapsed, input, prompt_number: count, outputs, ...rest } = without(cell, ['language']);
    return {
      ...rest,
      id,
      metadata: collapsed === undefined || !isJsonObject(metadata) ? metadata : { ...metadata, collapsed },
      source: input ?? '',
      execution_count: count ?? null,
      outputs: Array.isArray(outputs) ? (outputs as unknown[]).map(upgradedOutput) : [],
    };
  }
  if (type === 'heading') {
    const { level, ...rest } = cell;
    const hashes = '#'.repeat(typeof level === 'number' && level >= 1 && level <= 6 ? level : 1);
    const text = [cell['source'] ?? '']
      .flat()
      .join('')
      .split(/\r\n|\r|\n/);
    return { ...rest, id, metadata, cell_type: 'markdown', source: `${hashes} ${text.join(' ')}` };
  }
  return { ...cell, id, metadata, ...(type === 'html' ? { cell_type: 'markdown' } : {}) };
}

function upgradedOutput(output: unknown): unknown {
  if (!isJsonObject(output)) return output;
  switch (output['output_type']) {
    case 'pyout':
    case 'display_data': {
      const { output_type: type, metadata, prompt_number: count, ...data } = output;
      const upgraded = { metadata: withMimeTypes(metadata ?? {}), data: withMimeTypes(data) };
      return type === 'pyout'
        ? { output_type: 'execute_result', ...upgraded, execution_count: count ?? null }
        : { output_type: type, ...upgraded };
    }
    case 'pyerr':
      return { ...output, output_type: 'error' };
    case 'stream': {
      const { stream, ...rest } = output;
      return { ...rest, name: stream ?? 'stdout' };
    }
    default:
      return output;
  }
}

function withMimeTypes(data: unknown): unknown {
  if (!isJsonObject(data)) return data;
  const renamed = Object.entries(data).map(([key, value]): [string, unknown] => {
    const mime = Object.hasOwn(MIME_TYPES, key) ? (MIME_TYPES[key] ?? key) : key;
    return [mime, mime === 'application/json' ? parsedOrAsIs(value) : value];
  });
  return Object.fromEntries(renamed);
}

/** nbformat 3 stored JSON as text. */
function parsedOrAsIs(value: unknown): unknown {
  try {
    return JSON.parse([value].flat().join('')) as unknown;
  } catch {
    return value;
  }
}

function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}
