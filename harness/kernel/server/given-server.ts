import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Kernel, ServerConnection } from '@jupyterlab/services';
import { canonicalJson, sha256 } from '../../model/canonical.ts';
import { deadlineMs, fileWithDeadline, withDeadline } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { publicText } from '../../model/public-text.ts';
import { serverUrl, TOKEN_VARIABLES } from '../../model/server-url.ts';
import type { ConnectionInfo } from '../../transport/connection.ts';
import { ServerPeer } from '../../transport/server-channels.ts';
import { type ServerAddress, serverSettings } from '../../transport/server-settings.ts';
import type { KernelCommand, LaunchOptions, RunningKernel } from '../launch.ts';
import { METADATA_KEY } from './arm-kernelspecs.ts';
import { endOnServer, ServerKernel } from './server-kernel.ts';

const LOOK_EVERY_MS = 10;
const PLACE_ATTEMPTS = 3;
// A session needs the name of a notebook. Nobody reads or writes a file of this name.
const SESSION_NAME = 'kernel-soak.ipynb';

/** What a server reports about a kernelspec. */
export interface ServerKernelspec {
  /** The stamp, if the kernelspec is an installed arm. */
  readonly stamp: string | null;
  readonly language: string;
  readonly displayName: string;
  /** Hash of the entry's canonical JSON. */
  readonly sha256: string;
}

/** A Jupyter Server or gateway that already runs. */
export interface GivenServer {
  readonly address: ServerAddress;
  /** The versions that the server states, under the names `jupyter-server` and `gateway`. */
  readonly versions: Readonly<Record<string, string>>;
  /** The server's kernelspecs. Those of installed arms carry a stamp. */
  readonly kernelspecs: ReadonlyMap<string, ServerKernelspec>;
}

/**
 * Ask a server which versions it runs and which kernels it has.
 *
 * @param text address of a server, of a gateway, or of a user's server on a JupyterHub
 * @throws SoakError `bad-server-url`, `server-unreachable`, `not-a-server`, `server-token`
 */
export async function inspectServer(text: string, env: NodeJS.ProcessEnv): Promise<GivenServer> {
  const url = serverUrl(text);
  const variable = TOKEN_VARIABLES.find((name) => (env[name] ?? '') !== '');
  const address = { url, token: variable === undefined ? '' : (env[variable] ?? '') };
  // jupyverse has no such page and does not state its version.
  const about = await answerOf(address, 'api', { mayLack: true });
  const listed = await answerOf(address, 'api/kernelspecs');
  const specs = (listed['kernelspecs'] ?? null) as Record<string, { spec?: Record<string, unknown> }> | null;
  if (typeof specs !== 'object' || specs === null) throw notAServer(url, 'api/kernelspecs lists none');
  return {
    address,
    versions: {
      ...(typeof about['version'] === 'string' ? { 'jupyter-server': about['version'].slice(0, 80) } : {}),
      ...(typeof about['gateway_version'] === 'string'
        ? { gateway: about['gateway_version'].slice(0, 80) }
        : {}),
    },
    kernelspecs: new Map(
      Object.entries(specs).map(([name, { spec }]) => {
        const metadata = (spec?.['metadata'] ?? {}) as Record<string, { arm?: unknown } | undefined>;
        const stamp = metadata[METADATA_KEY]?.arm;
        return [
          name,
          {
            stamp: typeof stamp === 'string' ? stamp : null,
            language: String(spec?.['language'] ?? '').slice(0, 80),
            displayName: String(spec?.['display_name'] ?? '').slice(0, 120),
            sha256: sha256(canonicalJson(spec ?? {})),
          },
        ];
      }),
    ),
  };
}

function notAServer(url: string, why: string): SoakError {
  return new SoakError('not-a-server', `The program at ${url} is not a Jupyter Server: ${why}.`, {
    remedy:
      'Give the address that you would open in a browser, with its base path, such as https://hub/user/NAME/.',
    exitCode: EXIT_CODES.environment,
  });
}

