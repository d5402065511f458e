/** Where a repository has its workflows. */
export const HOSTS = ['github', 'gitlab'] as const;
export type Host = (typeof HOSTS)[number];

/** What a workflow for another repository is made from. */
export interface WorkflowSettings {
  /** The repository that has kernel-soak: `OWNER/kernel-soak`. */
  readonly repository: string;
  /** Its tag, branch or commit. */
  readonly revision: string;
  /** Path in the other repository, with `/`. `null`: the ipywidgets notebook that comes with kernel-soak. */
  readonly notebook: string | null;
  /** Paths in the other repository, with `/`. */
  readonly requirements: readonly string[];
}

/** A file for another repository. */
export interface WorkflowFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  /** What is left to do, a sentence each. */
  readonly next: readonly string[];
}

/** Nightly arms: the release with the fault that kernel-soak began with, and the first one without it. */
export const EXAMPLE_ARMS = 'ipykernel==7.3.0,ipykernel==7.4.0';

/**
 * The rule of the example: the event in any arm but the reference, deaths in any arm, faults of the harness. The reference
 * may wedge: it shows that the night could see a wedge.
 */
export const EXAMPLE_RULE = 'treatment-event,competing>0.1,invalid>0.1';

/** The options of `soak run` that say what is executed, as words of a shell line. */
export function inputWords({ notebook, requirements }: WorkflowSettings): string[] {
  return [
    ...(notebook === null ? [] : ['--notebook "$NOTEBOOK"']),
    ...requirements.map((_, index) => `--requirements "$REQUIREMENTS${index === 0 ? '' : `_${index + 1}`}"`),
  ];
}

/** The variables that `inputWords` names. */
export function inputVariables({ notebook, requirements }: WorkflowSettings): [string, string][] {
  return [
    ...(notebook === null ? [] : [['NOTEBOOK', notebook] as [string, string]]),
    ...requirements.map((path, index): [string, string] => [
      `REQUIREMENTS${index === 0 ? '' : `_${index + 1}`}`,
      path,
    ]),
  ];
}

/** A value as YAML has it between single quotes. */
export function yamlText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
