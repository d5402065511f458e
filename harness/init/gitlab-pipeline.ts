import {
  EXAMPLE_ARMS,
  EXAMPLE_RULE,
  inputVariables,
  inputWords,
  type WorkflowFile,
  type WorkflowSettings,
  yamlText,
} from './workflow-settings.ts';

/** A nightly job for another repository on GitLab. It is included, because a repository has one `.gitlab-ci.yml`. */
export function gitlabPipeline(settings: WorkflowSettings): WorkflowFile {
  const path = '.gitlab/kernel-soak.yml';
  const { repository, revision } = settings;
  const address = repository.includes('://') ? repository : `https://github.com/${repository}.git`;
  const variables = inputVariables(settings)
    .map(([name, value]) => `    ${name}: ${yamlText(value)}\n`)
    .join('');
  const words = inputWords(settings).map((word) => ` ${word}`);
  const text = `# Written by \`soak init gitlab\`. The file is yours: change what you like. Include it in .gitlab-ci.yml:
#
#   include:
#     - local: ${path}
#
# Every night, on each system: kernels of each arm execute the notebook again and again, in random order. A wedge is a
# kernel that is idle and never answers. The result is in the artifacts, among the tests, and night by night in a history.

kernel-soak:
  stage: test
  # A system a job, each with a history of its own. Debian bookworm has Python 3.11, trixie 3.13. For Windows or macOS give
  # a job the tags of such a runner. It needs Node 20 or later, Python 3.10 or later, git and a bash.
  image: $IMAGE
  parallel:
    matrix:
      - IMAGE: ['node:24-bookworm', 'node:24-trixie']
  rules:
    # A schedule (Build > Pipeline schedules), and the button "New pipeline". Pushes start nothing.
    - if: $CI_PIPELINE_SOURCE == "schedule" || $CI_PIPELINE_SOURCE == "web"
  timeout: 1h
  # A night does not overtake the one before it.
  resource_group: kernel-soak-$CI_JOB_NAME_SLUG
  variables:
    # The arms, with commas. The first one is the reference. An arm is a release (ipykernel==7.4.0), several of them
    # together (ipykernel==7.4.0 + pyzmq==27.1.0), a diff in this repository (my-change.diff), or a name of kernel-soak.
    ARMS: ${yamlText(EXAMPLE_ARMS)}
${variables}    # Runs of each arm.
    RUNS: '30'
    # When the job fails: a wedge in any arm but the reference, more than a tenth of an arm's runs that ended otherwise,
    # such as died, or more than a tenth that were faults of the harness. The reference may wedge. event:NAME>0.05 judges
    # one arm.
    FAIL_ON: ${yamlText(EXAMPLE_RULE)}
    # Nights in the history.
    NIGHTS_KEPT: '60'
    # Where kernel-soak comes from, and which version of it.
    KERNEL_SOAK: ${yamlText(address)}
    KERNEL_SOAK_REVISION: ${yamlText(revision)}
    # Kernel environments and packages, which the cache below keeps.
    KERNEL_SOAK_CACHE: $CI_PROJECT_DIR/.kernel-soak/kernels
    npm_config_cache: $CI_PROJECT_DIR/.kernel-soak/npm
    # Named where a rule is met.
    KERNEL_SOAK_ARTIFACT: $CI_JOB_NAME
  cache:
    key: kernel-soak-$CI_JOB_NAME_SLUG
    # A night that fails is part of the history.
    when: always
    paths:
      - .kernel-soak/kernels
      - .kernel-soak/npm
      - .kernel-soak/nights
  before_script:
    - apt-get update -qq && apt-get install -y -qq python3-venv
    - git clone --quiet "$KERNEL_SOAK" .kernel-soak/source
    - git -C .kernel-soak/source checkout --quiet "$KERNEL_SOAK_REVISION"
    - npm ci --no-audit --no-fund --prefix .kernel-soak/source
  script:
    - node .kernel-soak/source/dist/cli.js run --arms "$ARMS" --runs "$RUNS"${words.join('')} --out evidence --fail-on "$FAIL_ON"
  # Also after a rule was met.
  after_script:
    - test -f evidence/journal.jsonl || exit 0
    - mkdir -p ".kernel-soak/nights/$CI_PIPELINE_ID"
    - cp evidence/journal.jsonl ".kernel-soak/nights/$CI_PIPELINE_ID/"
    - ls -1d .kernel-soak/nights/*/ | sort -t/ -k3nr | tail -n "+$((NIGHTS_KEPT + 1))" | xargs rm -rf
    - node .kernel-soak/source/dist/cli.js history .kernel-soak/nights/*/ --out history
  artifacts:
    when: always
    expire_in: 60 days
    paths:
      - evidence
      - history
    exclude:
      - evidence/resume.json
    reports:
      junit: evidence/junit.xml
`;
  return {
    path,
    text,
    next: [
      ...(repository.startsWith('OWNER/')
        ? [
            'Replace OWNER in the file by the account that has kernel-soak, and KERNEL_SOAK_REVISION by the commit that you want, or write the file again with --from OWNER/kernel-soak@COMMIT --force.',
          ]
        : []),
      `Add to .gitlab-ci.yml: include: [{ local: ${path} }]`,
      'Look at ARMS and FAIL_ON in the file, then make a schedule: Build > Pipeline schedules.',
    ],
  };
}
