import { ENDPOINTS } from '../../model/endpoint.ts';
import { option } from '../row.ts';
import { durationType, memorySizeType } from '../special-types.ts';
import { oneOf, someOf, text } from '../value-types.ts';

const EXPECTED_BEFOREHAND =
  'the outputs that each run is to show: saved (those in the notebook), or an executed notebook';

/** The question that is put to every run, its limits, and what a run is compared with. */
export const ENDPOINT_ROWS = [
  option({
    flags: '--endpoint <name>',
    type: oneOf(ENDPOINTS),
    help: `the event that is counted: ${ENDPOINTS.join(', ')}`,
    defaultWords: 'wedged; stalled for arms that change the client',
    group: 'Experiment',
    commands: {
      run: {},
      tune: { defaultWords: 'wedged' },
      bisect: { defaultWords: 'wedged' },
      locate: { defaultWords: 'wedges, stalls and lost messages together' },
      plan: {
        help: `the event that is planned for: ${ENDPOINTS.join(', ')}`,
        defaultWords: "the pilot's, else wedged",
      },
      report: {
        help: 'count the runs for another endpoint than the experiment, exploratory and without a verdict',
        defaultWords: null,
      },
    },
  }),
  option({
    flags: '--slow-after <time>',
    field: 'slowAfterMs',
    type: durationType,
    help: 'a cell that takes so long is slow, such as 5s or 250ms; below --timeout',
    group: 'Experiment',
    commands: { run: {}, tune: {}, bisect: {}, locate: {}, diagnose: {}, plan: {}, report: {} },
  }),
  option({
    flags: '--memory-above <size>',
    field: 'memoryAboveBytes',
    type: memorySizeType,
    help: "the event memory: the kernel's processes hold more than this, such as 2GiB or 500MB",
    group: 'Experiment',
    commands: { run: {}, tune: {}, bisect: {}, locate: {}, diagnose: {}, plan: {}, report: {} },
  }),
  option({
    flags: '--also <list>',
    type: someOf(ENDPOINTS),
    help: 'count these endpoints too, in the same runs and without a verdict',
    group: 'Decision',
    commands: { run: {} },
  }),
  option({
    flags: '--expect <outputs>',
    type: text('path-or-command'),
    help: 'the outputs that each run is to show: saved (those in the notebook), an executed notebook, or reference (what most runs of control show)',
    defaultWords: 'saved, with --endpoint lost-output',
    group: 'Notebook and traffic',
    commands: {
      run: {},
      tune: { help: EXPECTED_BEFOREHAND },
      bisect: { help: EXPECTED_BEFOREHAND },
      locate: {},
      diagnose: {
        help: 'the outputs that each run is to show: saved (those in the notebook), an executed notebook, or reference (what most runs of the same way show)',
        default: 'reference',
        defaultWords: 'reference',
      },
    },
    excludes: [
      {
        value: 'reference',
        options: ['untilDecided'],
        because: 'what most runs of control show is known only after the last one',
        remedy: 'Give --runs in its place, or --expect saved.',
      },
    ],
  }),
  option({
    flags: '--sanitize <file>',
    type: text('path'),
    help: "more rules of what may differ between outputs, in nbval's format: sections of regex: and replace:",
    group: 'Notebook and traffic',
    commands: { run: {}, tune: {}, bisect: {}, locate: {}, diagnose: {} },
  }),
] as const;
