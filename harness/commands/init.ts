import { Argument, type Command } from 'commander';
import { HOSTS, type Host } from '../init/workflow-settings.ts';
import { terminalText } from '../model/clean-text.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';

/** Add `soak init`: it writes a nightly workflow for another repository. */
export function registerInit(program: Command, write: (text: string) => void): void {
  addOptions(
    program
      .command('init')
      .description('Write a nightly workflow into your own repository, for GitHub or GitLab')
      .addArgument(new Argument('<host>', 'where the repository is').choices(HOSTS)),
    'init',
  )
    .addHelpText('after', INIT_HELP)
    .action(async (host: Host, raw: RawOptions<'init'>) => {
      const { from, in: folder, notebook, requirementFiles, force } = parsedOptions('init', raw);
      const { writeWorkflow } = await import('../init/write-workflow.ts');
      const { file, path } = await writeWorkflow({
        host,
        folder,
        from,
        notebook,
        requirements: requirementFiles ?? [],
        isForced: force,
      });
      const steps = file.next.map((step, index) => `  ${index + 1}. ${step}`).join('\n');
      write(`Written: ${terminalText(path, 300)}\nNext:\n${steps}\n`);
    });
}

const INIT_HELP = `
It writes one file, .github/workflows/kernel-soak.yml or .gitlab/kernel-soak.yml, and never replaces one without --force. Comments in the file explain each setting.

Examples:
  soak init github --in ../mine --notebook ../mine/analysis.ipynb
  soak init gitlab --in ../mine --requirements ../mine/requirements.txt

Exit codes: 0 done, 2 bad input, 4 environment.`;
