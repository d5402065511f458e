import { z } from 'zod';

/** What an arm changes in the packages of its overlay. Comments and docstrings do not count. */
export const armChangeSchema = z.object({
  /** Files that differ from the installed ones, by path in the overlay, sorted. */
  files: z.array(z.string()),
  /** Files among them with a changed module-level statement, which a kernel executes when it loads the file. */
  modules: z.array(z.string()),
  /** Functions that differ, `path qualified.name`. */
  functions: z.array(z.string()),
});
export type ArmChange = z.infer<typeof armChangeSchema>;

/**
 * The parts of its arm's change that a run's kernel did not execute, up to its end. An empty object: it executed all.
 */
export const runChangeSchema = z.object({
  /** Changed files that it did not load. */
  notLoaded: z.array(z.string()).min(1).optional(),
  /** Changed functions that it did not call. */
  notCalled: z.array(z.string()).min(1).optional(),
});
export type RunChange = z.infer<typeof runChangeSchema>;

/** Whether a change has no effect: every file parses to the same as the installed one. */
export function isInertChange({ modules, functions }: ArmChange): boolean {
  return modules.length === 0 && functions.length === 0;
}

/**
 * Whether a run executed any part of its arm's change: a changed function, or a changed module-level statement. For an
 * inert change: whether it loaded a changed file.
 */
export function isChangeExecuted(change: ArmChange, run: RunChange): boolean {
  const isIn = (all: readonly string[], without: readonly string[] = []) =>
    all.some((each) => !without.includes(each));
  if (isInertChange(change)) return isIn(change.files, run.notLoaded);
  return isIn(change.functions, run.notCalled) || isIn(change.modules, run.notLoaded);
}
