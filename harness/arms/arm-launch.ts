import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';

/** What an arm may give its kernels at their start. It may not set what the harness decides. */

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Variables that would take the kernel's import path, folders or parent from the harness. */
const OWN_VARIABLES = new Set([
  'HOME',
  'IPYTHONDIR',
  'JPY_INTERRUPT_EVENT',
  'JPY_PARENT_PID',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
  'MPLCONFIGDIR',
  'PATH',
  'PYTHONHOME',
  'PYTHONPATH',
  'PYTHONSAFEPATH',
  'PYTHONSTARTUP',
  'PYTHONUSERBASE',
  'TEMP',
  'TMP',
  'TMPDIR',
]);

/** Arguments that would move the kernel away from the connection that the harness made. */
const OWN_ARGUMENTS =
  /^(?:-f$|-f=|--f=|--f$|-h$|--help|--config|--generate-config|--ip\b|--transport\b|--(?:hb|shell|iopub|stdin|control)\b|--(?:\w+\.)?(?:connection_file|connection_dir|ip|transport|(?:hb|shell|iopub|stdin|control)_port|parent_handle|interrupt|kernel_class)\b|--Session\.|--profile-dir|--ipython-dir)/;

/** @throws SoakError `bad-arm` for a name that is not one, or one that the harness sets itself */
export function kernelVariables(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const reason = !VARIABLE_NAME.test(name)
      ? 'is not the name of an environment variable'
      : OWN_VARIABLES.has(name.toUpperCase()) || /^KERNEL_SOAK_/i.test(name)
        ? 'is set by the harness, and an arm that changed it would not be the arm that is reported'
        : value.includes('\0')
          ? 'has a value with a zero byte'
          : null;
    if (reason === null) continue;
    throw new SoakError('bad-arm', `its variable ${quoted(name)} ${reason}.`, {
      remedy: 'Leave it out, or patch the package to the same effect.',
    });
  }
}

/** @throws SoakError `bad-arm` for an argument that touches the kernel's connection or configuration files */
export function kernelArguments(args: readonly string[]): void {
  const wrong = args.find((argument) => OWN_ARGUMENTS.test(argument) || /\p{Cc}/u.test(argument));
  if (wrong === undefined) return;
  throw new SoakError('bad-arm', `its argument ${quoted(wrong)} is reserved for the harness.`, {
    remedy:
      'Give only arguments such as --IPKernelApp.matplotlib=inline. The harness sets the connection and the files.',
  });
}
