import { SoakError } from '../model/errors.ts';
import { didYouMean } from '../model/near-names.ts';

/** The ends of a bisect as the user names them. */
export interface Ends {
  readonly good: string;
  readonly bad: string;
  /** `null`: no cure is looked for. */
  readonly fixed: string | null;
}

/**
 * The releases to bisect, from the good one to the bad or the fixed one, and where the bad one is.
 *
 * @param names all there are, in order
 * @throws SoakError `unknown-release`; `bad-option` for ends that are not in order
 */
export function candidates(
  names: readonly string[],
  { good, bad, fixed }: Ends,
): { readonly releases: string[]; readonly bad: number } {
  const place = (flag: string, name: string): number => {
    const index = names.indexOf(name);
    if (index >= 0) return index;
    throw new SoakError('unknown-release', `${flag} ${name} is not a release that can be bisected.`, {
      remedy: `${didYouMean(name, names)}Pre-releases need --pre, and yanked releases are left out.`,
    });
  };
  const first = place('--good', good);
  const middle = place('--bad', bad);
  const last = fixed === null ? middle : place('--fixed', fixed);
  if (first >= middle) {
    throw new SoakError('bad-option', `--good ${good} does not come before --bad ${bad}.`, {
      remedy:
        'Give the last release known to be good, and a later one that has the fault. To look for a cure as well, give --fixed.',
    });
  }
  if (fixed !== null && last <= middle) {
    throw new SoakError('bad-option', `--fixed ${fixed} does not come after --bad ${bad}.`, {
      remedy: 'Give a release after the bad one, or leave --fixed out.',
    });
  }
  return { releases: names.slice(first, last + 1), bad: middle - first };
}
