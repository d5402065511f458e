import { homedir } from 'node:os';
import { sep } from 'node:path';
import type { Command } from 'commander';
import type { FoundKernel, KernelSearch } from '../kernel/kernelspec/index.ts';
import { searchKernels } from '../kernel/kernelspec/search-kernels.ts';
import { terminalText } from '../model/clean-text.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { probeMarkdown, probeText } from '../probe/probe-text.ts';

/** Add `soak kernels`: the kernelspecs that Jupyter finds. With `--probe`: what one of them does. */
export function registerKernels(program: Command, write: (text: string) => void): void {
  addOptions(
    program
      .command('kernels')
      .description('List the kernels that --kernel can name, or probe what one of them does'),
    'kernels',
  )
    .addHelpText(
      'after',
      '\nThe search is that of Jupyter: JUPYTER_PATH, the user, the environment, the system. The first kernel of a name wins. JUPYTER_PREFER_ENV_PATH puts the environment first.',
    )
    .action(async (raw: RawOptions<'kernels'>) => {
      const { env, probe, json, markdown } = parsedOptions('kernels', raw);
      const search = await searchKernels(env ?? undefined);
      if (probe !== null) {
        const { probedKernel } = await import('../experiment/probe-kernels.ts');
        const found = await probedKernel(search, probe, process.cwd());
        write(
          json ? `${JSON.stringify(found, null, 2)}\n` : markdown ? probeMarkdown(found) : probeText(found),
        );
        return;
      }
      write(json ? `${JSON.stringify(search, null, 2)}\n` : kernelsText(search));
    });
}

function shown(path: string): string {
  const home = homedir();
  return terminalText(path.startsWith(`${home}${sep}`) ? `~${path.slice(home.length)}` : path, 300);
}

/** What was found, for a terminal: each kernel with its folder and program, and why one cannot be used. */
export function kernelsText({ kernels, folders, python }: KernelSearch): string {
  const lines: string[] = [];
  for (const kernel of kernels) {
    lines.push(headline(kernel));
    lines.push(`  ${shown(kernel.folder)} (${kernel.source})`);
    if (kernel.shadowedBy !== null) lines.push(`  shadowed by ${shown(kernel.shadowedBy)}`);
    if (kernel.state === 'broken') lines.push(`  cannot be used: ${terminalText(kernel.reason, 500)}`);
    else lines.push(`  runs ${shown(kernel.program)}`);
  }
  if (kernels.length === 0) lines.push('No kernelspec was found.');
  lines.push('', 'Searched, in this order:');
  for (const { folder, source } of folders) lines.push(`  ${shown(folder)} (${source})`);
  lines.push(
    python === null
      ? 'No Python was found, so no environment was searched. Name one with --env.'
      : `The environment is that of ${shown(python.executable)}. Name another with --env.`,
  );
  return `${lines.join('\n')}\n`;
}

function headline(kernel: FoundKernel): string {
  const name = terminalText(kernel.name, 80);
  if (kernel.state === 'broken') return `${name}: broken`;
  const { displayName, language } = kernel.spec;
  const words = [displayName, language === '' ? 'language not stated' : language].filter(
    (word) => word !== '',
  );
  return `${name}: ${words.map((word) => terminalText(word, 80)).join(', ')}${kernel.shadowedBy === null ? '' : ' (shadowed)'}`;
}
