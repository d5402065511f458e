import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GitClone } from '../../tools/testing/git-clone.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { loadArmSpecs, triedArms } from './arm-spec.ts';
import { armsUnderClient } from './client-change.ts';

const folder = temporaryFolder();

function diffOf(path: string): string {
  const file = join(folder, `${path.replaceAll('/', '-')}.diff`);
  writeFileSync(file, `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`);
  return file;
}

async function packagesOf(client: 'nbclient' | null, ...texts: string[]): Promise<string[]> {
  return armsUnderClient(await loadArmSpecs(texts), client).map(({ manifest }) => manifest.package);
}

describe('a change of the client’s packages', () => {
  test('is the client’s where there is one, and its control and sham with it', async () => {
    const arms = triedArms(diffOf('nbclient/client.py'));
    expect(await packagesOf('nbclient', ...arms)).toEqual(['nbclient', 'nbclient', 'nbclient']);
    const clone = new GitClone();
    const commit = clone.commit({ 'jupyter_client/__init__.py': '' });
    const tree = `git:${clone.folder}@${commit}`;
    expect(await packagesOf('nbclient', 'control', tree)).toEqual(['jupyter_client', 'jupyter_client']);
  });

  test('leaves what changes the kernel as it is, which is then refused beside it', async () => {
    const diff = diffOf('jupyter_client/channels.py');
    expect(await packagesOf('nbclient', 'fix', diff)).toEqual(['ipykernel', 'jupyter_client']);
    expect(await packagesOf('nbclient', 'control', 'fix')).toEqual(['ipykernel', 'ipykernel']);
  });

  test('is the kernel’s without a client, where a kernel uses it', async () => {
    const arms = await loadArmSpecs(['control', diffOf('jupyter_client/session.py')]);
    const [, session] = armsUnderClient(arms, null);
    expect(session?.manifest.package).toBe('ipykernel');
    expect(session?.manifest.description).toMatch(/in the kernel, not in a client/);
  });

  test.each(['nbclient/client.py', 'jupyter_client/channels.py'])(
    'is refused without a client: %s',
    async (path) => {
      const error = await soakErrorOf(() => packagesOf(null, 'control', diffOf(path)));
      expect(error.message).toMatch(/only a client uses/);
      expect(error.remedy).toMatch(/--client nbclient/);
    },
  );

  test('is never of the kernel and the client at once', async () => {
    const clone = new GitClone();
    clone.commit({ 'ipykernel/__init__.py': '' });
    const both = `git:${clone.folder}@main + ${diffOf('nbclient/client.py')}`;
    expect((await soakErrorOf(() => packagesOf('nbclient', both))).message).toMatch(/nbclient and ipykernel/);
  });
});
