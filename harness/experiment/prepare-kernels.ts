import { dirname, resolve } from 'node:path';
import type { Notebook } from '../frontend/notebook.ts';
import { findInterpreter } from '../kernel/environment/interpreter.ts';
import { type KernelSearch, kernelspecCommand, namedKernel } from '../kernel/kernelspec/index.ts';
import { searchKernels } from '../kernel/kernelspec/search-kernels.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import type { GivenServer } from '../kernel/server/given-server.ts';
import { givenTransport } from '../kernel/server/prepare-server.ts';
import type { ArmRole, ProtocolKernelspec } from '../model/arm.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { nearNames } from '../model/near-names.ts';
import { quoted } from '../model/quoted.ts';
import type { RunOptions } from '../options/run-options.ts';
import { askKernel } from '../run/ask-kernel.ts';
import type { KernelspecSubject } from '../run/subject.ts';
import { withAskingContext } from './asking-context.ts';
import { assertLanguage } from './kernel-language.ts';
import type { PreparedSubjects } from './prepare-arms.ts';

// The harness does not inspect a kernel that is not ipykernel.
const UNKNOWN = 'unknown';

interface NamedKernel {
  readonly makeCommand: KernelCommandMaker;
  readonly kernelspec: ProtocolKernelspec;
}

/**
 * Prepares kernels by the names of their kernelspecs, on this machine or on an existing server. Each kernel
 * on this machine is started once and asked what it is, so that the protocol can name it.
 *
 * @throws SoakError `unknown-kernel`, `broken-kernel`, `bad-notebook`, `no-encryption`, what `askKernel`
 *   throws, and the error for a server that cannot be used
 */
export async function prepareKernels(
  options: RunOptions,
  notebooks: readonly Notebook[],
  signal: AbortSignal,
): Promise<PreparedSubjects> {
  const search = await searchKernels(undefined, signal);
  const python = search.python?.executable ?? (await findInterpreter(undefined)).executable;
  const { serverUrl } = options;
  const server =
    serverUrl === null
      ? null
      : await (await import('../kernel/server/given-server.ts')).inspectServer(serverUrl, process.env);
  const named: NamedKernel[] = [];
  for (const name of options.kernels) {
    named.push(
      server === null
        ? await kernelHere(name, search, notebooks, options, python)
        : kernelOfServer(name, server, notebooks),
    );
  }
  const [first] = named;
  if (first === undefined) throw new Error('No kernel was named.');
  const arms = new Map(withRoles(named).map((each) => [each.kernelspec.name, kernelspecSubject(each)]));
  const environments = new Map(
    named.map(({ kernelspec }) => [
      kernelspec.name,
      {
        key: identityOf(kernelspec).slice(0, 16),
        python: UNKNOWN,
        kernelLibzmq: UNKNOWN,
        eventLoop: UNKNOWN,
        ipykernel: UNKNOWN,
        packages: {},
      },
    ]),
  );
  const armEnvironment = environments.get(first.kernelspec.name);
  if (armEnvironment === undefined) throw new Error('The first kernel has no environment.');
  environments.delete(first.kernelspec.name);
  return {
    arms,
    armEnvironment,
    armEnvironments: environments,
    patches: {},
    client: null,
    clientEnvironment: null,
    server: server === null ? null : givenTransport(server),
    kernelEnvironment: { python, matplotlibConfigDir: null },
  };
}

function identityOf(kernelspec: ProtocolKernelspec): string {
  return sha256(canonicalJson(kernelspec));
}

async function kernelHere(
  name: string,
  search: KernelSearch,
  notebooks: readonly Notebook[],
  options: RunOptions,
  python: string,
): Promise<NamedKernel> {
  const kernel = namedKernel(search, name);
  const { language } = kernel.spec;
  // Check the kernelspec's language first, before anything is started.
  assertLanguages(notebooks, [language], kernel.name);
  if (options.encrypt && !kernel.spec.offersCurve) {
    throw new SoakError(
      'no-encryption',
      `--encrypt asks for CurveZMQ, and the kernelspec of ${kernel.name} does not say that its kernel offers it (metadata.supported_encryption).`,
      {
        option: { name: 'encrypt' },
        remedy:
          'Leave out --encrypt, or choose a kernel that does, such as that of ipykernel 7.3.0 or later, its kernelspec installed anew.',
      },
    );
  }
  const makeCommand = kernelspecCommand(kernel, search.python);
  const cwd = dirname(resolve(notebooks[0]?.path ?? '.'));
  const info = await withAskingContext(options, { python, matplotlibConfigDir: null }, (context) =>
    askKernel(kernel.name, makeCommand, cwd, context),
  );
  assertLanguages(notebooks, [language, info.language ?? ''], kernel.name);
  return {
    makeCommand,
    kernelspec: {
      name: kernel.name,
      sha256: kernel.sha256,
      displayName: kernel.spec.displayName,
      implementation: info.implementation,
      version: info.implementationVersion,
      language: info.language ?? language,
    },
  };
}

function kernelOfServer(name: string, server: GivenServer, notebooks: readonly Notebook[]): NamedKernel {
  const found = server.kernelspecs.get(name);
  if (found === undefined) {
    const there = [...server.kernelspecs.keys()];
    const near = nearNames(name, there);
    throw new SoakError('unknown-kernel', `The server has no kernel ${quoted(name)}.`, {
      remedy: `It has: ${(near.length > 0 ? near : there.slice(0, 12)).join(', ') || 'none'}.`,
      exitCode: EXIT_CODES.usage,
    });
  }
  assertLanguages(notebooks, [found.language], name);
  return {
    makeCommand: () => ({
      argv: [name],
      kernelspec: name,
      countersPath: null,
      identityPath: null,
      mayLackControl: true,
    }),
    kernelspec: {
      name,
      sha256: found.sha256,
      displayName: found.displayName,
      implementation: null,
      version: null,
      language: found.language,
    },
  };
}

function assertLanguages(notebooks: readonly Notebook[], languages: readonly string[], name: string): void {
  for (const notebook of notebooks) assertLanguage(notebook, languages, `the kernel ${name} runs another`);
}

/**
 * Kernels with their roles, in the order in which they were named. If there are several, the first is the
 * reference.
 */
export function withRoles<Kernel>(kernels: readonly Kernel[]): (Kernel & { role: ArmRole })[] {
  const isReference = (index: number) => index === 0 && kernels.length > 1;
  return kernels.map((kernel, index) => ({ ...kernel, role: isReference(index) ? 'control' : 'treatment' }));
}

function kernelspecSubject({
  makeCommand,
  kernelspec,
  role,
}: NamedKernel & { readonly role: ArmRole }): KernelspecSubject {
  const { name, displayName } = kernelspec;
  const description =
    `kernel ${displayName === '' ? name : displayName}, as its kernelspec starts it`.replace(/\p{Cc}/gu, ' ');
  return {
    makeCommand,
    kernelspec: {
      name,
      role,
      description,
      patchSha256: null,
      treeSha256: identityOf(kernelspec),
      engagement: null,
      kernelspec,
    },
  };
}
