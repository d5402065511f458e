import { expect, test } from 'vitest';
import { withVersions } from './session.ts';

test('the command that repeats an experiment has the versions that were resolved', () => {
  const packages = { pandas: '2.3.3', 'some-name': '1.0', six: '1.17.0' };
  const given = { with: ['pandas', 'Some_Name[x]', 'six==1.17', 'absent'], runs: '3' };
  expect(withVersions(given, packages)).toEqual({
    with: ['pandas==2.3.3', 'some-name[x]==1.0', 'six==1.17', 'absent'],
    runs: '3',
  });
  expect(withVersions({ runs: '3' }, packages)).toEqual({ runs: '3' });
});
