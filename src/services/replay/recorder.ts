/**
 * Records a network while it runs: stands around its ports, its sockets to the outside and its resolvers, and
 * writes down what passes, with the seed of all that is drawn, so that it can be played again.
 * @module
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Clock, type Device, SeededRandom } from '../../index.ts';
import { wrong } from '../address.ts';
import { sayBlock } from '../block.ts';
import type { Exchange } from '../dns/exchange.ts';
import { hostResolvers } from '../dns/resolvers.ts';
import { thisHost } from '../gateway/create.ts';
import type { Dialer } from '../gateway/dial.ts';
import type { NetworkOptions } from '../network/network.ts';
import type { AuditLine } from '../policy/audit.ts';
import type { PolicyOptions } from '../policy/read.ts';
import { encodeBytes, type RecordedEvent, type RecordingHead, VERSION } from './recording.ts';
import { TappedDevice } from './tapped-device.ts';

/** An event without its time. */
type Untimed<T = RecordedEvent> = T extends unknown ? Omit<T, 't'> : never;

/** Frames that wait for the gateway to read them. */
const MOST_COMING = 4096;
/** Where the tag of a frame stands. IEEE 802.1Q §9.4. */
const [BEFORE_TAG, TAG_END] = [12, 16];

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | null)?.code ?? 'ERR';

/** Writes a session of a network down, so that `replay` can play it again. */
export class Recorder {
  readonly random: SeededRandom;
  readonly clock: Clock;
  /** When the clock began, in milliseconds since 1970. */
  readonly epoch: number = Date.now();
  readonly #write: (line: string) => boolean;
  readonly #options: NetworkOptions;
  readonly #seed: number;
  /** What the clock has told last, and what it has told the gateway's stack. */
  #last = 0;
  #turn = 0;
  /** Frames from guests, which the gateway has not read: their time is that at which it does. */
  readonly #coming: { port: number; bytes: string; bare: string; at: number }[] = [];
  #ids = 0;
  #ports = 0;
  /** Lines that could not be written: what follows cannot be played. */
  lost = 0;

