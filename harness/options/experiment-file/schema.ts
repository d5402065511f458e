import { z } from 'zod';
import { attributeOf, longName, type OptionRow } from '../row.ts';
import { OPTIONS, rowsOf } from '../table.ts';

/** A key of an experiment file, and the option of `soak run` that it stands for. */
export interface ExperimentKey {
  readonly key: string;
  readonly row: OptionRow;
  /** Commander's name of the option that its values go to. */
  readonly attribute: string;
  readonly isList: boolean;
}

/** The keys of an experiment file: what `soak run` takes, but for what belongs to a call. */
export function experimentKeys(table: readonly OptionRow[] = OPTIONS): ExperimentKey[] {
  return rowsOf('run', table)
    .filter(({ inFile }) => inFile !== false)
    .map((row) => ({
      key: row.inFile === undefined || row.inFile === false ? longName(row) : row.inFile,
      row,
      // Arms go to --arm, one by one: their folders' names may have commas.
      attribute: longName(row) === 'arms' ? 'arm' : attributeOf(row),
      isList: row.type.isList === true || row.type.isRepeatable === true,
    }));
}

/**
 * What a file may hold. Types only: what an option makes of its value, ranges included, is the option's to say,
 * and said with the line of the file.
 */
export function experimentFileSchema(keys: readonly ExperimentKey[]): z.ZodType<Record<string, unknown>> {
  return z
    .strictObject({
      $schema: z.string().optional().describe('Address of this schema, for editors.'),
      ...Object.fromEntries(
        keys.map(({ key, row }) => [key, row.type.inFile.optional().describe(description(row))]),
      ),
    })
    .describe('An experiment of kernel-soak: soak run FILE. Paths are relative to the file.');
}

/** The published form (arms/experiments/experiment.schema.json). */
export function experimentJsonSchema(keys: readonly ExperimentKey[]): string {
  const schema = z.toJSONSchema(experimentFileSchema(keys), {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      // The largest whole number that JavaScript can hold is no limit of an experiment.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return `${JSON.stringify({ title: 'kernel-soak experiment', ...schema }, null, 2)}\n`;
}

function description(row: OptionRow): string {
  if (longName(row) === 'arms') {
    return 'The arms: names, folders or files (relative to this file), releases such as ipykernel==7.4.0, or LABEL=ARM.';
  }
  return row.help;
}
