/**
 * One key of a session while it is agreed on and used: its reliable packets, its TLS, what both ends said, its data key.
 *
 * Nothing is sent from here: `ControlChannel` asks for what is due. What TLS calls back is kept until it is asked for.
 * @module
 */
import { NEVER } from '../../tunnel.ts';
import type { DataKey } from './data.ts';
import { type KeyMessage, type KeySource, readKeyMessage, wipe } from './key-method.ts';
import { Op } from './packet.ts';
import { Reliable } from './reliable.ts';
import type { TlsBox, TlsMaker, TlsPeer, TlsUser } from './tls.ts';

/** What the other end may say before it is read as a message: longer is no message of OpenVPN's. */
const MOST_SAID = 16_384;
/** Records that wait for the peer to acknowledge those before: a handshake with long chains is a tenth of it. */
const MOST_WAITING = 1 << 20;
const NOTHING = new Uint8Array(0);

/** What comes of what TLS and the peer did since it was asked last. */
export interface KeyStateUser {
  /** The peer's reset came, with what it carries (early negotiation). */
  reset(key: KeyState, payload: Uint8Array): void;
  /** The peer has said what key method 2 says. */
  message(key: KeyState, message: KeyMessage): void;
  /** A string without its NUL, printable. */
  text(key: KeyState, text: string): void;
}

export class KeyState implements TlsUser {
  readonly keyId: number;
  readonly reliable: Reliable;
  /** When the handshake must be done. */
  readonly until: number;
  /** What we said, and what the other end said, until keys are made of it. */
  ours: KeySource | undefined;
  theirs: KeySource | undefined;
  peer: TlsPeer | undefined;
  /** Ours is said, and acknowledged; theirs is known. */
  isActive = false;
  /** Server: who is there may use it. A client asks nobody. */
  isAuthorized = false;
  /** When it became active. */
  established: number = NEVER;
  /** When it is given up, with another in its place. */
  dies: number = NEVER;
  data: DataKey | undefined;
  /** A packet that the peer sealed with it was opened: the peer has it. */
  isHeard = false;
  /** Why it is of no use; undefined while it is. */
  failure: string | undefined;
  /** Said to the other end, once TLS lets us. */
  #toSay: Uint8Array[] = [];
  #records: Uint8Array[] = [];
  /** Bytes of them. */
  #waiting = 0;
  #said: Uint8Array = NOTHING;
  #isReady = false;
  #box: TlsBox | undefined;
  readonly #wake: () => void;
  readonly #ofClient: boolean;

  /** `ofClient`: the other end is one. `first`: see `Reliable`. */
  constructor(keyId: number, first: number, ofClient: boolean, until: number, wake: () => void) {
    this.keyId = keyId;
    this.reliable = new Reliable(first);
    this.#ofClient = ofClient;
    this.until = until;
    this.#wake = wake;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The peer is there: TLS may begin. */
  begin(make: TlsMaker): void {
    this.#box ??= make(this);
  }

  ciphertext(bytes: Uint8Array): void {
    this.#waiting += bytes.length;
    // TLS answers some of what comes (key updates): a peer that acknowledges nothing must not make it endless.
    if (this.#waiting > MOST_WAITING) this.failure ??= 'the peer acknowledges nothing';
    else this.#records.push(bytes);
    this.#wake();
  }

  plaintext(bytes: Uint8Array): void {
    this.#said = this.#said.length === 0 ? bytes : Buffer.concat([this.#said, bytes]);
    this.#wake();
  }

  ready(peer: TlsPeer): void {
    this.peer = peer;
    this.#isReady = true;
    this.#wake();
  }

  failed(reason: string): void {
    this.failure ??= reason;
    this.#wake();
  }

  /** Say `bytes` when TLS is ready. */
  say(bytes: Uint8Array): void {
    if (this.#isReady) this.#box?.write(bytes);
    else this.#toSay.push(bytes);
  }

  exportKeys(label: string, length: number): Uint8Array {
    const box = this.#box;
    if (box === undefined || !this.#isReady) throw new Error('no TLS to export keys from'); // asked when it is active
    return box.exportKeys(label, length);
  }

  /** Hand on what came, until nothing more does: resets, records to TLS, the message, strings. */
  work(user: KeyStateUser): void {
    for (let next = this.reliable.take(); next !== undefined; next = this.reliable.take()) {
      const isReset = next.op !== Op.CONTROL && next.op !== Op.CONTROL_WKC;
      if (isReset) user.reset(this, next.payload);
      else if (next.payload.length > 0) this.#box?.receive(next.payload);
    }
    if (this.#isReady) {
      for (const bytes of this.#toSay.splice(0)) this.#box?.write(bytes);
    }
    this.#listen(user);
  }

  /** Put records of TLS into packets of up to `room` bytes, as many as may be on their way. */
  pack(room: number): void {
    while (this.#records.length > 0 && this.reliable.open) {
      const first = this.#records[0] as Uint8Array; // there is one
      if (first.length > room) {
        this.reliable.send(Op.CONTROL, first.subarray(0, room));
        this.#records[0] = first.subarray(room);
        this.#waiting -= room;
        continue;
      }
      // Short records travel together: a handshake is many of them.
      let length = first.length;
      let count = 1;
      while (count < this.#records.length) {
        const next = this.#records[count] as Uint8Array; // below its length
        if (length + next.length > room) break;
        length += next.length;
        count++;
      }
      this.#waiting -= length;
      this.reliable.send(Op.CONTROL, Buffer.concat(this.#records.splice(0, count)));
    }
  }

  /** True if TLS has records that are in no packet yet. */
  get isFull(): boolean {
    return this.#records.length > 0;
  }

  close(): void {
    this.#box?.close();
    this.#box = undefined;
    this.data?.close();
    this.data = undefined;
    this.forget();
    this.#said = NOTHING;
    this.#records = [];
    this.#toSay = [];
  }

  /** Wipe what keys were made of. */
  forget(): void {
    wipe(this.ours);
    wipe(this.theirs);
    this.ours = undefined;
    this.theirs = undefined;
  }

  /** Read what the other end said: first its message, then strings. */
  #listen(user: KeyStateUser): void {
    if (this.#said.length === 0 || this.failure !== undefined) return;
    if (this.theirs === undefined && !this.isActive) {
      const read = readKeyMessage(this.#said, this.#ofClient);
      if (typeof read === 'string') {
        this.failure = read;
        return;
      }
      if (read === undefined) {
        if (this.#said.length > MOST_SAID) this.failure = 'no end to what the peer says';
        return;
      }
      this.theirs = read.message.source;
      this.#said = this.#said.subarray(read.length);
      user.message(this, read.message);
    }
    for (;;) {
      const end = this.#said.indexOf(0);
      if (end < 0) break;
      const text = Buffer.from(this.#said.subarray(0, end)).toString('latin1');
      this.#said = this.#said.subarray(end + 1);
      // CVE-2024-5594: what is not printable is no command, and is neither obeyed nor shown.
      if (/^[\x20-\x7e]+$/.test(text)) user.text(this, text);
    }
    if (this.#said.length > MOST_SAID) this.failure = 'no end to what the peer says';
  }
}
