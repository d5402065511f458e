import { expect, test } from 'vitest';
import { loadArm } from '../arms/arms.ts';
import { checkArmsOfClient } from '../kernel/client-arms.ts';
import { foundCommand } from '../kernel/command-client.ts';
import { SoakError } from '../model/errors.ts';
import { parsedRunOptions } from './run-options.ts';
import type { RawOptions } from './table.ts';

const parsed = (raw: RawOptions<'run'>) => parsedRunOptions(raw, 'a.ipynb', () => 1);

test('a client with its own time-out of a cell', () => {
  expect(parsed({}).client).toBeNull();
  expect(parsed({ client: 'nbclient' }).client).toEqual({ name: 'nbclient', cellTimeoutSeconds: 6 });
  expect(parsed({ client: 'papermill', clientTimeout: 'none' }).client).toEqual({
    name: 'papermill',
    cellTimeoutSeconds: null,
  });
});

test.each([
  ['NBConvert', 'nbconvert'],
  ['jupyter nbconvert', 'nbconvert'],
  ['jupyter-nbconvert', 'nbconvert'],
  ['jupyter execute', 'jupyter-execute'],
  ['jupyter_client', 'jupyter-client'],
  ['pytest --nbmake', 'nbmake'],
])('a client as people name it: %s', (written, name) => {
  expect(parsed({ client: written }).client).toMatchObject({ name });
});

test('a command is a client: its words, with quotation marks taken off', () => {
  const text = `"C:\\My Tools\\run.exe" {notebook} --kernel={connection_file} 'a b' ""`;
  const words = ['C:\\My Tools\\run.exe', '{notebook}', '--kernel={connection_file}', 'a b', ''];
  expect(parsed({ client: text }).client).toEqual({ name: 'command', command: { text, words } });
});

test.each<[RawOptions<'run'>, RegExp]>([
  [{ client: 'nbviewer' }, /^--client cannot be "nbviewer"/],
  [{ client: 'run.py {notebook}' }, /^--client cannot be "run.py \{notebook\}"/],
  [{ client: 'run.py {notebook} "{connection_file}' }, /^--client cannot be/],
  [{ client: 'run.py {notebook} {connection_file}', clientTimeout: '5' }, /^--client-timeout cannot be used/],
  [{ clientTimeout: '5' }, /^--client-timeout 5 needs --client/],
  [{ client: 'nbclient', clientTimeout: '0' }, /^--client-timeout cannot be "0"/],
  [{ client: 'nbclient', clientTimeout: '2.5' }, /^--client-timeout cannot be "2.5"/],
  [{ client: 'nbclient', clientTimeout: '10' }, /the deadline of 10 s comes first/],
  [{ client: 'nbclient', traffic: 'overlap' }, /--client nbclient cannot be used with --traffic overlap: /],
  [
    { client: 'nbclient', pipelineDepth: '2' },
    /cannot be used with --pipeline-depth 2: the client has its own/,
  ],
])('%j is refused', (raw, message) => {
  expect(() => parsed(raw)).toThrow(message);
});

test('client arms need a client, and are not mixed with arms of the kernel; a bare arm cannot be watched', async () => {
  const [control, bare, fix] = await Promise.all(['control', 'bare', 'client-fix'].map(loadArm));
  if (!control || !bare || !fix) throw new Error('An arm is missing.');
  expect(() => checkArmsOfClient([fix], null)).toThrow(/changes jupyter_client/);
  expect(() => checkArmsOfClient([control, fix], 'nbclient')).toThrow(
    /changes the client and control does not/,
  );
  expect(() => checkArmsOfClient([control, fix], 'nbclient', 'died')).toThrow(
    /The endpoint died does not judge both alike/,
  );
  for (const both of ['any', 'lost-output'] as const) {
    expect(() => checkArmsOfClient([control, fix], 'nbclient', both)).not.toThrow();
  }
  expect(() => checkArmsOfClient([control, bare], 'nbclient')).toThrow(/no counters/);
  expect(() => checkArmsOfClient([fix], 'nbclient')).not.toThrow();
  expect(() => checkArmsOfClient([control, bare], null)).not.toThrow();
});

test.each([
  ['nbmak', /^Did you mean "nbmake"/],
  [
    'run.py {notebook}',
    /^Write \{connection_file\} into the command\. The program finds the kernel by that file/,
  ],
  ['run.py {connection_file}', /^Write \{notebook\} into the command/],
  [
    'run.py {notebook} {connection-file} {out}',
    /^There is no \{connection-file\}\. A command can have: \{notebook\}/,
  ],
  ["run.py {notebook} '{connection_file}", /^Close the quotation mark/],
  ['nbconvert --execute --to notebook', /^Give the name alone, without its options: --client nbconvert\.$/],
  ['jupyter nbconvert --execute', /--client nbconvert\.$/],
  ['pytest --nbmake -n 4', /--client nbmake\.$/],
  ['papermill in.ipynb out.ipynb', /--client papermill\.$/],
  ['nbclient==0.10.0', /^Give the name alone: --client nbclient\. The harness has one release/],
  ['jupyter-book', /^jupyter-book executes notebooks with nbclient: give --client nbclient\.$/],
  ['pytest --nbval', /^nbval executes notebooks with jupyter-client: give --client jupyter-client\.$/],
  ['jupyter lab', /^Give --transport server in place of --client\.$/],
  ['vscode', /^Leave out --client/],
])('%s: the remedy says what to write', (client, remedy) => {
  const error = thrown(() => parsed({ client }));
  expect(error.remedy).toMatch(remedy);
});

function thrown(act: () => unknown): SoakError {
  try {
    act();
  } catch (error) {
    if (error instanceof SoakError) return error;
  }
  throw new Error('Nothing was refused.');
}

test('a program that is not there is refused before anything is started', async () => {
  const words = ['no-such-program-of-ours', '{notebook}', '{connection_file}'] as const;
  await expect(foundCommand({ words })).rejects.toMatchObject({ code: 'no-client-program', exitCode: 4 });
  const [found] = (await foundCommand({ words: [process.execPath, ...words.slice(1)] })).words;
  expect(found).toBe(process.execPath);
});

test('an arm that changes a client needs one of the clients by name', async () => {
  const fix = await loadArm('client-fix');
  expect(() => checkArmsOfClient([fix], 'command')).toThrow(/cannot change what a command imports/);
  const bare = await loadArm('bare');
  expect(() => checkArmsOfClient([bare], 'command')).toThrow(/Under a command as the client/);
});
