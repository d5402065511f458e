/**
 * About as many characters as a parsed value has as JSON, escapes not counted; without making that text, which may
 * be of any length.
 */
export function jsonCharacters(value: unknown): number {
  let characters = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === 'string') characters += next.length + 2;
    else if (typeof next !== 'object' || next === null) characters += 8;
    else {
      for (const key of Object.keys(next)) {
        characters += key.length + 4;
        open.push((next as Record<string, unknown>)[key]);
      }
    }
  }
  return characters;
}
