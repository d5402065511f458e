import type { Option } from 'commander';
import { z } from 'zod';
import { CLIENTS } from '../../model/client.ts';
import { LAUNCH_METHODS } from '../../model/launch-method.ts';
import { TRAFFIC_PROFILES } from '../../model/protocol.ts';
import { TRANSPORTS } from '../../model/transport.ts';

/** A key of an experiment file, and the option of `soak run` that it stands for. */
export interface ExperimentKey {
  readonly key: string;
  readonly option: Option;
  readonly isList: boolean;
}

/**
 * Options that belong to one call and not to the experiment: what goes on with a folder, and which part of
 * the experiment is done here.
 */
const NOT_OF_THE_EXPERIMENT = ['help', 'resume', 'shard', 'max-minutes', 'arm'];

/** Options that may be given again and again are lists in a file, and lists are named for several. */
const PLURAL: Readonly<Record<string, string>> = { notebook: 'notebooks', kernel: 'kernels' };

const LISTS = ['arms', 'kernel', 'notebook', 'traffic'];

/** The keys of an experiment file: the options of `soak run`, so that whatever it takes can be in a file. */
export function experimentKeys(options: readonly Option[]): ExperimentKey[] {
  return options
    .filter((option) => !NOT_OF_THE_EXPERIMENT.includes(option.name()))
    .map((option) => ({
      key: PLURAL[option.name()] ?? option.name(),
      option,
      isList: LISTS.includes(option.name()),
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
        keys.map((each) => [each.key, valueSchema(each).optional().describe(description(each))]),
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

function description({ key, option }: ExperimentKey): string {
  if (key === 'arms') {
    return 'The arms: names, folders or files (relative to this file), releases such as ipykernel==7.4.0, or LABEL=ARM.';
  }
  return option.description;
}

function valueSchema({ option, isList }: ExperimentKey): z.ZodType {
  if (option.name() === 'traffic')
    return z.union([z.enum(TRAFFIC_PROFILES), listOf(z.enum(TRAFFIC_PROFILES))]);
  if (isList) return z.union([text(), listOf(text())]);
  switch (option.name()) {
    case 'autopsy':
      return z.union([z.enum(['full', 'none']), z.int().min(1)]);
    case 'launch':
      return z.enum(LAUNCH_METHODS);
    case 'transport':
      return z.enum(TRANSPORTS);
    case 'client':
      return z.enum(CLIENTS);
    case 'client-timeout':
      return z.union([z.enum(['none']), z.int().min(1)]);
  }
  // Without a value it is a switch.
  if (!option.required && !option.optional) return z.boolean();
  switch (/<(.+)>/.exec(option.flags)?.[1]) {
    case 'n':
      return z.int().min(0);
    case 'seconds':
      return z.number().min(0);
    case 'rate':
    case 'level':
      return z.number().min(0).max(1);
    default:
      return text();
  }
}

/** Not numbers: YAML reads 3.10 as 3.1. */
function text() {
  return z.string().min(1);
}

function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(item).min(1, 'it names nothing');
}
