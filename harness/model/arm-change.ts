import { z } from 'zod';

/** What an arm changes of the packages in its overlay, as parsed: comments and docstrings are no change. */
export const armChangeSchema = z.object({
  /** Files that differ from the installed ones, by path in the overlay, sorted. */
  files: z.array(z.string()),
  /** Those of them whose own statements differ, which a kernel executes when it loads them. */
  modules: z.array(z.string()),
  /** Functions that differ, `path qualified.name`. */
  functions: z.array(z.string()),
});
export type ArmChange = z.infer<typeof armChangeSchema>;

/**
 * Which parts of its arm's change a run's kernel did not execute, up to its end. An empty object is the record that
 * it executed all of them.
 */
export const runChangeSchema = z.object({
  /** Changed files that it did not load. */
  notLoaded: z.array(z.string()).min(1).optional(),
  /** Changed functions that it did not call. */
  notCalled: z.array(z.string()).min(1).optional(),
});
export type RunChange = z.infer<typeof runChangeSchema>;

/** Whether a change has no effect: every file parses as the installed one does. */
export function isInertChange({ modules, functions }: ArmChange): boolean {
  return modules.length === 0 && functions.length === 0;
}

/**
 * Whether a run executed anything of its arm's change: a changed function, or a module whose own statements differ.
 * Of an inert change: whether it loaded a file of it.
 */
export function isChangeExecuted(change: ArmChange, run: RunChange): boolean {
  const isIn = (all: readonly string[], without: readonly string[] = []) =>
    all.some((each) => !without.includes(each));
  if (isInertChange(change)) return isIn(change.files, run.notLoaded);
  return isIn(change.functions, run.notCalled) || isIn(change.modules, run.notLoaded);
}