async function answerOf(
  { url, token }: ServerAddress,
  path: string,
  { mayLack = false } = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${path}`, {
    headers: token === '' ? {} : { Authorization: `token ${token}` },
    redirect: 'manual',
    signal: AbortSignal.timeout(deadlineMs('server-answer')),
  }).catch((error: unknown) => {
    const { message, cause } = error as Error;
    const words = cause instanceof Error && cause.message !== '' ? cause.message : message;
    throw new SoakError('server-unreachable', `No server answers at ${url}: ${publicText(words)}.`, {
      remedy: 'Start it, or correct --server-url. If it uses your own certificate, set NODE_EXTRA_CA_CERTS.',
      exitCode: EXIT_CODES.environment,
      cause: error,
    });
  });
  const refused = response.status === 401 || response.status === 403;
  // A server that wants a login redirects to its form.
  if (refused || (response.status >= 300 && response.status < 400)) {
    await response.body?.cancel();
    throw new SoakError(
      'server-token',
      token === '' ? `The server at ${url} asks for a token.` : `The server at ${url} refuses the token.`,
      {
        remedy: `Set the environment variable ${TOKEN_VARIABLES.join(' or ')} to its token.`,
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  if (mayLack && response.status === 404) {
    await response.body?.cancel();
    return {};
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok || typeof body !== 'object' || body === null) {
    throw notAServer(url, `GET ${path} gave status ${response.status}`);
  }
  return body as Record<string, unknown>;
}

/** What the runtime reports when a server has started it (arms/runtime/soak_kernel.py). */
interface LaunchWord {
  readonly pid: number;
  readonly connectionFile: string;
}

/**
 * Starts kernels on a given server. A first kernel, started only as a test, shows whether the server's
 * kernels run on this machine: if they do, the arm's runtime has made its private folder here before the
 * kernel answers.
 */
export class GivenServerKernels {
  readonly #address: ServerAddress;
  readonly #runs: string;
  readonly #startTimeoutMs: number;
  #isHere: Promise<boolean> | null = null;

  /** @param runs folder for the private folders of kernels on this machine */
  constructor(address: ServerAddress, runs: string, startTimeoutMs: number) {
    this.#address = address;
    this.#runs = runs;
    this.#startTimeoutMs = startTimeoutMs;
  }

  /** @throws SoakError `server-launch` */
  async launch({ makeCommand, reaper }: LaunchOptions): Promise<RunningKernel> {
    const { kernelspec: name } = makeCommand('', '');
    if (name === undefined) throw new Error('A server that is there already launches kernelspecs only.');
    this.#isHere ??= this.#areHere(name);
    const isHere = await this.#isHere;
    const address = this.#address;
    const { model, sessionId } = await started(address, name);
    const parts = { address, model, sessionId, stderrTail: () => '' };
    if (!isHere) {
      const command: KernelCommand = { ...makeCommand('', ''), countersPath: null, identityPath: null };
      return new ServerKernel({ ...parts, command, connection: null, folders: [] });
    }
    const folder = this.#folderOf(model.id);
    const word = await within(this.#startTimeoutMs, () => launchWord(folder));
    if (word === null) {
      await endOnServer(address, model.id, sessionId);
      throw launchError(name, 'the process did not begin in time');
    }
    reaper.hold(word.pid, folder);
    return new ServerKernel({
      ...parts,
      command: makeCommand(folder, word.connectionFile),
      connection: JSON.parse(readFileSync(word.connectionFile, 'utf8')) as ConnectionInfo,
      folders: [folder],
      onRemoved: () => reaper.release(word.pid),
    });
  }

  #folderOf(kernelId: string): string {
    return join(this.#runs, `kernel-${kernelId}`);
  }

  async #areHere(name: string): Promise<boolean> {
    // A kernel can wedge before it answers, so several kernels are tried. Wedges themselves are looked for
    // later.
    for (let attempt = 0; attempt < PLACE_ATTEMPTS; attempt += 1) {
      const { model, sessionId } = await started(this.#address, name);
      const peer = new ServerPeer({ settings: serverSettings(this.#address), model });
      const folder = this.#folderOf(model.id);
      try {
        const seen = await within(this.#startTimeoutMs / PLACE_ATTEMPTS, () =>
          launchWord(folder) !== null ? 'here' : peer.answered ? 'answers' : null,
        );
        // The kernel writes its file before it can answer.
        if (seen !== null) return launchWord(folder) !== null;
      } finally {
        await peer.close();
        await endOnServer(this.#address, model.id, sessionId);
        await fileWithDeadline(
          'remove-folder',
          rm(folder, { recursive: true, force: true, maxRetries: 5 }),
          folder,
        );
      }
    }
    throw launchError(name, `${PLACE_ATTEMPTS} kernels of it did not answer in time`);
  }
}

function launchWord(folder: string): LaunchWord | null {
  const path = join(folder, 'launch.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as LaunchWord) : null;
}

/** Call `look` repeatedly until it finds something, for at most `timeoutMs`. */
async function within<Seen>(timeoutMs: number, look: () => Seen | null): Promise<Seen | null> {
  const dueMs = performance.now() + timeoutMs;
  for (;;) {
    const seen = look();
    if (seen !== null || performance.now() >= dueMs) return seen;
    await delay(LOOK_EVERY_MS);
  }
}

/**
 * Variables that a gateway passes to its kernels or decides by, such as KERNEL_USERNAME. The harness's own
 * are left out.
 */
function gatewayVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => /^KERNEL_(?!SOAK_)\w+$/.test(entry[0]) && entry[1] !== undefined,
    ),
  );
}

/** A kernel that a server started. */
interface StartedKernel {
  readonly model: Kernel.IModel;
  /**
   * The kernel's session. Some servers, such as jupyverse, start a kernel only with a session. Ending the
   * session ends both.
   */
  readonly sessionId?: string;
}

/**
 * @throws SoakError `server-launch` with the server's own reason; DeadlinePassed when the server does not
 *   answer
 */
function started(address: ServerAddress, name: string): Promise<StartedKernel> {
  return withDeadline('server-launch', startedAtLast(address, name), {
    who: `${name}:`,
    onLate: ({ model, sessionId }) => void endOnServer(address, model.id, sessionId).catch(() => {}),
  });
}

const METHOD_NOT_ALLOWED = 405;

async function startedAtLast(address: ServerAddress, name: string): Promise<StartedKernel> {
  const env = gatewayVariables(process.env);
  const post = async (path: string, body: object) => {
    const response = await ServerConnection.makeRequest(
      `${address.url}${path}`,
      { method: 'POST', body: JSON.stringify(body) },
      serverSettings(address),
    ).catch((error: unknown) => {
      throw launchError(name, (error as Error).message, error);
    });
    return { response, answer: (await response.json().catch(() => null)) as Record<string, unknown> | null };
  };
  const first = await post('api/kernels', { name, ...(Object.keys(env).length === 0 ? {} : { env }) });
  const takesSessions = first.response.status === METHOD_NOT_ALLOWED;
  const { response, answer } = takesSessions
    ? await post('api/sessions', {
        kernel: { name },
        name: SESSION_NAME,
        path: SESSION_NAME,
        type: 'notebook',
      })
    : first;
  const model = takesSessions ? ((answer?.['kernel'] ?? null) as Record<string, unknown> | null) : answer;
  if (response.status === 201 && typeof model?.['id'] === 'string') {
    const sessionId = takesSessions ? answer?.['id'] : undefined;
    return {
      model: model as unknown as Kernel.IModel,
      ...(typeof sessionId === 'string' ? { sessionId } : {}),
    };
  }
  const words = [answer?.['reason'], answer?.['message']].filter(
    (word) => typeof word === 'string' && word !== '',
  );
  throw launchError(name, words.length > 0 ? words.join(' ') : `status ${response.status}`);
}

function launchError(name: string, why: string, cause?: unknown): SoakError {
  return new SoakError(
    'server-launch',
    `The server did not start the kernel ${name}: ${publicText(why.slice(0, 500).replace(/\.$/, ''))}.`,
    {
      remedy:
        'Its log may say more. It is given every environment variable named KERNEL_…, such as KERNEL_USERNAME.',
      exitCode: EXIT_CODES.environment,
      cause,
    },
  );
}
