import { SoakError } from '../model/errors.ts';

/**
 * Refuse `--expect reference` for a search, in which every run decides what is run next.
 *
 * @throws SoakError `bad-option`
 */
export function assertExpectedBeforehand(expect: string | null, command: 'tune' | 'bisect'): void {
  if (expect !== 'reference') return;
  throw new SoakError(
    'bad-option',
    `--expect reference cannot be used with soak ${command}: each run decides what is run next, and what most runs of control show is known only after the last one.`,
    {
      remedy:
        'Give --expect saved, or an executed notebook (npm run soak -- exec NOTEBOOK --output EXECUTED.ipynb).',
      option: { name: 'expect', value: expect },
    },
  );
}
