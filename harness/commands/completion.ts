import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../options/completion.ts';

/** Add `soak completion`: the script by which a shell completes the commands and options of `soak`. */
export function registerCompletion(program: Command, write: (text: string) => void): void {
  program
    .command('completion')
    .description('Print a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
Where to put it:
  bash   soak completion bash > ~/.local/share/bash-completion/completions/soak
  zsh    soak completion zsh > a file _soak in a folder of $fpath
  fish   soak completion fish > ~/.config/fish/completions/soak.fish
  pwsh   soak completion pwsh | Out-String | Invoke-Expression, in your $PROFILE`,
    )
    .action((shell: Shell) => write(completionScript(shell, program)));
}
