import { PUBLISHED_ENVIRONMENT } from '../../arms/arm-words.ts';
import { type Exclusion, option } from '../row.ts';
import { repeated, text } from '../value-types.ts';

/** Of options that install packages. */
const WITHOUT_ENV: Exclusion = {
  options: ['env'],
  because: '--env uses an environment as it is',
  remedy:
    "Leave out --env, or let every arm be a copy of that environment: --arm env:PATH --arm 'env:PATH + NAME==VERSION'.",
};

/** What kernels run on: the Python, the packages, or an environment that is there. */
export const ENVIRONMENT_ROWS = [
  option({
    flags: '--python <exe>',
    type: text('path-or-command'),
    help: 'interpreter to make the kernel environment from',
    group: 'Kernels',
    commands: {
      run: {},
      tune: {},
      bisect: {},
      locate: {},
      diagnose: {},
      exec: {},
      mechanism: {},
      doctor: {},
      'arms show': {},
      'arms same': { help: 'interpreter whose pip fetches the releases' },
      'arms install': {},
    },
    excludes: [
      {
        options: ['env'],
        because: '--python makes a new environment, and --env names one that exists',
      },
    ],
  }),
  option({
    flags: '--env <exe>',
    type: text('path-or-command'),
    help: 'use this environment as it is: its interpreter or its folder',
    group: 'Kernels',
    commands: {
      run: {},
      tune: {},
      locate: {},
      diagnose: {
        help: 'your environment, used as it is: its interpreter or its folder',
        defaultWords: "that of the notebook's kernel, else one that soak makes",
      },
      exec: {},
      mechanism: {},
      doctor: { help: 'the environment to look at: its interpreter or its folder' },
      kernels: {
        help: 'the Python whose environment is searched too',
        defaultWords: 'the first on the path',
      },
      'arms show': {},
      'arms install': {},
    },
    publishedAs: PUBLISHED_ENVIRONMENT,
  }),
  option({
    flags: '--with <package>',
    field: 'withPackages',
    type: repeated(),
    help: 'give every arm this package, such as pandas==2.3.3, or pandas for the version that is resolved now and recorded; repeatable',
    group: 'Kernels',
    commands: {
      run: {},
      tune: {},
      bisect: {},
      locate: {},
      diagnose: {},
      exec: {},
      'arms show': {},
      'arms install': {},
    },
    excludes: [WITHOUT_ENV],
  }),
  option({
    flags: '--requirements <file>',
    field: 'requirementFiles',
    type: repeated('path'),
    help: "give every arm a file's packages: requirements.txt, uv.lock, poetry.lock, pylock.toml, pixi.lock or conda's environment.yml; repeatable",
    group: 'Kernels',
    commands: {
      run: {},
      tune: {},
      bisect: {},
      locate: {},
      diagnose: {},
      exec: {},
      'arms show': {},
      'arms install': {},
      init: { help: 'file of that repository whose packages every arm gets; repeatable' },
    },
    excludes: [WITHOUT_ENV],
  }),
] as const;
