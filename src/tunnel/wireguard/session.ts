/**
 * A session: the keys that a handshake has made, one for each direction, with their counters. "WireGuard: Next
 * Generation Kernel Network Tunnel", §5.4.5, §5.4.6, §6.1.
 *
 * Counters have 64 bits and are kept as two unsigned halves, so that they are right to the last one.
 * @module
 */
import type { Aead } from '../crypto/aead.ts';
import { ReplayWindow } from '../replay.ts';
import { Limit } from './limits.ts';

/** 256 words of 32 counters, one of them given up: 8160. wireguard-go tells 8128 apart. */
const WINDOW_WORDS = 256;
const HALF = 0x1_0000_0000;

export class Session {
  readonly local: number;
  readonly remote: number;
  /** We began it: it is for us to begin the next. */
  readonly isInitiator: boolean;
  /** When its keys were made. */
  readonly created: number;
  readonly sending: Aead;
  readonly receiving: Aead;
  readonly window: ReplayWindow = new ReplayWindow(WINDOW_WORDS);
  /** The counter of the next packet that is sealed. */
  sendHigh = 0;
  sendLow = 0;
  /** What came, and the counter that the last of it had at most: their difference is what was lost. */
  received = 0;
  #greatest = -1;

  constructor(
    local: number,
    remote: number,
    isInitiator: boolean,
    created: number,
    sending: Aead,
    receiving: Aead,
  ) {
    this.local = local;
    this.remote = remote;
    this.isInitiator = isInitiator;
    this.created = created;
    this.sending = sending;
    this.receiving = receiving;
  }

  /** Whether packets may still be sealed: REJECT_AFTER_TIME, REJECT_AFTER_MESSAGES. */
  maySend(now: number): boolean {
    return (
      now - this.created < Limit.REJECT_AFTER &&
      !(this.sendHigh >= Limit.REJECT_HIGH && this.sendLow >= Limit.REJECT_LOW)
    );
  }

  /** Whether packets may still be opened. */
  mayReceive(now: number): boolean {
    return now - this.created < Limit.REJECT_AFTER;
  }

  /** Whether it is time for another, seen by who sends: REKEY_AFTER_MESSAGES, REKEY_AFTER_TIME. */
  isStale(now: number): boolean {
    if (this.sendHigh >= Limit.REKEY_HIGH) return true;
    return this.isInitiator && now - this.created >= Limit.REKEY_AFTER;
  }

  /** Go on to the next counter. */
  count(): void {
    if (this.sendLow < HALF - 1) this.sendLow++;
    else {
      this.sendLow = 0;
      this.sendHigh++;
    }
  }

  /** Whether a counter is new and within bounds, before anything is opened. */
  allows(high: number, low: number): boolean {
    if (high >= Limit.REJECT_HIGH && low >= Limit.REJECT_LOW) return false;
    return this.window.allows(high, low);
  }

  /** Take the counter of a packet that was opened; false if it came before. */
  accept(high: number, low: number): boolean {
    if (!this.window.accept(high, low)) return false;
    this.received++;
    const counter = high * HALF + low;
    if (counter > this.#greatest) this.#greatest = counter;
    return true;
  }

  /** Packets that the other end has sent and that did not come, or not yet. */
  get missing(): number {
    return Math.max(0, this.#greatest + 1 - this.received);
  }

  wipe(): void {
    this.sending.close();
    this.receiving.close();
  }
}
