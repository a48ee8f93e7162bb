/**
 * What may stand around the packets of the control channel: nothing, a HMAC (`--tls-auth`) or a cipher
 * (`--tls-crypt`). A wrapping holds keys and no state; what a session has sent and seen is its `Stamps`.
 * @module
 */
import { ReplayWindow } from '../../replay.ts';
import { HEADER } from '../session/packet.ts';

/** Number and time in a wrapped packet, by which a replay is known: each u32, the time in seconds. */
export interface Stamp {
  readonly id: number;
  readonly time: number;
}

export interface Opened {
  /** Acknowledgments, packet id and payload, as `readBody` reads them. */
  readonly body: Uint8Array;
  /** Undefined where the wrapping has none. */
  readonly stamp: Stamp | undefined;
}

/** Keys for the control channel, of one end. */
export interface Wrapping {
  /** Bytes that it adds to header and body. */
  readonly overhead: number;
  /** One packet of the first nine bytes and a body. */
  seal(header: Uint8Array, body: Uint8Array, stamp: Stamp): Uint8Array;
  /** What `packet` holds; undefined if it is cut short or not from who has the key. */
  open(packet: Uint8Array): Opened | undefined;
}

/** Nothing around it: who may speak is left to TLS. */
export const PLAIN: Wrapping = {
  overhead: 0,
  seal(header, body) {
    const packet = new Uint8Array(header.length + body.length);
    packet.set(header);
    packet.set(body, header.length);
    return packet;
  },
  open(packet) {
    if (packet.length < HEADER) return undefined;
    return { body: packet.subarray(HEADER), stamp: undefined };
  },
};

/** Where stamps begin that tell a server of tls-crypt-v2: this client can show its key again (2.6, ssl_pkt.h). */
export const EARLY_NEGOTIATION = 0x0f00_0000;

/** Control packets are few: 96 may come out of order. */
const STAMP_WORDS = 4;

/** The stamps of one session: its own, and those of the peer that were seen. */
export class Stamps {
  #id: number;
  #window = new ReplayWindow(STAMP_WORDS);
  /** The time in the peer's packets: an older one is a replay, a newer one begins again at 1. */
  #time = 0;

  constructor(first = 0) {
    this.#id = first;
  }

  /** The stamp of the next packet. The numbers last for 4 × 10⁹ control packets: no session has as many. */
  next(seconds: number): Stamp {
    this.#id = (this.#id + 1) >>> 0;
    return { id: this.#id, time: seconds >>> 0 };
  }

  /** True the first time that a stamp comes. */
  fresh(stamp: Stamp | undefined): boolean {
    if (stamp === undefined) return true;
    if (stamp.time < this.#time) return false;
    if (stamp.time > this.#time) {
      this.#window = new ReplayWindow(STAMP_WORDS);
      this.#time = stamp.time;
    }
    return stamp.id > 0 && this.#window.accept(0, stamp.id);
  }
}
