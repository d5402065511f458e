import { z } from 'zod';
import { canonicalJson, sha256 } from './canonical.ts';

/** Where the outputs come from that a run is to show: the notebook's own file, another file, or control's runs. */
export const EXPECTED_KINDS = ['saved', 'file', 'reference'] as const;
export type ExpectedKind = (typeof EXPECTED_KINDS)[number];

/** A text that is too long for the journal: what of it can still be compared. */
export const longTextSchema = z.object({
  head: z.string(),
  tail: z.string(),
  /** In UTF-16 units. */
  length: z.number().int().positive(),
  /** Of the whole text. */
  sha256: z.string(),
  /** SHA-256 of its first `PREFIX_CHARACTERS`, twice as many, four times as many, and so on. */
  prefixes: z.array(z.string()),
});
export type LongKeptText = z.infer<typeof longTextSchema>;

export const keptTextSchema = z.union([z.string(), longTextSchema]);
export type KeptText = z.infer<typeof keptTextSchema>;

export const LISTED_TYPES = ['stream', 'display_data', 'execute_result', 'error'] as const;

export const listedOutputSchema = z.object({
  type: z.enum(LISTED_TYPES),
  /** A stream's name, an error's, or the MIME type that a front end would show. */
  name: z.string(),
  /** Sanitised text by MIME type; of an image its size in pixels. */
  parts: z.record(z.string(), keptTextSchema),
});
export type ListedOutput = z.infer<typeof listedOutputSchema>;

export const cellListingSchema = z.object({
  /** In the order in which they are shown, each stream joined and at the place of its first text. */
  outputs: z.array(listedOutputSchema),
  /** Outputs beyond `MAX_LISTED`: how many, and a hash of them. Absent: there are none. */
  more: z.object({ count: z.number().int().positive(), sha256: z.string() }).optional(),
});
/** The outputs of one cell, as they are compared and recorded. */
export type CellListing = z.infer<typeof cellListingSchema>;

/** Outputs of one cell that are listed one by one. */
export const MAX_LISTED = 200;
/** A text of at most so many characters is kept whole. */
export const WHOLE_CHARACTERS = 8_192;
/** Characters that are kept of the beginning and of the end of a longer one. */
export const END_CHARACTERS = 2_048;
/** Length of the first prefix of a long text that is hashed. */
export const PREFIX_CHARACTERS = 1_024;

/** The journal's record of a cell's outputs, written once, before the first run that shows them. */
export const cellOutputsRecordSchema = cellListingSchema.extend({
  type: z.literal('cell-outputs'),
  /** Of the canonical JSON of the listing: `listingHash`. */
  sha256: z.string(),
});
export type CellOutputsRecord = z.infer<typeof cellOutputsRecordSchema>;

/** What the protocol says of the outputs that are expected. */
export const protocolExpectedSchema = z.object({
  kind: z.enum(EXPECTED_KINDS),
  /** Of each notebook, the hash of what each executed cell is to show. Absent: control's runs say it. */
  outputs: z.array(z.array(z.string())).optional(),
  /** Of the rules by which texts are sanitised. */
  rulesSha256: z.string(),
});
export type ProtocolExpected = z.infer<typeof protocolExpectedSchema>;

/** The name of a cell's outputs in a journal. */
export function listingHash({ outputs, more }: CellListing): string {
  return sha256(canonicalJson({ outputs, more }));
}

/** The listing of a journal's record; `null`: it does not have the hash that was recorded with it. */
export function recordedListing({ sha256: stated, outputs, more }: CellOutputsRecord): CellListing | null {
  const listing: CellListing = { outputs, ...(more === undefined ? {} : { more }) };
  return listingHash(listing) === stated ? listing : null;
}

/** A cell's outputs as the journal has them. */
export function cellOutputsRecord(listing: CellListing): CellOutputsRecord {
  const { outputs, more } = listing;
  return {
    type: 'cell-outputs',
    sha256: listingHash(listing),
    outputs,
    ...(more === undefined ? {} : { more }),
  };
}

/** Hash of a text, as `prefixes` of a long one have it: of UTF-16, in which no cut destroys a character. */
export function prefixHash(text: string): string {
  return sha256(Buffer.from(text, 'utf16le'));
}
