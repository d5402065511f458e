import { dirname, resolve } from 'node:path';
import { armManifestSchema } from '../arms/arms.ts';
import type { Notebook } from '../frontend/notebook.ts';
import { findInterpreter } from '../kernel/environment/interpreter.ts';
import { type KernelSearch, kernelspecCommand, namedKernel } from '../kernel/kernelspec/index.ts';
import { searchOf } from '../kernel/kernelspec/search-of.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import type { Overlay } from '../kernel/overlay.ts';
import type { GivenServer } from '../kernel/server/given-server.ts';
import { givenTransport } from '../kernel/server/prepare-server.ts';
import type { ArmRole, ProtocolKernelspec } from '../model/arm.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { nearNames } from '../model/near-names.ts';
import { quoted } from '../model/quoted.ts';
import type { RunOptions } from '../options/run-options.ts';
import { askKernel } from '../run/ask-kernel.ts';
import type { LaunchableArm } from '../run/checked-run.ts';
import { withAskingContext } from './asking-context.ts';
import { assertLanguage } from './kernel-language.ts';
import type { PreparedSubject } from './prepare-arms.ts';

// Nothing of a kernel that is not ipykernel's is looked into.
const UNKNOWN = 'unknown';

interface NamedKernel {
  readonly makeCommand: KernelCommandMaker;
  readonly kernelspec: ProtocolKernelspec;
}

/**
 * Kernels by the names of their kernelspecs, on this machine or on a server that is there already. Each on this
 * machine is started once and asked what it is, so that the protocol says which kernel it is about.
 *
 * @throws SoakError `unknown-kernel`, `broken-kernel`, `bad-notebook`, `no-encryption`, what `askKernel` throws, and
 *   what a server that cannot be used is refused with
 */
export async function preparedKernels(
  options: RunOptions,
  notebooks: readonly Notebook[],
  signal: AbortSignal,
): Promise<PreparedSubject> {
  const search = await searchOf(undefined, signal);
  const python = search.python?.executable ?? (await findInterpreter(undefined)).executable;
  const { serverUrl } = options;
  const server =
    serverUrl === null
      ? null
      : await (await import('../kernel/server/given-server.ts')).givenServer(serverUrl, process.env);
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
  const arms = new Map(
    named.map((each, index) => [each.kernelspec.name, launchable(each, kernelRoles(named.length)[index])]),
  );
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
  // By its kernelspec first, before anything is started.
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

/** Roles of so many kernels, in the order in which they were named: of several, the first is the reference. */
export function kernelRoles(count: number): ArmRole[] {
  return Array.from({ length: count }, (_, index) => (index === 0 && count > 1 ? 'control' : 'treatment'));
}

/** A kernelspec as an arm: nothing is injected, so that it has no sources of its own to show. */
function launchable({ makeCommand, kernelspec }: NamedKernel, role: ArmRole = 'treatment'): LaunchableArm {
  const { name, displayName } = kernelspec;
  const description =
    `kernel ${displayName === '' ? name : displayName}, as its kernelspec starts it`.replace(/\p{Cc}/gu, ' ');
  const overlay: Overlay = {
    arm: {
      name,
      folder: null,
      source: name,
      manifest: armManifestSchema.parse({
        role,
        description: description.slice(0, 200),
        appliesTo: '>=0',
        bare: true,
      }),
      declaresRole: false,
      patch: null,
      patchPackage: 'ipykernel',
      isRepositoryPatch: false,
      trees: [],
      isInert: false,
      environment: null,
    },
    folder: null,
    packages: [],
    sources: {},
    protocolArm: {
      name,
      role,
      description,
      patchSha256: null,
      treeSha256: identityOf(kernelspec),
      engagement: null,
      kernelspec,
    },
    site: null,
    runtime: null,
    marks: [],
  };
  return { overlay, makeCommand };
}
