/**
 * A hostile host: it has a TUN of its own, any address behind it, and speaks TCP by hand. The kernel routes
 * between it and the stack that is besieged.
 * @module
 */
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { type Device, openTun } from '../../src/index.ts';
import type { Address } from '../../src/stack/base/address.ts';
import { ip, Read } from '../support/packets.ts';
import { optionBytes, tcpPacket } from '../support/segments.ts';

const FIN = 0x01;
const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;
const HOST = '10.86.0.1/16';
/** Packets between two looks at what came back. */
const BATCH = 64;
/** How long an answer to a SYN may take, in milliseconds, and how often one is sent. */
const PATIENCE = 1000;
const TRIES = 5;
const SYN_OPTIONS = optionBytes({ mss: 1460, ws: 7, sackOk: true });

/** One end of a connection, worked by hand. */
export class Puppet {
  readonly source: Address;
  readonly sourcePort: number;
  readonly port: number;
  /** Its next sequence number, and the one that it awaits. */
  seq: number;
  ack = 0;
  isOpen = false;
  isReset = false;
  /** Octets of text that came. */
  got = 0;

  constructor(source: Address, sourcePort: number, port: number) {
    this.source = source;
    this.sourcePort = sourcePort;
    this.port = port;
    this.seq = Math.imul(sourcePort, 7919);
  }
}

/** What a segment of a puppet carries. */
export interface Says {
  /** From its next sequence number on. */
  readonly ahead?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly text?: Uint8Array;
  readonly sack?: readonly (readonly [number, number])[];
}

export class Mallory {
  readonly target: Address;
  /** Resets that came for nobody's connection. */
  resets = 0;
  /** Called for each segment of a puppet's connection. */
  onText: (puppet: Puppet, seq: number, length: number) => void = () => {};
  readonly #device: Device;
  readonly #memory: Uint8Array = new Uint8Array(1 << 20);
  readonly #puppets: Map<number, Puppet> = new Map();
  #sent = 0;

  private constructor(device: Device, target: string) {
    this.#device = device;
    this.target = ip(target);
    device.start({
      memory: this.#memory,
      readable: () => this.#drain(),
      writable: () => {},
      closed: () => {},
    });
  }

  static async open(target: string): Promise<Mallory> {
    const options = { name: 'mallory0', hostAddress: HOST, txQueueLength: 65_536 };
    return new Mallory(await openTun(options), target);
  }

  /** Connections to `port`, opened in order; those that the stack has refused are not among them. */
  async connect(port: number, count: number, window = 65_535): Promise<Puppet[]> {
    const puppets = Array.from({ length: count }, () => {
      const n = this.#puppets.size;
      // 40 000 ports an address.
      const puppet = new Puppet(
        (ip('10.86.1.1') + Math.floor(n / 40_000)) as Address,
        2000 + (n % 40_000),
        port,
      );
      this.#puppets.set(puppet.source * 65_536 + puppet.sourcePort, puppet);
      return puppet;
    });
    for (let at = 0; at < count; at += BATCH) {
      let left = puppets.slice(at, at + BATCH);
      for (let tries = 0; tries < TRIES && left.length > 0; tries++) {
        for (const puppet of left)
          this.#segment(puppet, SYN, puppet.seq, 0, window, undefined, SYN_OPTIONS);
        for (let waited = 0; waited < PATIENCE && left.length > 0; waited++) {
          await pause(1);
          left = left.filter(({ isOpen }) => !isOpen);
        }
      }
    }
    return puppets.filter(({ isOpen }) => isOpen);
  }

  /** A segment of `puppet`'s connection. */
  async say(puppet: Puppet, says: Says): Promise<void> {
    const { ahead = 0, ack = puppet.ack, window = 512, text, sack } = says;
    const options = optionBytes(sack === undefined ? {} : { sack });
    this.#segment(puppet, ACK, (puppet.seq + ahead) | 0, ack, window, text, options);
    if (++this.#sent % BATCH === 0) await turn();
  }

  /** A segment of no connection, from `source`. */
  async knock(
    source: Address,
    sourcePort: number,
    port: number,
    flags: number,
    seq = 1,
  ): Promise<void> {
    this.#segment(new Puppet(source, sourcePort, port), flags, seq, 1, 1024);
    if (++this.#sent % BATCH === 0) await turn();
  }

  /** Reset all that are left. */
  async leave(): Promise<void> {
    for (const puppet of this.#puppets.values()) {
      if (!puppet.isOpen || puppet.isReset) continue;
      this.#segment(puppet, RST | ACK, puppet.seq, puppet.ack, 0);
      if (++this.#sent % BATCH === 0) await pause(1);
    }
    this.#puppets.clear();
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  #segment(
    { source, sourcePort, port }: Puppet,
    flags: number,
    seq: number,
    ack: number,
    window: number,
    text?: Uint8Array,
    options?: readonly number[],
  ): void {
    const bytes = tcpPacket({
      ...{ source, sourcePort, destination: this.target, port, seq, ack, flags, window },
      ...(text && { text }),
      ...(options && { options }),
    });
    this.#memory.set(bytes, 0);
    this.#device.write(0, bytes.length);
  }

  #drain(): void {
    const room = 65_536;
    for (
      let length = this.#device.read(room, room);
      length > 0;
      length = this.#device.read(room, room)
    ) {
      this.#take(new Read(this.#memory.slice(room, room + length)));
    }
  }

  #take(read: Read): void {
    if (read.protocol !== 6) return;
    const at = read.headerLen;
    const [port, own] = [read.view.getUint16(at), read.view.getUint16(at + 2)];
    const seq = read.view.getInt32(at + 4);
    const header = (read.view.getUint8(at + 12) >> 4) * 4;
    const flags = read.view.getUint8(at + 13);
    const length = read.bytes.length - at - header;
    const puppet = this.#puppets.get(read.destination * 65_536 + own);
    if (puppet === undefined || puppet.port !== port) {
      if ((flags & RST) !== 0) this.resets++;
      return;
    }
    if ((flags & RST) !== 0) puppet.isReset = true;
    else if ((flags & SYN) !== 0 && !puppet.isOpen) {
      puppet.isOpen = true;
      puppet.seq = (puppet.seq + 1) | 0;
      puppet.ack = (seq + 1) | 0;
      this.#segment(puppet, ACK, puppet.seq, puppet.ack, 512);
    } else if (length > 0 || (flags & FIN) !== 0) {
      puppet.got += length;
      this.onText(puppet, seq, length);
    }
  }
}
