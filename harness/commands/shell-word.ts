// What no shell gives a meaning to, wherever it stands in a word.
const PLAIN = /^[\w@%+=:,./-]+$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * A value as one word of a POSIX shell: quoted where it has to be, so that a path with spaces or a
 * placeholder such as `<path>` is never taken apart or for a redirection.
 *
 * `~/` at its beginning still stands for the home folder; after a prefix such as `file:` or `LABEL=`, where no
 * shell would replace a tilde, `"$HOME"/` is written for it.
 */
export function shellWord(value: string): string {
  const match = /^((?:file:|[\w.-]+=)?)~\/(.*)$/s.exec(value);
  if (match?.[1] === undefined || match[2] === undefined) return quoted(value);
  const rest = match[2] === '' ? '' : quoted(match[2]);
  return match[1] === '' ? `~/${rest}` : `${match[1]}"$HOME"/${rest}`;
}
