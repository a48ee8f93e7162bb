/**
 * Who comes to a server first: packets of no session. They are answered without keeping anything, until their sender
 * has shown that it gets what is sent to its address (mudp.c, `do_pre_decrypt_check`).
 *
 * Answers are at most `MOST_ANSWERS` in ten seconds, as OpenVPN's `--connect-freq-initial` has them: a reset is
 * answered with twelve bytes more than it has, and must be of no use to who sends from the address of another.
 * @module
 */
import type { Endpoint } from '../../endpoint.ts';
import type { RandomBytes } from '../../tunnel.ts';
import {
  HEADER,
  header,
  keyId,
  Op,
  opcode,
  readBody,
  SESSION_ID,
  sessionId,
  writeBody,
} from '../session/packet.ts';
import type { Wrapping } from '../wrap/wrap.ts';
import { Cookies } from './cookie.ts';

const WINDOW = 10_000_000;
const NOTHING = new Uint8Array(0);

/** What is to be done with a packet of no session. */
export type Entry =
  /** Nothing; `limited`: it would have been answered. */
  | { readonly kind: 'none' }
  | { readonly kind: 'limited' }
  /** Send this back. */
  | { readonly kind: 'answer'; readonly packet: Uint8Array }
  /** Make a session: the client's id, and ours. The packet is its first. */
  | { readonly kind: 'session'; readonly theirs: Uint8Array; readonly ours: Uint8Array };

const NONE: Entry = { kind: 'none' };

export class Doorman {
  readonly #wrapping: Wrapping;
  readonly #cookies: Cookies;
  readonly #time: number;
  readonly #most: number;
  #windowEnds = 0;
  #answered = 0;

  /** `time`: of the stamps of this server. `most`: answers in ten seconds. */
  constructor(
    wrapping: Wrapping,
    random: RandomBytes,
    handWindow: number,
    time: number,
    most: number,
  ) {
    this.#wrapping = wrapping;
    this.#cookies = new Cookies(random, handWindow);
    this.#time = time;
    this.#most = most;
  }

  /** A control packet of no session came. */
  look(packet: Uint8Array, from: Endpoint, now: number): Entry {
    if (packet.length < HEADER) return NONE;
    const first = packet[0] as number; // longer than a header
    const op = opcode(first);
    if (keyId(first) !== 0) return NONE;
    if (op !== Op.RESET_CLIENT_V2 && op !== Op.CONTROL && op !== Op.ACK) return NONE;
    // Cheaper than the wrapping's HMAC: a flood of resets costs no more than this.
    if (op === Op.RESET_CLIENT_V2 && !this.#may(now)) return { kind: 'limited' };
    const opened = this.#wrapping.open(packet);
    if (opened === undefined) return NONE;
    const theirs = sessionId(packet);
    const body = readBody(op, opened.body);
    if (body === undefined) return NONE;
    if (op === Op.RESET_CLIENT_V2) return body.id === 0 ? this.#answer(theirs, from, now) : NONE;
    // The first packet after the reset, or the acknowledgment of ours alone.
    if (body.id > 1 || body.acked === undefined || body.acked.length !== SESSION_ID) return NONE;
    if (!this.#cookies.isGood(body.acked, theirs, from, now)) return NONE;
    // Who has come through gives its answer back: only those who do not come back count.
    if (this.#answered > 0) this.#answered--;
    // Copies: `slice` of a Buffer, as a wrapping may give, is a view of memory that the next packet lies in.
    return { kind: 'session', theirs: new Uint8Array(theirs), ours: new Uint8Array(body.acked) };
  }

  #may(now: number): boolean {
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW;
      this.#answered = 0;
    }
    return this.#answered < this.#most;
  }

  #answer(theirs: Uint8Array, from: Endpoint, now: number): Entry {
    this.#answered++;
    const ours = this.#cookies.make(theirs, from, now);
    const body = writeBody([0], theirs, 0, NOTHING);
    const head = header(Op.RESET_SERVER_V2, 0, ours);
    // Stamp 1: that of the session which may follow is 2.
    return { kind: 'answer', packet: this.#wrapping.seal(head, body, { id: 1, time: this.#time }) };
  }
}
