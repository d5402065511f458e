import { SoakError } from './errors.ts';
import { quoted } from './quoted.ts';

/** Environment variables that a server's token is taken from, the first that is set. */
export const TOKEN_VARIABLES = ['KERNEL_SOAK_TOKEN', 'JUPYTER_TOKEN'] as const;

/** @throws SoakError `bad-server-url` */
export function serverUrl(text: string): string {
  const bad = (reason: string, remedy: string) =>
    new SoakError('bad-server-url', `--server-url ${quoted(withoutSecrets(text))} ${reason}.`, {
      remedy,
    });
  if (!URL.canParse(text)) throw bad('is no address', 'Give one such as http://127.0.0.1:8888/.');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw bad('is neither http nor https', 'Give one such as http://127.0.0.1:8888/.');
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw bad(
      'has more than an address in it',
      `Leave out what follows the path and any user name. The token belongs in the environment variable ${TOKEN_VARIABLES[0]}, where no list of processes shows it.`,
    );
  }
  const path = url.pathname.replace(/\/(?:lab|tree)\/?$/, '/');
  return `${url.origin}${path.endsWith('/') ? path : `${path}/`}`;
}

/** An address as an error message may show it. */
function withoutSecrets(text: string): string {
  return text.replace(/[?#].*$/s, '?…').replace(/\/\/[^/@]*@/, '//…@');
}
