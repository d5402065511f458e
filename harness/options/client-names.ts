import { CLIENTS, type ClientName } from '../model/client.ts';

/** Names of clients as people write them. What stands for one client alone is taken for it. */

const ALIASES: Readonly<Record<string, ClientName>> = {
  'jupyter-nbconvert': 'nbconvert',
  'jupyter-nbclient': 'nbclient',
  'pytest-nbmake': 'nbmake',
  blockingkernelclient: 'jupyter-client',
};

/** The client of that name, without regard to capitals, spaces and underscores; `null`: it is none. */
export function clientNamed(text: string): ClientName | null {
  const plain = text
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, '-');
  return (
    CLIENTS.find((name) => name === plain) ??
    (Object.hasOwn(ALIASES, plain) ? (ALIASES[plain] ?? null) : null)
  );
}

/** Programs that are none of the clients, but execute notebooks with one of them. */
const EXECUTED_BY: readonly { readonly programs: readonly string[]; readonly client: ClientName }[] = [
  {
    programs: ['jupyter-book', 'jupyter-cache', 'myst-nb', 'nbsphinx', 'quarto', 'testbook', 'voila'],
    client: 'nbclient',
  },
  { programs: ['jupyter-console', 'nbval', 'qtconsole'], client: 'jupyter-client' },
];

const SERVERS = [
  'jupyterlab',
  'jupyter-lab',
  'lab',
  'jupyter-notebook',
  'notebook',
  'jupyter-server',
  'server',
];
const THE_HARNESS = ['direct', 'harness', 'kernel-soak', 'none', 'soak', 'vscode', 'vs-code'];

/**
 * What to give in place of the name of a program that is no client, or of a client's whole command; `null`: nothing is
 * known of it.
 */
export function offeredClient(text: string): string | null {
  const plain = text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-');
  const version = /^(.*?)[-=@~<>]+v?\d[\w.]*$/.exec(plain)?.[1];
  const named = version === undefined ? null : clientNamed(version);
  if (named !== null)
    return `Give the name alone: --client ${named}. The harness has one release of each client.`;
  if (SERVERS.includes(plain)) return 'Give --transport server in place of --client.';
  if (THE_HARNESS.includes(plain))
    return 'Leave out --client: then the harness talks straight to the kernel.';
  for (const { programs, client } of EXECUTED_BY) {
    const program = programs.find((each) => hasName(plain, each));
    if (program !== undefined)
      return `${program} executes notebooks with ${client}: give --client ${client}.`;
  }
  const whole = CLIENTS.find((name) => hasName(plain, name));
  return whole === undefined ? null : `Give the name alone, without its options: --client ${whole}.`;
}

/** Whether a name stands among words that dashes separate. */
function hasName(words: string, name: string): boolean {
  return `-${words}-`.includes(`-${name}-`);
}
