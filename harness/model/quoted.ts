// What would end the quotation, or do something to a terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /["\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * A text as it was given, in quotation marks, for a sentence that a person reads. Backslashes stay single, as a
 * Windows path has them: JSON would double each. Quotation marks and control characters are escaped as JSON has them.
 */
export function quoted(text: string): string {
  return `"${text.replaceAll(UNPRINTABLE, (character) =>
    character === '"' ? '\\"' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )}"`;
}