  /** `write` gives false for a line that it cannot take. */
  constructor(options: NetworkOptions, write: (line: string) => boolean) {
    const began = performance.now();
    this.clock = {
      now: () => {
        this.#last = Math.round((performance.now() - began) * 1000);
        return this.#last;
      },
    };
    this.#seed = randomInt(2 ** 32);
    this.random = new SeededRandom(this.#seed);
    this.#write = write;
    const servers =
      options.dns?.servers ??
      hostResolvers()().map(({ address, port }) =>
        address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      );
    // Only what JSON can say: functions, clocks and sockets are not the network's description.
    this.#options = JSON.parse(
      JSON.stringify({
        ...options,
        dns: { ...options.dns, servers },
        policy: plainPolicy(options.policy),
      }),
    ) as NetworkOptions;
    const head: RecordingHead = {
      recording: 'tunstack network',
      ...{ version: VERSION, seed: this.#seed, options: this.#options },
      host: thisHost().map(sayBlock),
    };
    this.#write(`${JSON.stringify(head)}\n`);
  }

  /** The options, and resolvers as they are now: they stay the same while it is recorded. */
  get options(): NetworkOptions {
    return this.#options;
  }

  /**
   * A device, and what passes it is written down. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` for one with offload:
   * what its header says of a frame, and leaves to do, is not in a recording.
   */
  device(device: Device, name: string): Device {
    if (device.headerLength > 0) {
      throw wrong('device', device.name, 'it has offload; what is recorded is opened without');
    }
    const id = this.#ports++;
    this.#put({ plug: id, name });
    return new TappedDevice(device, {
      read: (bytes) => {
        if (this.#coming.length >= MOST_COMING) this.#tellComing(MOST_COMING, undefined);
        const frame = { port: id, bytes: encodeBytes(bytes), at: this.#last };
        this.#coming.push({ ...frame, bare: bareOf(bytes) ?? frame.bytes });
      },
      written: (bytes) => this.#put({ out: id, bytes: encodeBytes(bytes) }),
      closed: () => {
        this.#tellComing(this.#coming.length, undefined);
        this.#put({ unplug: id });
      },
    });
  }

  /** The network is made now. */
  made(): void {
    this.#put({ made: true });
  }

  /** The clock of the gateway's stack, which it asks when it begins to read, and not again before it has read all. */
  stackClock(clock: Clock): Clock {
    return {
      now: () => {
        this.#turn = clock.now();
        return this.#turn;
      },
    };
  }

  /**
   * The device of the gateway. It judges what it reads by the time at which its turn began; its sequence numbers come
   * of that time, and what guests acknowledge comes of them. What came later than what it reads may be another turn's.
   */
  uplink(device: Device): Device {
    return new TappedDevice(device, {
      read: (bytes) => {
        const frame = encodeBytes(bytes);
        const place = this.#coming.findIndex(({ bare }) => bare === frame);
        this.#tellComing(place + 1, this.#turn);
      },
      written: () => {},
      closed: () => {},
    });
  }

  /**
   * The switch's end of what leads there. Each frame would be handed on as it is written, the clock asked for it, and
   * what the gateway reads next in the same turn be written down with a time by which it did not judge: so a batch is.
   */
  cable(device: Device): Device {
    return new TappedDevice(device, { read: () => {}, written: () => {}, closed: () => {} });
  }

  dialer(dialer: Dialer): Dialer {
    return {
      descriptors: dialer.descriptors,
      connect: async (address, port, caller) => {
        const id = this.#dial(`tcp ${address}:${port}`);
        try {
          const socket = await dialer.connect(address, port, caller);
          this.#watch(id, socket);
          return socket;
        } catch (error) {
          this.#put({ fail: id, code: codeOf(error) });
          throw error;
        }
      },
      open: async (address, port, { received, closed }, patience) => {
        const id = this.#dial(`udp ${address}:${port}`);
        const handler = {
          received: (message: Buffer) => {
            this.#put({ data: id, bytes: encodeBytes(message) });
            received(message);
          },
          closed: (refused: boolean) => {
            this.#put({ close: id, ...(refused && { code: 'ECONNREFUSED' }) });
            closed(refused);
          },
        };
        try {
          const datagrams = await dialer.open(address, port, handler, patience);
          this.#put({ open: id });
          return datagrams;
        } catch (error) {
          this.#put({ fail: id, code: codeOf(error) });
          throw error;
        }
      },
    };
  }

  exchange(exchange: Exchange): Exchange {
    return async (resolver, query, patience, events) => {
      const id = ++this.#ids;
      this.#put({ ask: id, query: encodeBytes(query.subarray(2)) }); // its number is drawn
      try {
        const answer = await exchange(resolver, query, patience, events);
        this.#put({ answer: id, bytes: encodeBytes(answer) });
        return answer;
      } catch (error) {
        this.#put({ answer: id, code: codeOf(error) });
        throw error;
      }
    };
  }

  policy(options: PolicyOptions): void {
    this.#put({ policy: plainPolicy(options) ?? {} });
  }

  audit(line: AuditLine): void {
    this.#put({ audit: line });
  }

  #dial(to: string): number {
    const id = ++this.#ids;
    this.#put({ dial: id, to });
    return id;
  }

  /** What a connection gets is seen where Node hands it to the stream: a listener would make it flow. */
  #watch(id: number, socket: Socket): void {
    const push = socket.push.bind(socket);
    socket.push = (piece: Buffer | null, ...rest: []) => {
      if (piece === null) this.#put({ end: id });
      else if (piece.length > 0) this.#put({ data: id, bytes: encodeBytes(piece) });
      return push(piece, ...rest);
    };
    let code: string | undefined;
    socket.on('error', (error) => {
      code = codeOf(error);
    });
    socket.on('close', () => this.#put({ close: id, ...(code !== undefined && { code }) }));
    this.#put({ open: id });
  }

  /** Write down the first `count` frames that guests have sent: as read at `time`, or when they came. */
  #tellComing(count: number, time: number | undefined): void {
    for (const { port, bytes, at } of this.#coming.splice(0, count)) {
      this.#writeEvent({ t: time ?? at, in: port, bytes });
    }
  }

  #put(event: Untimed): void {
    const { now } = this.clock;
    this.#writeEvent({ t: now(), ...event } as RecordedEvent);
  }

  #writeEvent(event: RecordedEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    if (this.lost > 0 || !this.#write(line)) this.lost++;
  }
}

/** A frame without its tag, as the switch hands it to the gateway; undefined: it has none. */
function bareOf(bytes: Uint8Array): string | undefined {
  const isTagged =
    bytes.length > TAG_END && bytes[BEFORE_TAG] === 0x81 && bytes[BEFORE_TAG + 1] === 0;
  if (!isTagged) return undefined;
  return encodeBytes(Buffer.concat([bytes.subarray(0, BEFORE_TAG), bytes.subarray(TAG_END)]));
}

/** A policy as a file can have it. */
function plainPolicy(policy: PolicyOptions | undefined): PolicyOptions | undefined {
  if (policy === undefined) return undefined;
  const { onFlow: _, rules = [], ...rest } = policy;
  const words = rules.map((rule) =>
    typeof rule === 'string'
      ? rule
      : `${rule.proxy ? 'proxy' : rule.allow ? 'allow' : 'deny'} ${rule.text}`,
  );
  return { ...rest, rules: words };
}
