import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { armRequirements, ensureEnvironment } from '../../harness/kernel/environment/index.ts';
import type { KernelCounter } from '../../harness/model/arm.ts';
import { installedIpykernel } from '../testing/test-environment.ts';

/** An arm under which the wedge disappears for a wrong reason. */
export interface AdversarialArm {
  readonly name: string;
  /** Why no run, or hardly one, wedges. */
  readonly description: string;
  readonly engagement?: KernelCounter;
  /** Its environment, where the wedge disappears by that. */
  readonly requirements?: readonly string[];
  /** Texts that are replaced, by file of ipykernel; `null` in the place of a text: a file that is added. */
  readonly edits: readonly { readonly file: string; readonly from: string | null; readonly to: string }[];
  /** What has to be said of it. */
  readonly withheld: 'exposure' | 'competing-events' | 'never-in' | 'not-engaged';
}

/** The deadline of a request that the arms which are late go by, seconds. */
export const DEADLINE_SECONDS = 10;

const SEND = '        self._shell_socket.send_multipart(msg)\n\n    def _stop_subshell';
const EXECUTE = '        stop_on_error = content.get("stop_on_error", True)\n';

/** After the raw reply these lines, and then the re-arm, so that no request is left unread. */
function afterReply(...lines: readonly string[]) {
  return [
    {
      file: 'subshell_manager.py',
      from: SEND,
      to: SEND.replace(
        '\n\n',
        `\n        import os\n        from ipykernel.kernelbase import Kernel\n        stream = Kernel.instance().shell_stream\n${lines.map((line) => `        ${line}\n`).join('')}\n`,
      ),
    },
  ];
}

const REARM = 'self._shell_channel_io_loop.add_callback(lambda: stream._handle_events(stream.socket, 0))';
// Beside the counters, which are kept where the loop's own `add_callback` is used.
const REARM_UNSEEN =
  'self._shell_channel_io_loop.asyncio_loop.call_soon(lambda: stream._handle_events(stream.socket, 0))';

/** Before the tenth reply of nearly every run this line; a re-arm follows each reply that is sent. */
function atTenthReply(line: string) {
  const lines = [
    'import os',
    'self.replies = getattr(self, "replies", 0) + 1',
    `if self.replies == 10 and os.urandom(1)[0] < 248: ${line}`,
  ];
  return afterReply(REARM).map((edit) => ({
    ...edit,
    to: `${lines.map((each) => `        ${each}\n`).join('')}${edit.to}`,
  }));
}

/** Before the fifth cell of nearly every run these lines; the others are cured by the re-arm. */
function atFifthCell(...lines: readonly string[]) {
  const inserted = lines.map((line) => `            ${line}\n`).join('');
  return [
    ...afterReply(REARM),
    {
      file: 'kernelbase.py',
      from: EXECUTE,
      to: `${EXECUTE}        if self.execution_count == 4 and os.urandom(1)[0] < 248:\n${inserted}`,
    },
  ];
}

const PUBLISH =
  '        data = {} if data is None else data\n        metadata = {} if metadata is None else metadata\n';
/** The widget tells the front end whose output it catches. */
const CATCHES = 'msg_type == "comm_msg" and (data or {}).get("state", {}).get("msg_id")';
const UNCALLED = {
  file: 'ipkernel.py',
  from: '        """Handle code inspection."""\n',
  to: '        """Handle code inspection."""\n        self.log.debug("never called under this traffic")\n',
};

