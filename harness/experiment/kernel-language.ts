import type { Notebook } from '../frontend/notebook.ts';
import { SoakError } from '../model/errors.ts';

/** Names of one and the same language: kernels and notebooks spell them differently. */
const SAME: Readonly<Record<string, string>> = {
  py: 'python',
  ipython: 'python',
  js: 'javascript',
  node: 'javascript',
  nodejs: 'javascript',
  ts: 'typescript',
  sh: 'bash',
  shell: 'bash',
  'c++': 'c++',
  cpp: 'c++',
};

/** A language's name without its version and spelling: `Python3` is `python`, `C++17` is `c++`. */
function plainLanguage(name: string): string {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/[\s-]*\d+(\.\d+)*$/, '');
  return SAME[plain] ?? plain;
}

/**
 * Refuse a notebook that is written in another language than the kernel runs. A notebook that states no
 * language is accepted.
 *
 * @param languages the kernel's languages, according to its kernelspec and to the kernel itself; empty
 *   strings are ignored
 * @param why a clause for the message
 * @throws SoakError `bad-notebook`
 */
export function assertLanguage(notebook: Notebook, languages: readonly string[], why: string): void {
  const known = languages.map(plainLanguage).filter((language) => language !== '');
  const { language } = notebook;
  if (language === null || known.length === 0 || known.includes(plainLanguage(language))) return;
  throw new SoakError(
    'bad-notebook',
    `The notebook ${notebook.path} is written in ${language}, and ${why}: ${[...new Set(known)].join(', ')}.`,
    { remedy: `Give a notebook in ${known[0]}, or another --kernel; \`soak kernels\` lists them.` },
  );
}
