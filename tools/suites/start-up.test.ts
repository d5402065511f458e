import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';

/** Every module that is loaded with this one, `import type` and what is imported later left out. */
function loadedWith(entry: string): Map<string, string> {
  const loadedBy = new Map<string, string>([[entry, '']]);
  for (const file of loadedBy.keys()) {
    if (!file.startsWith('/') && !/^[A-Z]:/.test(file)) continue;
    const text = readFileSync(file, 'utf8');
    for (const [, what = '', from = ''] of text.matchAll(/^(?:import|export) ([^;']*)from '([^']+)';$/gm)) {
      if (what.startsWith('type ') || !/\{\s*(?!type )\w|\* |^\w/.test(what.replace(/type \w+,?/g, '')))
        continue;
      const module = from.startsWith('.') ? join(dirname(file), from) : from;
      if (!loadedBy.has(module)) loadedBy.set(module, relative(packageRoot(), file));
    }
  }
  return loadedBy;
}

test('what draws figures or talks to servers is not loaded before it is needed: it would take 50 MiB all through the runs', () => {
  const modules = loadedWith(join(packageRoot(), 'harness', 'cli.ts'));
  expect(modules.size).toBeGreaterThan(150);
  expect(modules.has('zeromq')).toBe(true);
  const late = ['@observablehq/plot', 'linkedom', '@jupyterlab/services'];
  expect(late.map((name) => [name, modules.get(name)])).toEqual(late.map((name) => [name, undefined]));
});
