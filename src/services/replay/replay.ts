/**
 * Play a recording against the gateway: the same guests send the same frames at the same time, the same world
 * answers, the clock is the recording's, and what is decided and told must be the same.
 * @module
 */
import { createPipe, type PipeEnd, SeededRandom } from '../../index.ts';
import * as ethernet from '../../stack/wire/ethernet.ts';
import { createNetwork } from '../network/network.ts';
import type { AuditLine } from '../policy/audit.ts';
import { PlayedWorld } from './played-world.ts';
import {
  decodeBytes,
  encodeBytes,
  type RecordedEvent,
  type RecordingHead,
  readRecording,
} from './recording.ts';
import { VirtualTime } from './virtual-time.ts';

/** What came of it. */
export interface Replayed {
  /** Decisions are the same, in the same order, and every guest was told the same. */
  readonly same: boolean;
  /** Seconds that passed in the recording. */
  readonly seconds: number;
  /** Frames that guests sent. */
  readonly sent: number;
  /** Frames that guests got: as recorded, and as played. */
  readonly got: { readonly recorded: number; readonly played: number };
  /**
   * Of the recorded ones, those that came again: byte for byte, but for the clocks that TCP segments carry
   * (RFC 7323 §3), which tell when the process was busy.
   */
  readonly alike: number;
  readonly decisions: { readonly recorded: number; readonly played: number };
  /** The first decision that is another one, as recorded and as played. */
  readonly difference?: { readonly recorded: unknown; readonly played: unknown };
  /** What was dialled or asked, and had not been. */
  readonly surprises: readonly string[];
}

/** Silence after the last line, in microseconds: for what was decided and not yet told. */
const AFTERWARDS = 2_000_000;

/** What a decision is, without the time that it took. */
function decisionOf({ time: _time, ms: _ms, ...rest }: AuditLine): string {
  return JSON.stringify(rest);
}

/** A guest of a recording: frames go in, and what comes out is kept. */
class PlayedGuest {
  readonly got: string[] = [];
  readonly #end: PipeEnd;
  readonly #memory: Uint8Array = new Uint8Array(131_072);

