/**
 * The way to one peer: its session, and what goes through it. Client and server have this in common.
 * @module
 */
import { REAL_ZERO } from '../../stack/base/real.ts';
import type { Endpoint } from '../endpoint.ts';
import type { TunnelOut } from '../tunnel.ts';
import { clampMss, isSyn } from './mss.ts';
import { ControlChannel } from './session/control.ts';
import { DATA_OVERHEAD, PING, startsWith } from './session/data.ts';
import type { KeyState } from './session/key-state.ts';
import { keyId } from './session/packet.ts';
import type { ControlSettings, ControlUser } from './session/terms.ts';

/** What was lost, and why. Each is a number of packets. */
export interface OpenVpnCounters {
  /** Control packets that are forged, replayed, malformed, or of no session that is known. */
  controlRefused: number;
  /** Data that no key of ours opens. */
  forged: number;
  /** Data that came before, or too late. */
  replayed: number;
  /** Data for a key that is not there, or not yet. */
  withoutKey: number;
  /** Datagrams that are no packet of OpenVPN: too short, or with an opcode that is not spoken here. */
  malformed: number;
  /** Datagrams from elsewhere than the peer. */
  stray: number;
  /** IP packets that came in by a peer that does not have their source. */
  wrongSource: number;
  /** IP packets for nobody: no peer has their destination, or the tunnel is not up. */
  noRoute: number;
  /** Packets for which the transport had no room. */
  unsent: number;
  /** Resets and first packets that were not answered: too many at once. */
  limited: number;
}

export const noCounters = (): OpenVpnCounters => ({
  controlRefused: 0,
  forged: 0,
  replayed: 0,
  withoutKey: 0,
  malformed: 0,
  stray: 0,
  wrongSource: 0,
  noRoute: 0,
  unsent: 0,
  limited: 0,
});

/** A SYN is copied here before its segment size is lowered: what is sent belongs to another. */
const SYN_ROOM = 2048;

export class Link {
  readonly control: ControlChannel;
  endpoint: Endpoint;
  /** When something authentic was heard last, and when something was sent. */
  heardAt: number;
  sentAt: number;
  /** Bytes of IP packets, each way. */
  bytesIn: number = REAL_ZERO;
  bytesOut: number = REAL_ZERO;
  /** TCP inside is told a segment size for IP packets of this length; 0: leave it. */
  longest = 0;
  readonly #out: TunnelOut;
  readonly #counters: OpenVpnCounters;
  readonly #syn = new Uint8Array(SYN_ROOM);

  constructor(
    settings: ControlSettings,
    user: Omit<ControlUser, 'send'>,
    out: TunnelOut,
    counters: OpenVpnCounters,
    endpoint: Endpoint,
    now: number,
    ours?: Uint8Array,
  ) {
    this.#out = out;
    this.#counters = counters;
    this.endpoint = endpoint;
    this.heardAt = now;
    this.sentAt = now;
    const send = (packet: Uint8Array): void => this.#send(packet);
    // Not spread: `user` may be an object with methods of a class.
    this.control = new ControlChannel(
      settings,
      {
        send,
        message: (key, message) => user.message(key, message),
        text: (text) => user.text(text),
        active: (key) => user.active(key),
        failed: (reason) => user.failed(reason),
        wake: () => user.wake(),
      },
      ours,
    );
  }

  /** A control packet came. True if it is of this session. */
  takeControl(packet: Uint8Array, now: number): boolean {
    if (!this.control.input(packet, now)) {
      this.#counters.controlRefused++;
      return false;
    }
    this.heardAt = now;
    this.control.work(now);
    return true;
  }

  /**
   * Open a data packet in place. The length of what was in it, which is at `at + DATA_OVERHEAD`; -1 if it is of no use.
   */
  open(bytes: Uint8Array, at: number, length: number, now: number): number {
    const key = this.control.keyFor(keyId(bytes[at] as number)); // not empty: it was looked at
    if (key?.data === undefined) {
      this.#counters.withoutKey++;
      return -1;
    }
    const refusal = key.data.open(bytes, at, length);
    if (refusal !== undefined) {
      if (refusal === 'forged') this.#counters.forged++;
      else if (refusal === 'replayed') this.#counters.replayed++;
      else this.#counters.malformed++;
      return -1;
    }
    key.isHeard = true;
    this.heardAt = now;
    const text = length - DATA_OVERHEAD;
    if (this.longest > 0 && isSyn(bytes, at + DATA_OVERHEAD, text)) {
      clampMss(bytes, at + DATA_OVERHEAD, text, this.longest);
    }
    return text;
  }

  /** Seal and send; false if there is no key for it, or no room. */
  seal(bytes: Uint8Array, at: number, length: number, now: number): boolean {
    const key = this.control.sealing(now);
    if (key === undefined || key.data === undefined || key.data.spent) {
      this.#counters.withoutKey++;
      return false;
    }
    if (this.longest > 0 && length <= SYN_ROOM && isSyn(bytes, at, length)) {
      this.#syn.set(bytes.subarray(at, at + length));
      clampMss(this.#syn, 0, length, this.longest);
      return this.#sealed(key, this.#syn, 0, length, now);
    }
    return this.#sealed(key, bytes, at, length, now);
  }

  /** True if a key may be sealed with at `now`. */
  isUp(now: number): boolean {
    return this.control.sealing(now) !== undefined;
  }

  ping(now: number): void {
    this.seal(PING, 0, PING.length, now);
  }

  close(): void {
    this.control.close();
  }

  #sealed(key: KeyState, bytes: Uint8Array, at: number, length: number, now: number): boolean {
    const { datagrams } = this.#out;
    const to = datagrams.reserve(length + DATA_OVERHEAD);
    if (to < 0 || key.data === undefined) {
      this.#counters.unsent++;
      return false;
    }
    key.data.seal(bytes, at, length, datagrams.bytes, to);
    datagrams.commit(length + DATA_OVERHEAD, this.endpoint);
    this.sentAt = now;
    if (key.data.nearlySpent) this.control.work(now);
    return true;
  }

  #send(packet: Uint8Array): void {
    const { datagrams } = this.#out;
    const to = datagrams.reserve(packet.length);
    if (to < 0) {
      this.#counters.unsent++;
      return;
    }
    datagrams.bytes.set(packet, to);
    datagrams.commit(packet.length, this.endpoint);
  }
}

/** True if the text is a ping: it is for nobody. */
export const isPing = (bytes: Uint8Array, at: number, length: number): boolean =>
  length === PING.length && startsWith(bytes, at, length, PING);
