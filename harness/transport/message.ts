/** Header of a Jupyter message (jupyter_client, messaging.rst, "General message format"). */
export interface MessageHeader {
  readonly msg_id: string;
  readonly msg_type: string;
  readonly session?: string;
  readonly [key: string]: unknown;
}

/** A decoded and verified message. */
export interface Message {
  readonly header: MessageHeader;
  /** Empty object when the message has no parent. */
  readonly parent_header: Partial<MessageHeader>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, unknown>>;
  readonly buffers: readonly Buffer[];
}

/** The four JSON parts of a message as received. Each may have any type. */
export interface MessageParts {
  readonly header: unknown;
  readonly parentHeader: unknown;
  readonly metadata: unknown;
  readonly content: unknown;
}

/** An accepted message with its departures from the protocol, or the reason for its rejection. */
export type ReadParts =
  | {
      readonly ok: true;
      readonly message: Message;
      /** Each once, in the harness's own words; usually empty. */
      readonly deviations: readonly string[];
    }
  | { readonly ok: false; readonly detail: string };

// jupyter_client's jsonutil.ISO8601_PAT, with the time zone that the protocol requires and jupyter_client
// does not.
const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})?$/;
const HEADER_TEXTS = ['msg_id', 'session', 'username', 'date', 'msg_type', 'version'] as const;
const PARENT_TEXTS = ['msg_id', 'session'] as const;
const COUNTED = 'execution_count';

/**
 * Accept a message as jupyter_client 8.10 does (`Session.deserialize`): a header must be an object with a
 * `msg_id` and a `msg_type`, of any type, and the other parts may be anything. So every kernel that a person
 * can use can be soaked, and each oddity is reported by name.
 *
 * Nothing is repaired. A part that is no object has no fields. An id that is no text matches no request. A
 * type that is no text is an unknown type.
 *
 * @param buffers the frames after the JSON
 */
export function readParts(parts: MessageParts, buffers: readonly Buffer[]): ReadParts {
  const { header } = parts;
  if (!isRecord(header)) return { ok: false, detail: `the header is ${kindOf(header)}` };
  for (const field of ['msg_id', 'msg_type'] as const) {
    if (!Object.hasOwn(header, field)) return { ok: false, detail: `the header has no ${field}` };
  }
  const { msg_id, msg_type } = header;
  // A flood has 100,000 messages a second, so a regular message must not cost an extra object.
  const isTold = typeof msg_id === 'string' && typeof msg_type === 'string';
  const parentHeader = recordOf(parts.parentHeader);
  const metadata = recordOf(parts.metadata);
  const content = recordOf(parts.content);
  return {
    ok: true,
    deviations: deviationsOf(parts, header, parentHeader, content),
    message: {
      header: (isTold
        ? header
        : { ...header, msg_id: asText(msg_id), msg_type: asText(msg_type) }) as unknown as MessageHeader,
      parent_header: parentHeader,
      metadata,
      content,
      buffers,
    },
  };
}

const NONE: readonly string[] = [];

/** The parts' departures from the protocol. All regular messages share one empty list. */
function deviationsOf(
  parts: MessageParts,
  header: Readonly<Record<string, unknown>>,
  parentHeader: Readonly<Record<string, unknown>>,
  content: Readonly<Record<string, unknown>>,
): readonly string[] {
  let found: string[] | null = null;
  const add = (deviation: string) => {
    found ??= [];
    found.push(deviation);
  };
  for (const field of HEADER_TEXTS) {
    const value = header[field];
    if (value === undefined) add(`header without ${field}`);
    else if (typeof value !== 'string') add(`header.${field} is ${kindOf(value)}`);
  }
  const { date } = header;
  if (typeof date === 'string') {
    const match = DATE.exec(date);
    if (match === null) add('header.date is not ISO 8601');
    else if (match[1] === undefined) add('header.date without a time zone');
  }
  notAnObject('parent_header', parts.parentHeader, add);
  for (const field of PARENT_TEXTS) {
    const value = parentHeader[field];
    if (value !== undefined && typeof value !== 'string') add(`parent_header.${field} is ${kindOf(value)}`);
  }
  notAnObject('metadata', parts.metadata, add);
  notAnObject('content', parts.content, add);
  if (typeof content[COUNTED] === 'string') add(`${COUNTED} is a text`);
  return found ?? NONE;
}

function notAnObject(name: string, value: unknown, add: (deviation: string) => void): void {
  if (!isRecord(value)) add(`${name} is ${value === undefined ? 'absent' : kindOf(value)}`);
}

/** A part that is no object has no fields. */
function recordOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

/** The type of a JSON value, with its article. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

// A value that is no text must match no id and no type. Its JSON in an array's brackets never does.
function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify([value]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
