import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../model/errors.ts';
import { installRefusal } from './install-refusal.ts';
import type { Interpreter } from './interpreter.ts';

const interpreter: Interpreter = {
  version: '3.13.0',
  major: 3,
  minor: 13,
  implementation: 'cpython',
  platform: 'linux-x86_64',
  freeThreaded: false,
  executable: '/usr/bin/python3',
  base: '/usr/bin/python3.13',
  ensurepip: true,
};
const refusal = (output: string) => installRefusal(output, interpreter);

// Each text is what pip printed when the situation was brought about, lists of releases shortened.
describe('a version that does not exist', () => {
  const missing = (requirement: string, versions: string) =>
    refusal(
      `ERROR: Could not find a version that satisfies the requirement ${requirement} (from versions: ${versions})\nERROR: No matching distribution found for ${requirement}`,
    );
  const versions = '4.0.1, 6.31.0, 7.0.0a1, 7.0.0, 7.0.1, 7.1.0, 7.2.0, 7.3.0, 7.4.0, 7.10.0';

  test.each([
    ['ipykernel==7.3.9', 'The nearest are 7.1.0, 7.2.0, 7.3.0, 7.4.0, 7.10.0.'],
    ['ipykernel==99', 'The nearest are 7.3.0, 7.4.0, 7.10.0.'],
    ['ipykernel==1.0', 'The nearest are 4.0.1, 6.31.0, 7.0.0.'],
    ['ipykernel>8', 'The newest are 7.1.0, 7.2.0, 7.3.0, 7.4.0, 7.10.0.'],
    ['ipykernel==8.*', 'The newest are 7.1.0, 7.2.0, 7.3.0, 7.4.0, 7.10.0.'],
  ])('%s lists those that are near, in the order of versions', (requirement, remedy) => {
    const error = missing(requirement, versions);
    expect(error).toMatchObject({ code: 'no-such-version', exitCode: EXIT_CODES.usage, remedy });
    expect(error?.message).toContain(requirement);
    expect(error?.message).toContain('3.13.0');
  });

  test('of a package that has pre-releases only, lists them', () => {
    expect(missing('x==2', '1.0a1, 1.0b1')?.remedy).toBe('The nearest are 1.0a1, 1.0b1.');
  });

  test('of a package that does not exist says so', () => {
    expect(missing('ipykernell==7.4.0', 'none')).toMatchObject({
      code: 'no-such-version',
      message: expect.stringContaining('no release of "ipykernell"'),
    });
  });
});

describe('a package that must be compiled and cannot', () => {
  test('whose compiler fails', () => {
    const error = refusal(
      `      building 'psutil._psutil_linux' extension
      error: Command '['/bin/false', '-DPSUTIL_VERSION=590']' returned non-zero exit status 1.
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for psutil
Failed to build psutil
ERROR: ERROR: Failed to build installable wheels for some pyproject.toml based projects (psutil)`,
    );
    expect(error).toMatchObject({ code: 'package-not-built', exitCode: EXIT_CODES.usage });
    expect(error?.message).toMatch(/^psutil has no wheel for Python 3\.13\.0 on linux-x86_64/);
    expect(error?.remedy).toContain('wheel');
  });

  test('whose build script fails, with its reason', () => {
    const error = refusal(
      `        File "/tmp/pip-install-8u1ltvld/pyzmq_736c/buildutils/misc.py", line 11, in <module>
          from pipes import quote
      ModuleNotFoundError: No module named 'pipes'
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: subprocess-exited-with-error

× Getting requirements to build wheel did not run successfully.`,
    );
    expect(error?.code).toBe('package-not-built');
    expect(error?.message).toContain("No module named 'pipes'");
  });
});

test('requirements that contradict each other, with who asks for what', () => {
  const error = refusal(
    `ERROR: Cannot install ipykernel==7.3.0 and pyzmq==19.0.1 because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested pyzmq==19.0.1
    ipykernel 7.3.0 depends on pyzmq>=25

To fix this you could try to:
1. loosen the range of package versions you've specified

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/`,
  );
  expect(error?.code).toBe('conflicting-requirements');
  expect(error?.message).toContain('The user requested pyzmq==19.0.1; ipykernel 7.3.0 depends on pyzmq>=25');
});

test('anything else is not the fault of the packages', () => {
  expect(refusal('error: something new')).toBeNull();
  expect(refusal('ERROR: No matching distribution found for numpy==99')).toBeNull();
});
