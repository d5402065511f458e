import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testEnvironment } from '../../tools/testing/test-environment.ts';
import type { Notebook } from '../frontend/notebook.ts';
import { chosenKernel, type KernelChoice } from './chosen-kernel.ts';

const data = temporaryFolder();
const { signal } = new AbortController();
const NOTHING: KernelChoice = {
  env: null,
  python: null,
  kernel: null,
  arm: 'control',
  isArmGiven: false,
  packages: {},
};
let python: string;

function kernelspec(name: string, argv: readonly string[], more: object = {}): void {
  const folder = join(data, 'kernels', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'kernel.json'),
    JSON.stringify({ argv, display_name: name, language: 'python', ...more }),
  );
}

beforeAll(async () => {
  ({ python } = await testEnvironment());
  vi.stubEnv('JUPYTER_PATH', data);
  vi.stubEnv('PATH', `${dirname(python)}${delimiter}${process.env['PATH']}`);
  const ipykernel = [python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
  kernelspec('mine', ipykernel);
  kernelspec('with-variables', ipykernel, { env: { TOKEN: 'x' } });
  kernelspec('python3', ipykernel);
  kernelspec('other', [process.execPath, 'kernel.js', '{connection_file}'], { language: 'javascript' });
  kernelspec('through-another', [process.execPath, '-m', 'ipykernel_launcher', '-f', '{connection_file}']);
}, 300_000);
afterAll(() => vi.unstubAllEnvs());

function notebook(name: string | null, language: string | null = 'python'): Notebook {
  return {
    ...codeNotebook('n.ipynb', ['1']),
    language,
    metadata: name === null ? {} : { kernelspec: { name } },
  };
}

const chosen = (of: Notebook, choice: Partial<KernelChoice> = {}) =>
  chosenKernel(of, { ...NOTHING, ...choice }, 'nbclient', signal);

describe('without an option, the kernel is the one that Jupyter would take', () => {
  test('the notebook’s own: its environment has the client too', async () => {
    expect(await chosen(notebook('mine'))).toMatchObject({
      options: { env: python, arm: ['control'] },
      clientEnv: python,
      hasClient: true,
      why: 'the environment of the kernel mine, which the notebook names',
    });
  });

  test('python3, where the notebook names none, or one that is not there', async () => {
    expect((await chosen(notebook(null))).why).toContain('the kernel python3, the default');
    const lost = await chosen(notebook('lost'));
    expect(lost.options.env).toBe(python);
    expect(lost.why).toContain('the kernel lost, which the notebook names, is not found');
  });

  test('variables of a kernelspec are not passed on, and that is said', async () => {
    expect((await chosen(notebook('with-variables'))).why).toContain(
      'without the variables that its kernelspec sets: TOKEN',
    );
  });

  test.each(['other', 'through-another'])(
    '%s is started as its kernelspec says, without a client',
    async (name) => {
      expect(await chosen(notebook(name, null))).toMatchObject({
        options: { kernel: [name] },
        clientEnv: null,
        hasClient: false,
      });
    },
  );
});

describe('an option names another', () => {
  test('an environment', async () => {
    expect(await chosen(notebook('mine'), { env: python })).toMatchObject({
      options: { env: python, arm: ['control'] },
      clientEnv: python,
      why: 'the environment that was named',
    });
  });

  test('a Python or an arm means an environment that soak makes', async () => {
    expect(await chosen(notebook('mine'), { python: 'python3.12' })).toMatchObject({
      options: { python: 'python3.12', arm: ['control'] },
      clientEnv: null,
    });
    expect(await chosen(notebook('mine'), { arm: 'ipykernel==7.4.0', isArmGiven: true })).toMatchObject({
      options: { arm: ['ipykernel==7.4.0'] },
      why: 'an environment that soak made for the arm ipykernel==7.4.0',
    });
  });

  test('packages mean an environment that soak makes with them', async () => {
    expect(await chosen(notebook('mine'), { packages: { with: ['pandas'] } })).toMatchObject({
      options: { with: ['pandas'], arm: ['control'] },
      why: 'an environment that soak made for those packages',
    });
  });

  test('a kernel', async () => {
    expect((await chosen(notebook('mine'), { kernel: 'python3' })).why).toContain('python3, which was named');
  });
});
