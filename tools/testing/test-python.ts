let found: Promise<string> | undefined;

/**
 * The interpreter that tests give their kernels: KERNEL_SOAK_TEST_PYTHON where it is set, else that of the
 * default kernel environment, which the first caller on a machine waits for.
 *
 * @throws SoakError if there is none and none can be made
 */
export function testPython(): Promise<string> {
  const given = process.env['KERNEL_SOAK_TEST_PYTHON'];
  found ??= given ? Promise.resolve(given) : defaultPython();
  return found;
}

async function defaultPython(): Promise<string> {
  const { ensureEnvironment } = await import('../../harness/kernel/environment/index.ts');
  const environment = await ensureEnvironment({});
  return environment.python;
}
