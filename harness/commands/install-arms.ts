import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadArmSpecs } from '../arms/arm-spec.ts';
import { readWantedPackages, withPackages } from '../arms/wanted-packages.ts';
import { armKernelMaker, packagesInOverlays } from '../kernel/arm-kernels.ts';
import { checkArmsOfClient } from '../kernel/client-arms.ts';
import { installArm } from '../kernel/server/arm-kernelspecs.ts';
import { checkArmsOfServer } from '../kernel/server/prepare-server.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { addOptions } from '../options/add-options.ts';
import type { RawOptions } from '../options/table.ts';

/** Add `soak arms install`: it writes arms as kernelspecs, for a server that already exists. */
export function registerArmsInstall(arms: Command, surroundings: () => RunSurroundings): void {
  addOptions(
    arms
      .command('install')
      .description('Install arms as kernelspecs, so that your own Jupyter Server or gateway can start them')
      .argument('<arm...>', 'as --arm takes them: names, folders, releases, diffs, …; all of the experiment'),
    'arms install',
  )
    .addHelpText(
      'after',
      '\nThen: KERNEL_SOAK_TOKEN=… npm run soak -- --server-url URL --arms control,sham,fix\nThe kernelspecs point into the cache folder of kernel-soak, and work as long as that folder exists.\n\nExit codes: 0 done, 2 bad input, 4 environment.',
    )
    .action(async (specs: string[], raw: RawOptions<'arms install'>) => {
      const { dataDir = '', with: names = [], requirements = [], ...options } = raw;
      const { write, signal } = surroundings();
      const onProgress = (line: string) => void process.stderr.write(`${terminalText(line)}\n`);
      const wanted = await readWantedPackages(names, requirements);
      const loaded = (await loadArmSpecs(specs)).map((arm) => withPackages(arm, wanted));
      checkArmsOfClient(loaded, null);
      checkArmsOfServer(loaded, 'Leave it out: a server is to start arms that have counters only.');
      const kernelsOf = armKernelMaker({
        ...options,
        packages: packagesInOverlays(loaded),
        onProgress,
        signal,
      });
      const folder = resolve(dataDir);
      for (const arm of loaded) {
        const { name, folder: place } = await installArm(await kernelsOf(arm), folder).catch(
          (error: unknown) => {
            if (error instanceof SoakError) throw error;
            throw new SoakError(
              'cannot-write',
              `The kernelspec of ${arm.name} cannot be written below ${folder}: ${(error as Error).message}.`,
              {
                remedy: 'Choose a --data-dir that you may write to.',
                exitCode: EXIT_CODES.environment,
                cause: error,
              },
            );
          },
        );
        write(`${arm.name}: kernel ${name} in ${terminalText(place)}\n`);
      }
      write(
        `\nThe server needs no restart. Then:\n  npm run soak -- --server-url URL --arms ${loaded.map(({ name }) => shellWord(name)).join(',')}\nwith its token in KERNEL_SOAK_TOKEN.\n`,
      );
    });
}
