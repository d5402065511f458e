import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { soakErrorOf } from '../../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../../tools/testing/temporary-folder.ts';
import { expandedVariable, kernelspecVariables } from './command.ts';
import { findKernels, namedKernel } from './find.ts';
import { launchWords, searchedProgram } from './launch-words.ts';
import { parsedSpec } from './spec.ts';

const ARGV = [process.execPath, 'kernel.js', '{connection_file}'];

function writeSpec(root: string, name: string, spec: unknown): string {
  const folder = join(root, 'kernels', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'kernel.json'), typeof spec === 'string' ? spec : JSON.stringify(spec));
  return folder;
}

function search(...roots: string[]) {
  const env = { ...process.env, JUPYTER_PATH: roots.join(process.platform === 'win32' ? ';' : ':') };
  return findKernels({ env });
}

describe('kernelspecs that are found', () => {
  it('takes the first of a name, whatever its case, and shows what it shadows', async () => {
    const [first, second] = [temporaryFolder(), temporaryFolder()];
    const wins = writeSpec(first, 'Mine', { argv: ARGV, display_name: 'First', language: 'x' });
    writeSpec(second, 'mine', { argv: ARGV, display_name: 'Second', language: 'x' });
    const found = await search(first, second);
    const mine = found.kernels.filter(({ name }) => name === 'mine');
    expect(mine.map(({ shadowedBy }) => shadowedBy)).toEqual([null, wins]);
    expect(namedKernel(found, 'MINE').spec.displayName).toBe('First');
  });

  it('names what cannot be used, with the reason', async () => {
    const root = temporaryFolder();
    writeSpec(root, 'torn', '{"argv": [');
    writeSpec(root, 'wordless', { display_name: 'No argv' });
    writeSpec(root, 'deaf', { argv: [process.execPath] });
    writeSpec(root, 'absent', { argv: ['/no/such/program', '{connection_file}'] });
    writeSpec(root, 'odd', { argv: ARGV, interrupt_mode: 'shout' });
    writeSpec(root, 'far', { argv: ARGV, metadata: { kernel_provisioner: { provisioner_name: 'k8s' } } });
    writeSpec(root, 'a name', { argv: ARGV });
    const found = await search(root);
    const reasons = Object.fromEntries(
      found.kernels.flatMap((kernel) => (kernel.state === 'broken' ? [[kernel.name, kernel.reason]] : [])),
    );
    expect(reasons['torn']).toContain('is not JSON');
    expect(reasons['wordless']).toContain('argv');
    expect(reasons['deaf']).toContain('{connection_file}');
    expect(reasons['absent']).toContain('/no/such/program');
    expect(reasons['odd']).toContain('interrupt_mode');
    expect(reasons['far']).toContain('provisioner k8s');
    expect(reasons['a name']).toContain('no kernel name');
    const error = await soakErrorOf(() => namedKernel(found, 'torn'));
    expect([error.code, error.exitCode]).toEqual(['broken-kernel', 4]);
    const unknown = await soakErrorOf(() => namedKernel(found, 'nothere'));
    expect(unknown.code).toBe('unknown-kernel');
    expect(unknown.remedy).toContain('torn');
  });

  it('survives a folder of the path that is a file, and one that is not there', async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, 'kernels'), '');
    expect((await search(root, join(root, 'nowhere'))).folders.length).toBeGreaterThan(2);
  });
});

describe('a kernelspec offers CurveZMQ', () => {
  const offers = (metadata: object) => {
    const parsed = parsedSpec(JSON.stringify({ argv: ARGV, metadata }));
    return parsed.ok && parsed.spec.offersCurve;
  };

  it('by one word or several, in any case, as jupyter_client reads them', () => {
    for (const word of ['curve', ' Curve ', ['other', 'CURVE']]) {
      expect(offers({ supported_encryption: word })).toBe(true);
    }
  });

  it('not by anything else, which is no fault of the kernelspec', () => {
    for (const word of ['', 'tls', [], ['x'], 1, null, { curve: true }, [1]]) {
      expect(offers({ supported_encryption: word })).toBe(false);
    }
    expect(offers({})).toBe(false);
    expect(parsedSpec(JSON.stringify({ argv: ARGV, metadata: { supported_encryption: 7 } })).ok).toBe(true);
  });
});

describe('how a kernelspec is launched', () => {
  const python = {
    executable: '/venv/bin/python',
    version: '3.11',
    prefix: '/venv',
    isOwnVirtual: true,
    userBase: null,
  };
  const words = (argv: string[]) => {
    const parsed = parsedSpec(JSON.stringify({ argv: [...argv, '{connection_file}'] }));
    if (!parsed.ok) throw new Error(parsed.reason);
    return launchWords(parsed.spec, { connectionFile: '/c.json', resourceFolder: '/spec', python });
  };

  it('fills in connection file, resource folder and prefix, and leaves other braces', () => {
    expect(words(['x', '{resource_dir}/a', '--p={prefix}', '{other}', '{}'])).toEqual([
      'x',
      '/spec/a',
      '--p=/venv',
      '{other}',
      '{}',
      '/c.json',
    ]);
    // As Python's expanduser has it, which leaves what comes after the home folder as it is written.
    expect(words(['~/bin/kernel'])[0]).toBe(`${homedir()}/bin/kernel`);
  });

  it('takes a plain python of its own version for the searching interpreter', () => {
    for (const name of ['python', 'python3', 'python3.11']) expect(words([name])[0]).toBe(python.executable);
    for (const name of ['python3.12', 'pypy3', '/usr/bin/python']) expect(words([name])[0]).toBe(name);
  });

  it('looks along PATH, on Windows with PATHEXT', () => {
    expect(searchedProgram('k', 'linux', { PATH: '/a:/b' })).toEqual(['/a/k', '/b/k']);
    expect(searchedProgram('/x/k', 'linux', { PATH: '/a' })).toEqual(['/x/k']);
    expect(searchedProgram('k', 'win32', { PATH: 'C:\\a', PATHEXT: '.EXE;.CMD' })).toEqual([
      'C:\\a\\k.EXE',
      'C:\\a\\k.CMD',
    ]);
    expect(searchedProgram('k.exe', 'win32', { PATH: 'C:\\a' })).toEqual(['C:\\a\\k.exe']);
    expect(searchedProgram('C:\\x\\k.exe', 'win32', {})).toEqual(['C:\\x\\k.exe']);
  });

  it("expands variables as Python's string.Template does", () => {
    const env = { A: 'one', B2: 'two' };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: kernelspecs have them.
    expect(expandedVariable('${A}:$B2:$$A:${NOT}:$NOT:$', env)).toBe('one:two:$A:${NOT}:$NOT:$');
  });

  it("gives a kernel its spec's variables and its runtime's, and no other of the session", () => {
    const parsed = parsedSpec(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: kernelspecs have them.
      JSON.stringify({ argv: ['x', '{connection_file}'], env: { T: '${TOKEN}', FIXED: '1' } }),
    );
    if (!parsed.ok) throw new Error(parsed.reason);
    const session = { TOKEN: 'secret', OTHER: 'x', JAVA_HOME: '/java' };
    expect(kernelspecVariables(parsed.spec, session)).toEqual({
      T: 'secret',
      FIXED: '1',
      JAVA_HOME: '/java',
    });
  });
});
