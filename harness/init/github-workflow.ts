import {
  EXAMPLE_ARMS,
  EXAMPLE_RULE,
  inputVariables,
  inputWords,
  type WorkflowFile,
  type WorkflowSettings,
  yamlText,
} from './workflow-settings.ts';

/** GitHub's own actions, pinned as in the workflows of kernel-soak. A test compares them. */
const ACTIONS = {
  checkout: 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1',
  restore: 'actions/cache/restore@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5',
  save: 'actions/cache/save@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5',
  upload: 'actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0',
};

/** A nightly workflow for another repository on GitHub. */
export function githubWorkflow(settings: WorkflowSettings): WorkflowFile {
  const { repository, revision } = settings;
  const variables = inputVariables(settings)
    .map(([name, value]) => `  ${name}: ${yamlText(value)}\n`)
    .join('');
  const words = inputWords(settings);
  const text = `# Written by \`soak init github\`. The file is yours: change what you like.
#
# Every night, on each system: kernels of each arm execute the notebook again and again, in random order. A wedge is a
# kernel that is idle and never answers. The result is in the job summary and in an artifact, night by night in a history.
# The words and options are explained in the documentation of kernel-soak: ${repository}/docs.
name: kernel-soak

on:
  schedule:
    # Minute and hour in UTC. Choose another minute: at full hours GitHub is late.
    - cron: '41 3 * * *'
  # The button "Run workflow", with these inputs.
  workflow_dispatch:
    inputs:
      runs:
        description: Runs of each arm on each system
        default: '30'
      arms:
        description: The arms of this one run, with commas (default - those of the file)
        default: ''

permissions:
  contents: read

# A night does not overtake the one before it.
concurrency:
  group: kernel-soak
  cancel-in-progress: false

defaults:
  run:
    shell: bash

env:
  # The arms, with commas. The first one is the reference. An arm is a release (ipykernel==7.4.0), several of them
  # together (ipykernel==7.4.0 + pyzmq==27.1.0), a diff in this repository (my-change.diff), or a name of kernel-soak.
  ARMS: ${EXAMPLE_ARMS}
${variables}  # When the job fails: a wedge in any arm but the reference, more than a tenth of an arm's runs that ended otherwise, such
  # as died, or more than a tenth that were faults of the harness. The reference may wedge. event:NAME>0.05 judges one arm.
  FAIL_ON: ${EXAMPLE_RULE}
  # Nights in the history.
  NIGHTS_KEPT: '60'

jobs:
  soak:
    name: soak (\${{ matrix.system }}, Python \${{ matrix.python }})
    runs-on: \${{ matrix.system }}
    timeout-minutes: 60
    strategy:
      # One system that fails leaves the others alone.
      fail-fast: false
      matrix:
        # Each is an experiment of its own, with a history of its own.
        system: [ubuntu-latest, windows-latest, macos-latest]
        python: ['3.13']
    env:
      # The artifact's name, which the job summary repeats where a rule is met.
      KERNEL_SOAK_ARTIFACT: kernel-soak-\${{ matrix.system }}-\${{ matrix.python }}
    steps:
      - uses: ${ACTIONS.checkout}
        with:
          persist-credentials: false

      # Installs Node, Python and kernel-soak. Without \`arms\` and \`try\` it runs nothing.
      - id: setup
        uses: ${repository}@${revision}
        with:
          python-version: \${{ matrix.python }}

      - name: Soak
        env:
          CLI: \${{ steps.setup.outputs.cli }}
          GIVEN: \${{ inputs.arms }}
          RUNS: \${{ inputs.runs || '30' }}
        run: >-
          node "$CLI" run
          --arms "\${GIVEN:-$ARMS}" --runs "$RUNS"
          ${[...words, '--python python'].join(' ')}
          --out evidence --fail-on "$FAIL_ON"

      # The history is kept in a cache. Earlier artifacts could only be read with more rights.
      - uses: ${ACTIONS.restore}
        if: \${{ !cancelled() }}
        with:
          path: nights
          key: kernel-soak-nights-\${{ matrix.system }}-\${{ matrix.python }}-\${{ github.run_id }}
          restore-keys: kernel-soak-nights-\${{ matrix.system }}-\${{ matrix.python }}-

      - name: Add the night to those before it
        if: \${{ !cancelled() && steps.setup.outputs.cli != '' }}
        env:
          CLI: \${{ steps.setup.outputs.cli }}
        run: |
          if [ ! -f evidence/journal.jsonl ]; then echo 'There is no evidence: nothing is added.'; exit 0; fi
          mkdir -p "nights/$GITHUB_RUN_ID"
          cp evidence/journal.jsonl "nights/$GITHUB_RUN_ID/"
          ls -1d nights/*/ | sort -t/ -k2nr | tail -n "+$((NIGHTS_KEPT + 1))" | xargs rm -rf
          node "$CLI" history nights/*/ --out history

      # Runs that were started by hand may have other arms: they are not part of the history.
      - uses: ${ACTIONS.save}
        if: \${{ !cancelled() && github.event_name == 'schedule' }}
        with:
          path: nights
          key: kernel-soak-nights-\${{ matrix.system }}-\${{ matrix.python }}-\${{ github.run_id }}

      - uses: ${ACTIONS.upload}
        if: \${{ always() }}
        with:
          name: \${{ env.KERNEL_SOAK_ARTIFACT }}
          path: |
            evidence
            history
            !evidence/resume.json
          if-no-files-found: warn
`;
  return {
    path: '.github/workflows/kernel-soak.yml',
    text,
    next: [
      ...(repository.startsWith('OWNER/')
        ? [
            'Replace OWNER in the file by the account that has kernel-soak, and its tag by the commit that you want, or write the file again with --from OWNER/kernel-soak@COMMIT --force.',
          ]
        : []),
      'Look at ARMS and FAIL_ON in the file.',
      'Commit the file to the default branch: GitHub starts schedules only there. "Run workflow" on the page Actions starts it at once.',
    ],
  };
}
