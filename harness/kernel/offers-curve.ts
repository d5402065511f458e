import { satisfies } from '@renovatebot/pep440';
import { EXIT_CODES, SoakError } from '../model/errors.ts';

/** The first releases with CurveZMQ: ipykernel #1515 and jupyter_client #1110. */
const FIRST_WITH_CURVE = { ipykernel: '7.3.0', 'jupyter-client': '8.9.0' } as const;

const REMEDY =
  'It takes ipykernel 7.3.0 or later with jupyter_client 8.9.0 or later: choose those, or leave out --encrypt.';

/**
 * Refuse packages that would ignore the keys of a connection file and speak in the clear.
 *
 * @param who whose packages these are, as in "the arm fix"
 * @param changed packages whose source is another than that of the version that is installed
 * @throws SoakError `no-encryption`
 */
export function assertOffersCurve(
  who: string,
  packages: Readonly<Record<string, string>>,
  needed: readonly (keyof typeof FIRST_WITH_CURVE)[],
  changed: readonly string[] = [],
): void {
  for (const name of needed) {
    const version = packages[name];
    if (changed.includes(name.replaceAll('-', '_'))) continue;
    if (version !== undefined && satisfies(version, `>=${FIRST_WITH_CURVE[name]}`, { prereleases: true })) {
      continue;
    }
    throw new SoakError(
      'no-encryption',
      `--encrypt needs CurveZMQ, which ${name} ${version ?? '(not found)'} of ${who} does not offer.`,
      { option: { name: 'encrypt' }, remedy: REMEDY },
    );
  }
}

/** A kernel that was given keys and lets in whoever comes. */
export function notEncrypted(name: string, how: string): SoakError {
  return new SoakError('not-encrypted', `The kernel ${name} is not encrypted: ${how}.`, {
    remedy: REMEDY,
    exitCode: EXIT_CODES.environment,
  });
}
