import { CLIENTS } from '../../model/client.ts';
import { clientType } from '../client-command.ts';
import { option } from '../row.ts';
import { clientTimeoutType } from '../special-types.ts';
import { text } from '../value-types.ts';

/** What a client of another program has of its own, so that the harness's is not asked. */
const FRONT_END = ['traffic', 'latency', 'prefix', 'tuned', 'pipelineDepth', 'interruptAfter', 'autopsy'];

/** Which program executes the notebooks, where it is, and its own time-out. */
export const CLIENT_ROWS = [
  option({
    flags: '--client <name>',
    type: clientType,
    help: `let this program execute the notebooks, in a process of its own: ${CLIENTS.join(', ')}, or any command with {notebook} and {connection_file} in it`,
    defaultWords: 'the harness itself',
    group: 'Notebook and traffic',
    commands: {
      run: {},
      diagnose: {
        help: `the program that executes the notebook as your CI does: ${CLIENTS.join(', ')}`,
        default: 'nbclient',
        defaultWords: 'nbclient',
      },
    },
    excludes: [{ options: FRONT_END, because: 'the client has its own front end' }],
  }),
  option({
    flags: '--client-timeout <seconds>',
    type: clientTimeoutType,
    help: "the client's own time-out of a cell: whole seconds, or none",
    group: 'Notebook and traffic',
    commands: { run: {}, diagnose: { default: 'none' } },
    default: '6',
    needs: { option: 'client', because: 'it is the time-out of --client', remedy: 'Add --client nbclient.' },
  }),
  option({
    flags: '--client-env <exe>',
    type: text('path-or-command'),
    help: 'take the client from this environment, as it is: its interpreter or its folder',
    defaultWords: 'one that soak makes',
    group: 'Kernels',
    commands: { run: {} },
    publishedAs: '<your environment>',
    needs: {
      option: 'client',
      because: 'it is the environment of --client',
      remedy: 'Add --client nbclient.',
    },
  }),
] as const;
