import { expect, test } from 'vitest';
import { packageRoot } from './package-root.ts';
import { publicText } from './public-text.ts';

const NAMES = { home: '/home/ada', user: 'ada', host: 'analytical' };

test('the home folder, the user and the host are not published', () => {
  expect(publicText('File "/home/ada/venv/x.py" of ada@analytical', NAMES)).toBe(
    'File "~/venv/x.py" of <user>@<host>',
  );
});

test('words that merely hold a name stay', () => {
  expect(publicText('metadata of adaptive analyticals', NAMES)).toBe('metadata of adaptive analyticals');
});

test('a Windows home is found with either slash and escaped', () => {
  const names = { home: 'C:\\Users\\Ada', user: 'Ada', host: 'PC1' };
  expect(publicText('C:\\Users\\Ada\\x C:/Users/Ada/y C:\\\\Users\\\\Ada', names)).toBe('~\\x ~/y ~');
});

test('a name that is an ordinary word is left alone', () => {
  expect(publicText('root cause', { home: '/root', user: 'root', host: 'vm' })).toBe('root cause');
  expect(publicText('/root/.cache/a', { home: '/root', user: 'root', host: 'vm' })).toBe('~/.cache/a');
});

test("kernel-soak's own folder, also below the home folder, is not published", () => {
  const names = { ...NAMES, root: '/home/ada/soak' };
  expect(publicText('/home/ada/soak/arms/runtime/soak_client.py', names)).toBe(
    '<kernel-soak>/arms/runtime/soak_client.py',
  );
  expect(publicText(`${packageRoot()}/arms`)).toBe('<kernel-soak>/arms');
});
