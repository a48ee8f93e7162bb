/**
 * Segments of a connection whose numbers are all known, as a peer without fault would send them next, and
 * bent in many ways: numbers, flags, windows, options, and the device's header before them.
 *
 * Text is always what its sequence number says (`text.ts`), so that what arrives can be checked.
 * @module
 */
import { below, type Random, unit } from '../../../src/stack/base/random.ts';
import { diff } from '../../../src/stack/base/seq.ts';
import { Flag, has } from '../../../src/stack/tcp/tcb/flags.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import type { Tcb } from '../../../src/stack/tcp/tcb/tcb.ts';
import * as virtio from '../../../src/stack/wire/virtio.ts';
import { type OptionFields, optionBytes, type Range, tcpPacket } from '../../support/segments.ts';
import type { Rig } from './rig.ts';
import { textAt } from './text.ts';

/** Bits of the header's flags. */
export const Bit = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;
const { FIN, SYN, RST, ACK, URG } = Bit;
/** Octets of text that a segment of an offloading device has at the most. */
export const LONGEST = 65_000;

/** A segment, as it would be if nothing were wrong with it. */
export interface Draft {
  seq: number;
  ack: number;
  flags: number;
  window: number;
  length: number;
  urgent: number;
  options: OptionFields;
}

export class Forge {
  readonly #rig: Rig;
  readonly #random: Random;

  constructor(rig: Rig, random: Random) {
    this.#rig = rig;
    this.#random = random;
  }

