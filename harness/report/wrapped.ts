import stringWidth from 'string-width';

const WIDTH = 100;

/**
 * Words in lines for a terminal, each but the first after `indent`. A word that is longer than a line is not cut, and a
 * number stays with its per cent sign.
 */
export function wrapped(words: string, indent = ''): string {
  const lines: string[] = [];
  let current = '';
  for (const word of words.split(/ (?!%)/)) {
    const next = current === '' ? word : `${current} ${word}`;
    if (current !== '' && stringWidth(next) + indent.length > WIDTH) {
      lines.push(current);
      current = word;
    } else current = next;
  }
  return [...lines, current].join(`\n${indent}`);
}
