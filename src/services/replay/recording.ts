/**
 * A recording: what guests sent and got, what the world outside answered, and what was decided, each with its
 * time, as lines of JSON. The first line says how the network was made.
 * @module
 */
import type { NetworkOptions } from '../network/network.ts';
import type { AuditLine } from '../policy/audit.ts';
import type { PolicyOptions } from '../policy/read.ts';

/** The form of what follows. */
export const VERSION = 1;

/** The first line. */
export interface RecordingHead {
  readonly recording: 'tunstack network';
  readonly version: number;
  /** Of the gateway's randomness. */
  readonly seed: number;
  /** What can be written of the options, the resolvers that were asked included. */
  readonly options: NetworkOptions;
  /** What led to the host itself, as it is closed to guests; left out: what is closed where it is played. */
  readonly host?: readonly string[];
}

/** What happened; `t` is microseconds from the beginning. Bytes are in base64. */
export type RecordedEvent = { readonly t: number } /** The network was made. */ & (
  | { readonly made: true }
  | { readonly plug: number; readonly name: string }
  | { readonly unplug: number }
  /** A frame from a guest, by the number of its port. */
  | { readonly in: number; readonly bytes: string }
  /** One to a guest. */
  | { readonly out: number; readonly bytes: string }
  /** A flow was dialled: the world's answer is `open` or `fail` with that number, then `data`, `end`, `close`. */
  | { readonly dial: number; readonly to: string }
  | { readonly open: number }
  | { readonly fail: number; readonly code: string }
  | { readonly data: number; readonly bytes: string }
  | { readonly end: number }
  | { readonly close: number; readonly code?: string }
  /** A resolver was asked; its answer, or the code of the failure. */
  | { readonly ask: number; readonly query: string }
  | { readonly answer: number; readonly bytes?: string; readonly code?: string }
  | { readonly policy: PolicyOptions }
  | { readonly audit: AuditLine }
);

/** Read the text of a recording. Throws with the number of the line that is none. */
export function readRecording(text: string): {
  readonly head: RecordingHead;
  readonly events: readonly RecordedEvent[];
} {
  const lines = text.split('\n').filter((line) => line !== '');
  const parsed = lines.map((line, i) => {
    try {
      return JSON.parse(line) as unknown;
    } catch {
      // The last line may have been cut by the end of the process that wrote it.
      if (i === lines.length - 1) return undefined;
      throw new Error(`line ${i + 1} of the recording is no JSON`);
    }
  });
  const [head, ...events] = parsed as [RecordingHead | undefined, ...RecordedEvent[]];
  if (head?.recording !== 'tunstack network')
    throw new Error('this is no recording of tunstack network');
  if (head.version !== VERSION) {
    throw new Error(`the recording is of version ${head.version}, and this reads ${VERSION}`);
  }
  return { head, events: events.filter((event) => event !== undefined) };
}

export const encodeBytes = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

export const decodeBytes = (text: string): Buffer => Buffer.from(text, 'base64');
