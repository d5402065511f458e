// What no shell gives a meaning to, wherever it stands in a word; a backslash only on Windows.
const PLAIN = /^[\w@%+=:,./-]+$/;
const PLAIN_WINDOWS = /^[\w@+=:./\\-]+$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * For PowerShell and cmd.exe alike, as far as there is such a word: in double quotes, which are all that cmd.exe has;
 * in single ones, which PowerShell takes literally, where it would replace something within double ones.
 */
function quotedForWindows(text: string): string {
  if (PLAIN_WINDOWS.test(text)) return text;
  return /[$`"]/.test(text) ? `'${text.replaceAll("'", "''")}'` : `"${text}"`;
}

/**
 * A value as one word of a shell: quoted where it has to be, so that a path with spaces, `a;b&c.ipynb` or a
 * placeholder such as `<path>` is never taken apart, for a second command or for a redirection.
 *
 * `~/` at its beginning still stands for the home folder; after a prefix such as `file:` or `LABEL=`, where no
 * shell would replace a tilde, `"$HOME"/` is written for it, and on Windows always.
 *
 * @param platform whose shell: a POSIX one, or on `win32` PowerShell or cmd.exe
 */
export function shellWord(value: string, platform: NodeJS.Platform = process.platform): string {
  const match = /^((?:file:|[\w.-]+=)?)~\/(.*)$/s.exec(value);
  const isWindows = platform === 'win32';
  const quote = isWindows ? quotedForWindows : quoted;
  if (match?.[1] === undefined || match[2] === undefined) return quote(value);
  if (isWindows) return `${match[1]}"$HOME"/${match[2] === '' ? '' : quote(match[2])}`;
  const rest = match[2] === '' ? '' : quote(match[2]);
  return match[1] === '' ? `~/${rest}` : `${match[1]}"$HOME"/${rest}`;
}
