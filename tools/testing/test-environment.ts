import type { KernelEnvironment } from '../../harness/kernel/environment/index.ts';

let found: Promise<KernelEnvironment> | undefined;

/**
 * The default kernel environment, from the default cache: real Python, real ipykernel. The first caller on
 * a machine waits until it is made; later ones share it and must not write to it.
 */
export function testEnvironment(): Promise<KernelEnvironment> {
  found ??= import('../../harness/kernel/environment/index.ts').then(({ ensureEnvironment }) =>
    ensureEnvironment(),
  );
  return found;
}

/** The installed ipykernel of an environment, which the default one always has. */
export function installedIpykernel({ facts }: KernelEnvironment): { version: string; folder: string } {
  if (facts.ipykernel === null) throw new Error('The test environment has no ipykernel.');
  return facts.ipykernel;
}