  constructor(end: PipeEnd) {
    this.#end = end;
    end.start({
      memory: this.#memory,
      readable: () => {
        for (let length = end.read(0, 65_536); length > 0; length = end.read(0, 65_536)) {
          this.got.push(encodeBytes(this.#memory.subarray(0, length)));
        }
      },
      writable: () => {},
      closed: () => {},
    });
  }

  send(bytes: Uint8Array): void {
    this.#memory.set(bytes, 65_536);
    this.#end.write(65_536, bytes.length);
    this.#end.flush();
  }

  close(): void {
    void this.#end.close();
  }
}

/**
 * Play the text of a recording. It takes the timers of the process for as long as it runs, so have a process for
 * it. Rejects for what is no recording.
 */
export async function replay(text: string): Promise<Replayed> {
  const { head, events } = readRecording(text);
  const time = new VirtualTime();
  const give = time.take();
  try {
    return await play(time, head, events);
  } finally {
    give();
  }
}

async function play(
  time: VirtualTime,
  { seed, options, host }: RecordingHead,
  events: readonly RecordedEvent[],
): Promise<Replayed> {
  const world = new PlayedWorld(events);
  const played: AuditLine[] = [];
  time.now = events.find((event) => 'made' in event)?.t ?? 0;
  const network = createNetwork({
    ...options,
    ...(host && { thisHost: host }),
    ...{ clock: { now: () => time.now }, random: new SeededRandom(seed) },
    ...{ dialer: world, exchange: world.exchange },
    audit: (line) => played.push(line) > 0,
  });
  await time.settle();
  const guests = new Map<number, PlayedGuest>();
  for (const event of events) {
    // What came of something is written down as it happens, and may stand before what else came in the same turn.
    if ('dial' in event || 'ask' in event || 'out' in event || 'audit' in event) continue;
    await time.pass(Math.max(event.t, time.now));
    if ('plug' in event) {
      const [port, end] = createPipe({ medium: 'ethernet', mtu: network.mtu, limit: 65_536 });
      network.plug(port, { name: event.name });
      guests.set(event.plug, new PlayedGuest(end));
    } else if ('unplug' in event) guests.get(event.unplug)?.close();
    else if ('in' in event) guests.get(event.in)?.send(decodeBytes(event.bytes));
    else if ('policy' in event) await network.replacePolicy(event.policy);
    else world.come(event);
    await time.settle();
  }
  const last = events.at(-1)?.t ?? 0;
  await time.pass(last + AFTERWARDS);
  const result = compare(events, guests, played, last);
  const closing = network.close();
  await time.pass(time.now + AFTERWARDS);
  await closing;
  return { ...result, surprises: world.surprises };
}

function compare(
  events: readonly RecordedEvent[],
  guests: ReadonlyMap<number, PlayedGuest>,
  audit: readonly AuditLine[],
  last: number,
): Omit<Replayed, 'surprises'> {
  const before = events.flatMap((event) => ('audit' in event ? [decisionOf(event.audit)] : []));
  // What was open when the recording ended is not told of there.
  const now = audit.map(decisionOf).slice(0, before.length);
  const wrong = before.findIndex((line, i) => line !== now[i]);
  let [recorded, played, alike, sent] = [0, 0, 0, 0];
  const left = new Map([...guests].map(([port, { got }]) => [port, counted(got)]));
  for (const event of events) {
    if ('in' in event) sent++;
    if (!('out' in event)) continue;
    recorded++;
    const its = left.get(event.out);
    const frame = withoutClock(event.bytes);
    const count = its?.get(frame) ?? 0;
    if (count === 0) continue;
    alike++;
    its?.set(frame, count - 1);
  }
  for (const guest of guests.values()) played += guest.got.length;
  return {
    same: wrong < 0,
    ...{ seconds: last / 1e6, sent, got: { recorded, played }, alike },
    decisions: { recorded: before.length, played: now.length },
    ...(wrong >= 0 && { difference: { recorded: before[wrong], played: now[wrong] } }),
  };
}

/** How often each frame came. */
function counted(frames: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const bytes of frames) {
    const frame = withoutClock(bytes);
    counts.set(frame, (counts.get(frame) ?? 0) + 1);
  }
  return counts;
}

const TCP = 6;
const TIMESTAMPS = 8;
const CHECKSUM = 16;
/** Bytes of a header without options. */
const HEADER4 = 20;
const HEADER6 = 40;

/** Where the TCP segment of a packet at `at` begins; undefined if there is none, or options stand before it. */
function segmentAt(frame: Buffer, at: number): number | undefined {
  const isFour = frame[at] === 0x45 && frame[at + 9] === TCP;
  const isSix = (frame[at] ?? 0) >> 4 === 6 && frame[at + 6] === TCP;
  const segment = at + (isFour ? HEADER4 : HEADER6);
  return (isFour || isSix) && frame.length >= segment + HEADER4 ? segment : undefined;
}

/** A frame whose TCP segment has no timestamps, and no checksum of them. */
function withoutClock(bytes: string): string {
  const frame = decodeBytes(bytes);
  const at = ethernet.payload(new DataView(frame.buffer, frame.byteOffset, frame.length), 0);
  const segment = segmentAt(frame, at);
  if (segment === undefined) return bytes;
  frame.fill(0, segment + CHECKSUM, segment + CHECKSUM + 2);
  const end = Math.min(segment + ((frame[segment + 12] as number) >> 4) * 4, frame.length);
  for (let i = segment + 20; i + 1 < end; ) {
    const kind = frame[i] as number; // the loop has looked
    if (kind === 0) break;
    const length = kind === 1 ? 1 : Math.max(2, frame[i + 1] as number);
    if (kind === TIMESTAMPS) frame.fill(0, i + 2, Math.min(i + length, end));
    i += length;
  }
  return encodeBytes(frame);
}