  /** What a peer without fault would send next. */
  draft(tcb: Tcb): Draft {
    const opening = tcb.state === State.SYN_SENT;
    return {
      seq: opening ? this.#random.int32() : tcb.rcvNxt,
      ack: tcb.sndNxt,
      flags: opening ? SYN | ACK : ACK,
      window: 60_000,
      length: 0,
      urgent: 0,
      options: opening
        ? this.offers()
        : has(tcb, Flag.TIMESTAMPS)
          ? {
              ts: [
                (tcb.tsRecent + this.#below(2)) | 0,
                (tcb.tsOffset + Math.floor(this.#rig.now / 1000)) | 0,
              ],
            }
          : {},
    };
  }

  make(tcb: Tcb, d: Draft): Uint8Array {
    const start = (d.seq + (d.flags & SYN ? 1 : 0)) | 0;
    return tcpPacket({
      source: tcb.remoteAddress,
      sourcePort: tcb.remotePort,
      destination: tcb.localAddress,
      port: tcb.localPort,
      seq: d.seq,
      ack: d.ack,
      flags: d.flags,
      window: d.window,
      urgent: d.urgent,
      options: this.padded(d.options),
      text: textAt(start, d.length),
      tos: this.#chance(0.1) ? this.#below(4) : 0,
    });
  }

  /** At most 40 bytes of options. */
  padded(options: OptionFields): number[] {
    return optionBytes(options).slice(0, 40);
  }

  offers(): OptionFields {
    return {
      ...(this.#chance(0.9) && { mss: this.#pick(1460, 1460, 536, 48, 1, 0, 65_535) }),
      ...(this.#chance(0.6) && { ws: this.#pick(0, 7, 14, 15, 255) }),
      ...(this.#chance(0.7) && { sackOk: true }),
      ...(this.#chance(0.6) && { ts: [this.#random.int32(), 0] as const }),
      ...(this.#chance(0.05) && { raw: this.#junk(8) }),
    };
  }

  #junk(length: number): number[] {
    return Array.from({ length: 4 * this.#below(length / 4 + 1) }, () => this.#below(256));
  }

  length(tcb: Tcb): number {
    if (this.#rig.offloads && this.#chance(0.3)) return this.#below(LONGEST);
    return this.#pick(1, this.#below(64), tcb.rcvMss, this.#below(1400), 536);
  }

  /** The header of an offloading device before a long segment: right, or hostile. */
  cut(tcb: Tcb): Uint8Array {
    const front = new Uint8Array(12);
    const size = this.#chance(0.8) ? tcb.rcvMss : this.#pick(0, 1, 7, 65_535, this.#below(65_536));
    virtio.write(new DataView(front.buffer), 0, 0, virtio.Gso.TCPV4, 40, size, 0, 0);
    return front;
  }

  /** Mostly none. Never one that says the checksum was verified where the text might be wrong. */
  front(bytes: Uint8Array, { flags }: Draft): Uint8Array | undefined {
    if (!this.#chance(0.05)) return undefined;
    const front = new Uint8Array(12);
    const bits = this.#below(4);
    const kind = this.#pick(0, 1, 3, 4, 5, 0x81, this.#below(256));
    const size = this.#pick(0, 1, 100, 1448, this.#below(65_536));
    const start = this.#pick(20, 20, this.#below(bytes.length + 9));
    const offset = this.#pick(16, 16, 6, this.#below(65_536));
    const hint = this.#pick(40, this.#below(65_536));
    if (flags & SYN && this.#chance(0.5)) return undefined;
    virtio.write(new DataView(front.buffer), 0, bits, kind, hint, size, start, offset);
    return front;
  }

  bend(tcb: Tcb, d: Draft): void {
    const window = Math.max(1, diff(tcb.rcvAdv, tcb.rcvNxt));
    const out = diff(tcb.sndNxt, tcb.sndUna);
    switch (this.#below(16)) {
      case 0: // inside the window, at its edges, beside it
        d.seq = (d.seq + this.#pick(1, this.#below(window), window - 1, window, window + 1, 7)) | 0;
        return;
      case 1: // what was sent before, and more
        d.seq = (d.seq - this.#pick(1, this.#below(3000), this.#below(100_000))) | 0;
        return;
      case 2:
        d.seq = (d.seq + this.#pick(2 ** 31 - 1, -(2 ** 31), this.#random.int32())) | 0;
        return;
      case 3: // parts of what is out
        d.ack = (tcb.sndUna + this.#below(out + 1)) | 0;
        return;
      case 4:
        d.ack = (d.ack + this.#pick(1, -1, this.#below(100_000), -this.#below(100_000))) | 0;
        return;
      case 5:
        d.flags = this.#pick(0, ACK, FIN | ACK, RST, RST | ACK, SYN, SYN | ACK, this.#below(256));
        return;
      case 6:
      case 7:
        d.flags |= FIN;
        return;
      case 8:
        d.window = this.#pick(0, 0, 1, 100, 536, 65_535, this.#below(65_536));
        return;
      case 9:
      case 10:
        d.options = { ...d.options, sack: this.#blocks(tcb, out) };
        return;
      case 11:
        d.options = { ...d.options, ts: this.#stamps(tcb) };
        return;
      case 12:
        d.options = { ...d.options, raw: this.#junk(32) };
        return;
      case 13:
        d.urgent = this.#pick(1, 65_535, this.#below(65_536));
        d.flags |= URG;
        return;
      case 14:
        d.options = { ts: false };
        return;
      default:
        d.length = this.length(tcb);
    }
  }

  /** SACK blocks: of what is out, to the octet; and such as are nowhere. */
  #blocks(tcb: Tcb, out: number): Range[] {
    return Array.from({ length: 1 + this.#below(4) }, () => {
      const wild = this.#chance(0.1);
      const left = wild ? this.#random.int32() : (tcb.sndUna + this.#below(out + 2) - 1) | 0;
      const length = this.#pick(1, this.#below(100), tcb.mss, this.#below(out + 2), -1);
      return [left, (left + length) | 0] as const;
    });
  }

  #stamps(tcb: Tcb): Range {
    const value = (tcb.tsRecent + this.#pick(0, 1, -1, 1000, -1000, 2 ** 31 - 1)) | 0;
    return [value, this.#pick(0, tcb.tsOffset, this.#random.int32())];
  }

  #below(n: number): number {
    return below(this.#random, n);
  }

  #chance(share: number): boolean {
    return unit(this.#random) < share;
  }

  #pick<T>(...from: readonly T[]): T {
    return from[this.#below(from.length)] as T; // `below` stays inside
  }
}
