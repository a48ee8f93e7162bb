/**
 * A WireGuard interface as a pure function of packets and time: "WireGuard: Next Generation Kernel Network Tunnel".
 *
 * A packet from inside goes to the peer whose allowed IPs hold its destination, a datagram from outside finds its
 * session by the index in it, and what it holds comes out if its source is among the allowed IPs of the peer that
 * sealed it. Handshakes are in `handshakes.ts`, what is due when in `timers.ts`.
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import type { Prefix } from '../prefix.ts';
import { PrefixTable } from '../prefix-table.ts';
import type { TunnelProtocol } from '../tunnel.ts';
import { sharedWith, wipe } from './handshake.ts';
import {
  confirm,
  forget,
  isHandshake,
  mayPass,
  type Outcome,
  sendInitiation,
  takeCookie,
  takeInitiation,
  takeResponse,
} from './handshakes.ts';
import { Destination, lengthOf, paddedLength, Source, versionOf } from './inside.ts';
import { Limit } from './limits.ts';
import { Data, int32, Length, putInt32, TAG_LENGTH, Type } from './messages.ts';
import type { PeerChange, WireGuardOptions } from './options.ts';
import { Peer } from './peer.ts';
import type { Session } from './session.ts';
import { Shared, type WireGuardDrops, type WireGuardIo } from './shared.ts';
import { Timer } from './timers.ts';

/** Longest IP packet that may wait for a session. */
const LONGEST = 65_535;
/** Handshakes a second beyond which strangers must show a cookie. */
const HANDSHAKES = 256;

const keyOf = (publicKey: Uint8Array): string => Buffer.from(publicKey).toString('base64');

export class WireGuard implements TunnelProtocol {
  readonly #shared: Shared;
  readonly #peers = new Map<string, Peer>();
  readonly #allowed = new PrefixTable<Peer>();
  /** Peers whose timers have changed since the deadline was asked for. */
  readonly #touched = new Set<Peer>();
  /** A packet that was staged, on its way out. */
  readonly #scratch: Uint8Array = new Uint8Array(LONGEST);

  constructor(io: WireGuardIo, options: WireGuardOptions) {
    const { privateKey, mtu, handshakesPerSecond = HANDSHAKES } = options;
    this.#shared = new Shared(io, privateKey, mtu, handshakesPerSecond);
  }

  get publicKey(): Uint8Array {
    return this.#shared.own.publicKey;
  }

  get drops(): Readonly<WireGuardDrops> {
    return this.#shared.drops;
  }

  /** Handshakes that were completed. */
  get handshakes(): number {
    return this.#shared.handshakes;
  }

  /** Indices in use: what memory it takes grows with them. */
  get indices(): number {
    return this.#shared.indices;
  }

  /**
   * Another secret: sessions that there are end, since they are not with whom we are now. The same one changes nothing:
   * `wg syncconf` sends it along with whatever has changed.
   */
  setPrivateKey(secret: Uint8Array): void {
    const shared = this.#shared;
    if (!shared.setSecret(secret)) return;
    this.#peers.delete(keyOf(shared.own.publicKey));
    for (const peer of this.#peers.values()) {
      forget(shared, peer);
      wipe(peer.staticShared);
      peer.staticShared = sharedWith(shared.own, peer.publicKey) ?? new Uint8Array(32);
    }
  }

