import type { Command } from 'commander';
import { type ArmApplicability, type DoctorOptions, doctorReport } from '../doctor/doctor-report.ts';
import { doctorText } from '../doctor/doctor-text.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { printText } from '../model/wrapped.ts';
import { addOptions } from '../options/add-options.ts';

export interface DoctorDependencies {
  /** Lists the arms and whether each applies to an ipykernel version. Default: no arms are listed. */
  readonly listArms?: (ipykernelVersion: string) => Promise<readonly ArmApplicability[]>;
  /** Default: standard output. */
  readonly write?: (text: string) => void;
}

/** Adds `soak doctor`. It sets the process's exit code and never ends the process. */
export function registerDoctor(program: Command, dependencies: DoctorDependencies = {}): void {
  addOptions(
    program
      .command('doctor')
      .description('Check what is installed to run kernels with, and name what is missing'),
    'doctor',
  )
    .addHelpText(
      'after',
      '\nExit code 0 when a run can start, 4 when something is missing. An environment that does not ' +
        'exist yet is not missing: the first run makes it, for which it needs the network.',
    )
    .action(async (options: DoctorOptions) => {
      process.exitCode = await runDoctor(options, dependencies);
    });
}

/** Prints the findings; returns 0, or 4 when something is missing. */
export async function runDoctor(
  options: DoctorOptions,
  dependencies: DoctorDependencies = {},
): Promise<ExitCode> {
  const report = await doctorReport(options, dependencies.listArms);
  const write = dependencies.write ?? printText;
  write(options.json ? `${JSON.stringify(report, null, 2)}\n` : doctorText(report));
  return report.missing.length === 0 ? EXIT_CODES.done : EXIT_CODES.environment;
}