/** Changes each of which ends the wedges of ipykernel 7.3.0 and none of which mends anything. */
export const ADVERSARIAL_ARMS: readonly AdversarialArm[] = [
  {
    name: 'no-widgets',
    description: 'widgets send nothing, so that the front end has nothing to mirror',
    edits: [{ file: 'comm/comm.py', from: PUBLISH, to: `        return\n${PUBLISH}` }],
    withheld: 'exposure',
  },
  {
    name: 'no-cells',
    description: 'no code of a cell is executed, and each is answered as if it had been',
    edits: [
      {
        file: 'kernelbase.py',
        from: '        reply_content = self.do_execute(**do_execute_args)\n',
        to: '        async def done():\n            return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}\n\n        reply_content = done()\n',
      },
    ],
    withheld: 'exposure',
  },
  {
    name: 'no-outputs',
    description: 'nothing is printed or displayed, so that there is nothing to mirror',
    edits: [
      {
        file: 'iostream.py',
        from: '    def write(self, string: str) -> int | None:  # type:ignore[override]\n',
        to: '    def write(self, string: str) -> int | None:  # type:ignore[override]\n        return len(string)\n\n    def write_before(self, string: str) -> int | None:\n',
      },
      {
        file: 'zmqshell.py',
        from: '    def publish(  # type:ignore[override]\n',
        to: '    def publish(self, *args, **kwargs):\n        return None\n\n    def publish_before(  # type:ignore[override]\n',
      },
    ],
    withheld: 'exposure',
  },
  {
    name: 'no-requests',
    description: 'widgets never say what they catch, so that the front end sends no request in a cell',
    edits: [
      { file: 'comm/comm.py', from: PUBLISH, to: `        if ${CATCHES}:\n            return\n${PUBLISH}` },
    ],
    withheld: 'exposure',
  },
  {
    name: 'half-the-requests',
    description: 'every second catch is not said, and a re-arm hides what is left of the wedge',
    edits: [
      {
        file: 'comm/comm.py',
        from: PUBLISH,
        to: `        if ${CATCHES}:\n            BaseComm.catches = getattr(BaseComm, "catches", 0) + 1\n            if BaseComm.catches % 2:\n                return\n${PUBLISH}`,
      },
      ...afterReply(REARM),
    ],
    withheld: 'exposure',
  },
  {
    name: 'dies',
    description: 'nearly every kernel exits at its tenth reply',
    edits: atTenthReply('os._exit(1)'),
    withheld: 'competing-events',
  },
  {
    name: 'late',
    description: 'a cell is answered after its deadline',
    edits: atFifthCell(`time.sleep(${DEADLINE_SECONDS + 1})`),
    withheld: 'competing-events',
  },
  {
    name: 'busy',
    description: 'a cell computes until long after its deadline',
    edits: atFifthCell('end = time.monotonic() + 60', 'while time.monotonic() < end: pass'),
    withheld: 'competing-events',
  },
  {
    name: 'hung',
    description: 'a cell sleeps until long after its deadline',
    edits: atFifthCell('time.sleep(60)'),
    withheld: 'competing-events',
  },
  {
    name: 'fails',
    description: 'a cell raises',
    edits: atFifthCell('code = "1/0"'),
    withheld: 'competing-events',
  },
  {
    name: 'lost-answer',
    description: 'nearly every kernel drops its tenth reply, and a re-arm follows the others',
    edits: atTenthReply('return'),
    withheld: 'competing-events',
  },
  {
    name: 'raises',
    description: 'in nearly every kernel the change raises in the reply path before the tenth reply is sent',
    edits: atTenthReply('raise RuntimeError("a fault of the change")'),
    withheld: 'competing-events',
  },
  {
    name: 'not-called',
    description: 'the wedge ends with the release, and the function that is changed is never called',
    requirements: ['ipykernel==7.4.0'],
    edits: [UNCALLED],
    withheld: 'never-in',
  },
  {
    name: 'not-loaded',
    description: 'the wedge ends with the release, and the file that is changed is never loaded',
    requirements: ['ipykernel==7.4.0'],
    edits: [{ file: 'never_loaded.py', from: null, to: 'def rearm():\n    return None\n' }],
    withheld: 'never-in',
  },
  {
    name: 'counter-zero',
    description: 'a re-arm, where the arm says that it flushes',
    engagement: 'flushes',
    edits: afterReply(REARM),
    withheld: 'never-in',
  },
  {
    name: 'half-engaged',
    description: 'the declared re-arm at every second reply, another one at the others',
    engagement: 'rearms',
    edits: afterReply(
      'self.replies = getattr(self, "replies", 0) + 1',
      `if self.replies % 2: ${REARM}`,
      `else: ${REARM_UNSEEN}`,
    ),
    withheld: 'not-engaged',
  },
];

/** Write the arms as folders that `--arm` takes. @returns their paths, in order */
export async function writeAdversarialArms(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const arm of ADVERSARIAL_ARMS) {
    const { name, description, engagement, requirements, edits } = arm;
    const environment = await ensureEnvironment(
      requirements === undefined ? {} : { requirements: armRequirements({ requirements }) },
    );
    const installed = installedIpykernel(environment).folder;
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    const manifest = {
      role: 'treatment',
      description,
      appliesTo: '>=7.3',
      patch: 'change.patch',
      engagement,
      requirements,
    };
    await writeFile(join(path, 'arm.json'), JSON.stringify(manifest));
    await writeFile(join(path, 'change.patch'), await patchOf(installed, edits));
    paths.push(path);
  }
  return paths;
}

async function patchOf(installed: string, edits: AdversarialArm['edits']): Promise<string> {
  const pieces: string[] = [];
  for (const { file, from, to } of edits) {
    if (from === null) {
      pieces.push(createTwoFilesPatch('/dev/null', `b/ipykernel/${file}`, '', to));
      continue;
    }
    const before = await readFile(join(installed, ...file.split('/')), 'utf8');
    if (before.split(from).length !== 2) throw new Error(`ipykernel/${file} does not have once: ${from}`);
    pieces.push(
      createTwoFilesPatch(
        `a/ipykernel/${file}`,
        `b/ipykernel/${file}`,
        before,
        before.replace(from, () => to),
      ),
    );
  }
  return pieces.join('');
}