  peers(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  peer(publicKey: Uint8Array): Peer | undefined {
    return this.#peers.get(keyOf(publicKey));
  }

  /** A peer's allowed IPs, as they stand in the table. */
  *allowedIps(peer: Peer): Generator<Prefix> {
    for (const entry of this.#allowed.entries()) if (entry.value === peer) yield entry;
  }

  /** Add a peer, or change it. Throws a `RangeError` for a key that no peer can have. */
  setPeer(publicKey: Uint8Array, change: PeerChange, now: number): Peer {
    const shared = this.#shared;
    const key = keyOf(publicKey);
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      const secret = sharedWith(shared.own, publicKey);
      if (secret === undefined) throw new RangeError(`${key} is no public key of X25519`);
      peer = new Peer(Uint8Array.from(publicKey), secret);
      this.#peers.set(key, peer);
    }
    if (change.presharedKey !== undefined) peer.presharedKey.set(change.presharedKey);
    if (change.endpoint !== undefined) peer.endpoint = change.endpoint;
    if (change.replaceAllowedIps === true) this.#allowed.remove(peer);
    for (const { octets, bits } of change.allowedIps ?? []) this.#allowed.set(octets, bits, peer);
    if (change.persistentKeepalive !== undefined) {
      const before = peer.timers.persistent;
      peer.timers.persistent = change.persistentKeepalive * 1e6;
      if (peer.timers.persistent === 0) peer.timers.clear(Timer.PERSISTENT);
      else if (before === 0) this.#keepalive(peer, now);
    }
    this.#touched.add(peer);
    return peer;
  }

  removePeer(publicKey: Uint8Array): void {
    const peer = this.peer(publicKey);
    if (peer === undefined) return;
    this.#peers.delete(keyOf(publicKey));
    this.#allowed.remove(peer);
    this.#touched.delete(peer);
    this.#shared.deadlines.cancel(peer);
    forget(this.#shared, peer);
    this.#shared.drops.unsent += peer.dropStaged();
    peer.wipe();
  }

  /** Begin a handshake with a peer now, without waiting for a packet to it. */
  connect(peer: Peer, now: number): void {
    sendInitiation(this.#shared, peer, now, false);
    this.#touched.add(peer);
  }

  packet(bytes: Uint8Array, at: number, length: number, now: number): void {
    const { drops } = this.#shared;
    const version = versionOf(bytes, at, length);
    if (version === 0) {
      drops.notIp++;
      return;
    }
    const peer =
      version === 4
        ? this.#allowed.lookup(bytes, at + Destination.four, 4)
        : this.#allowed.lookup(bytes, at + Destination.six, 16);
    if (peer === undefined) {
      drops.noPeer++;
      return;
    }
    const session = peer.current;
    this.#touched.add(peer);
    if (session?.maySend(now) && peer.staged === 0) {
      this.#send(peer, session, bytes, at, length, now);
      return;
    }
    if (!peer.stage(bytes, at, length, this.#scratch)) drops.unsent++;
    this.#sendStaged(peer, now);
  }

  datagram(bytes: Uint8Array, at: number, length: number, from: Endpoint, now: number): void {
    const { drops } = this.#shared;
    // The type and three bytes of zeros: a number below 5 tells of both.
    const type = length >= Length.DATA ? int32(bytes, at) : 0;
    if (type === Type.DATA) this.#data(bytes, at, length, from, now);
    else if (isHandshake(type, length)) this.#handshake(type, bytes, at, length, from, now);
    else if (type === Type.COOKIE && length === Length.COOKIE)
      takeCookie(this.#shared, bytes, at, now);
    else drops.malformed++;
  }

  deadline(): number {
    const { deadlines } = this.#shared;
    if (this.#touched.size > 0) {
      for (const peer of this.#touched) deadlines.set(peer, peer.timers.next());
      this.#touched.clear();
    }
    return deadlines.next();
  }

  expire(now: number): void {
    const { deadlines } = this.#shared;
    for (let due = this.deadline(); due <= now; due = this.deadline()) {
      const peer = deadlines.take(now);
      if (peer === undefined) return;
      this.#expired(peer, now);
      this.#touched.add(peer);
    }
  }

  stop(): void {
    for (const peer of [...this.#peers.values()]) this.removePeer(peer.publicKey);
  }

  #expired(peer: Peer, now: number): void {
    const { timers } = peer;
    const shared = this.#shared;
    if (timers.take(Timer.RETRANSMIT, now)) {
      if (timers.attempts >= Limit.ATTEMPTS) {
        // REKEY_ATTEMPT_TIME is over: what waits has waited in vain.
        timers.clear(Timer.KEEPALIVE);
        shared.drops.unsent += peer.dropStaged();
        if (!timers.isSet(Timer.FORGET)) timers.set(Timer.FORGET, now + Limit.FORGET);
      } else {
        timers.attempts++;
        sendInitiation(shared, peer, now, true);
      }
    }
    if (timers.take(Timer.KEEPALIVE, now)) {
      this.#keepalive(peer, now);
      timers.keepaliveSent(now);
    }
    if (timers.take(Timer.NEW_HANDSHAKE, now)) sendInitiation(shared, peer, now, false);
    if (timers.take(Timer.FORGET, now)) forget(shared, peer);
    if (timers.take(Timer.PERSISTENT, now)) {
      this.#keepalive(peer, now);
      // Without an endpoint nothing was sent that would have set it again.
      timers.traversed(now);
    }
  }

  /** Say something: what waits, or nothing at all. */
  #keepalive(peer: Peer, now: number): void {
    const session = peer.current;
    if (peer.staged > 0 || session === undefined || !session.maySend(now)) {
      this.#sendStaged(peer, now);
      return;
    }
    this.#send(peer, session, this.#scratch, 0, 0, now);
  }

  #sendStaged(peer: Peer, now: number): void {
    for (;;) {
      const session = peer.current;
      if (session === undefined || !session.maySend(now)) {
        sendInitiation(this.#shared, peer, now, false);
        return;
      }
      const length = peer.unstage(this.#scratch);
      if (length === 0) return;
      this.#send(peer, session, this.#scratch, 0, length, now);
    }
  }

  /** Seal a packet, or a keepalive if `length` is 0. §5.4.6. */
  #send(
    peer: Peer,
    session: Session,
    from: Uint8Array,
    at: number,
    length: number,
    now: number,
  ): void {
    const shared = this.#shared;
    const { datagrams } = shared.io.out;
    const { endpoint, timers } = peer;
    if (endpoint === undefined) {
      shared.drops.noEndpoint++;
      return;
    }
    const padded = paddedLength(length, shared.mtu);
    const whole = Length.DATA + padded;
    const place = datagrams.reserve(whole);
    if (place < 0) {
      shared.drops.full++;
      return;
    }
    const { bytes } = datagrams;
    const text = place + Data.text;
    const { nonce } = session.sending;
    putInt32(bytes, place, Type.DATA);
    putInt32(bytes, place + Data.receiver, session.remote);
    putInt32(bytes, place + Data.counter, session.sendLow);
    putInt32(bytes, place + Data.counter + 4, session.sendHigh);
    putInt32(nonce, 4, session.sendLow);
    putInt32(nonce, 8, session.sendHigh);
    if (padded === length) {
      session.sending.seal(from, at, length, bytes, text, text + length, 0, 0);
    } else {
      bytes.set(from.subarray(at, at + length), text);
      bytes.fill(0, text + length, text + padded);
      session.sending.seal(bytes, text, padded, bytes, text, text + padded, 0, 0);
    }
    session.count();
    datagrams.commit(whole, endpoint);
    peer.sentBytes += whole;
    if (length > 0) {
      const jitter = timers.isSet(Timer.NEW_HANDSHAKE) ? 0 : shared.jitter(Limit.JITTER);
      timers.dataSent(now, jitter);
    }
    timers.sent();
    timers.traversed(now);
    if (session.isStale(now)) sendInitiation(shared, peer, now, false);
  }

  #handshake(
    type: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    from: Endpoint,
    now: number,
  ): void {
    const shared = this.#shared;
    if (!mayPass(shared, bytes, at, length, from, now)) return;
    const find = (key: Uint8Array): Peer | undefined => this.peer(key);
    const outcome: Outcome | undefined =
      type === Type.INITIATION
        ? takeInitiation(shared, bytes, at, from, now, find)
        : takeResponse(shared, bytes, at, from, now);
    if (outcome === undefined) return;
    this.#touched.add(outcome.peer);
    // Who began confirms the session by using it, if only with nothing. §5.4.6.
    if (outcome.isReady) this.#flushOrSay(outcome.peer, now);
  }

  #flushOrSay(peer: Peer, now: number): void {
    if (peer.staged > 0) this.#sendStaged(peer, now);
    else this.#keepalive(peer, now);
  }

  #data(bytes: Uint8Array, at: number, length: number, from: Endpoint, now: number): void {
    const shared = this.#shared;
    const { drops } = shared;
    const owner = shared.ownerOf(int32(bytes, at + Data.receiver));
    const session = owner?.session;
    if (owner === undefined || session === undefined) {
      drops.index++;
      return;
    }
    if (!session.mayReceive(now)) {
      drops.expired++;
      return;
    }
    const low = int32(bytes, at + Data.counter) >>> 0;
    const high = int32(bytes, at + Data.counter + 4) >>> 0;
    if (!session.allows(high, low)) {
      drops.replayed++;
      return;
    }
    const text = at + Data.text;
    const inside = length - Length.DATA;
    const { nonce } = session.receiving;
    putInt32(nonce, 4, low);
    putInt32(nonce, 8, high);
    if (!session.receiving.open(bytes, text, inside, at + length - TAG_LENGTH, 0, 0)) {
      drops.data++;
      return;
    }
    session.accept(high, low);
    const { peer } = owner;
    this.#touched.add(peer);
    peer.endpoint = from;
    peer.receivedBytes += length;
    if (session === peer.next) {
      confirm(shared, peer);
      this.#sendStaged(peer, now);
    }
    this.#keepFresh(peer, session, now);
    peer.timers.received();
    peer.timers.traversed(now);
    if (inside === 0) return;
    peer.timers.dataReceived(now);
    this.#deliver(peer, bytes, text, inside);
  }

  /** An initiator that only receives begins the next session in time. §6.2. */
  #keepFresh(peer: Peer, session: Session, now: number): void {
    const { timers } = peer;
    if (timers.sentLastMinute || !session.isInitiator || session !== peer.current) return;
    if (now - session.created < Limit.REKEY_RECEIVING) return;
    timers.sentLastMinute = true;
    sendInitiation(this.#shared, peer, now, false);
  }

  /** Hand on what was opened, without its padding, if it is the peer's to send. */
  #deliver(peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    const { drops, io } = this.#shared;
    const version = versionOf(bytes, at, length);
    const whole = version === 0 ? 0 : lengthOf(bytes, at, length, version);
    if (whole === 0) {
      drops.notIp++;
      return;
    }
    const owner =
      version === 4
        ? this.#allowed.lookup(bytes, at + Source.four, 4)
        : this.#allowed.lookup(bytes, at + Source.six, 16);
    if (owner === peer) io.out.deliver(bytes, at, whole);
    else drops.source++;
  }
}
