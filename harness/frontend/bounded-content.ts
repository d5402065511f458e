import { jsonCharacters } from '../model/json-characters.ts';
import type { Message } from '../transport/message.ts';

/**
 * Characters kept of one field of a reply. They stay for the whole run, and a traceback may have any length.
 */
const MAX_FIELD_CHARACTERS = 64 * 1024;

/** A reply's content, with overlong texts cut and other overlong fields left out. */
export function boundedContent(content: Message['content']): Message['content'] {
  const fields = Object.entries(content).flatMap(([name, value]): [string, unknown][] => {
    if (name.length > MAX_FIELD_CHARACTERS) return [];
    if (jsonCharacters(value) <= MAX_FIELD_CHARACTERS) return [[name, value]];
    // Copy through bytes: a slice would keep the whole original string alive.
    const start = typeof value === 'string' ? value.slice(0, MAX_FIELD_CHARACTERS) : null;
    return start === null ? [] : [[name, Buffer.from(start, 'utf16le').toString('utf16le')]];
  });
  return Object.fromEntries(fields);
}
