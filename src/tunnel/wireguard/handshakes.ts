/**
 * Handshake messages as they come and go: which are wanted, what answers them, and the sessions that they end in.
 * "WireGuard: Next Generation Kernel Network Tunnel", §5.1, §5.3, §6.
 *
 * Nobody is answered who has not proved that he knows our public key, and nobody is remembered who has not proved
 * that he is a peer.
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import {
  initiate,
  readInitiation,
  readResponse,
  readTimestamp,
  respond,
  type SessionKeys,
  wipe,
} from './handshake.ts';
import { Limit } from './limits.ts';
import { int32, Length, Response, TIMESTAMP_LENGTH, Type } from './messages.ts';
import type { Peer } from './peer.ts';
import { Session } from './session.ts';
import type { Shared } from './shared.ts';
import { advance, isLater, putTime } from './tai64n.ts';

/** Where the sender's index stands in both messages. */
const SENDER = 4;

/** What a message led to. */
export interface Outcome {
  readonly peer: Peer;
  /** The session can be used for sending at once. */
  readonly isReady: boolean;
}

/** The last time that was sent, by any interface of this process with the same `Shared`. */
const lastTimes = new WeakMap<Peer, Uint8Array>();

/**
 * Send an initiation, unless one was sent within REKEY_TIMEOUT. `isRetry`: nobody has answered the one before.
 */
export function sendInitiation(shared: Shared, peer: Peer, now: number, isRetry: boolean): void {
  const { timers } = peer;
  if (!isRetry) timers.attempts = 0;
  if (now - peer.lastInitiated < Limit.REKEY_TIMEOUT) return;
  peer.lastInitiated = now;
  timers.initiated(now, shared.jitter(Limit.JITTER));
  const { endpoint } = peer;
  if (endpoint === undefined) {
    shared.drops.noEndpoint++;
    return;
  }
  const { datagrams } = shared.io.out;
  const at = datagrams.reserve(Length.INITIATION);
  if (at < 0) {
    shared.drops.full++;
    return;
  }
  dropInitiated(shared, peer);
  const local = shared.newIndex();
  const { bytes } = datagrams;
  const time = timestamp(shared, peer);
  const initiated = initiate(shared.own, peer, shared.ephemeral(), local, time, bytes, at);
  if (initiated === undefined) {
    shared.drops.handshake++;
    return;
  }
  peer.initiated = initiated;
  shared.assign(local, { peer, session: undefined });
  peer.cookies.sign(bytes, at, Length.INITIATION, now);
  datagrams.commit(Length.INITIATION, endpoint);
  peer.sentBytes += Length.INITIATION;
  timers.sent();
  timers.traversed(now);
}

/** A time that is later than all that were sent to this peer. */
function timestamp(shared: Shared, peer: Peer): Uint8Array {
  const time = new Uint8Array(TIMESTAMP_LENGTH);
  putTime(time, shared.io.wall());
  const last = lastTimes.get(peer);
  if (last !== undefined && !isLater(time, last)) {
    time.set(last);
    advance(time);
  }
  lastTimes.set(peer, time);
  return time;
}

function dropInitiated(shared: Shared, peer: Peer): void {
  if (peer.initiated === undefined) return;
  shared.release(peer.initiated.local);
  wipe(peer.initiated.chain, peer.initiated.hash);
  peer.initiated = undefined;
}

/**
 * Whether a handshake message may cost us anything: its sender knows us and, when there are too many of them, gets
 * what is sent to its address. Counted and answered with a cookie if not.
 */
export function mayPass(
  shared: Shared,
  bytes: Uint8Array,
  at: number,
  length: number,
  from: Endpoint,
  now: number,
): boolean {
  const { checker, drops, load } = shared;
  if (!checker.knowsUs(bytes, at, length)) {
    drops.mac1++;
    return false;
  }
  if (!load.count(now)) return true;
  if (checker.hasCookie(bytes, at, length, from, now)) {
    if (load.allows(from, now)) return true;
    drops.limited++;
    return false;
  }
  drops.cookie++;
  const { datagrams } = shared.io.out;
  const place = datagrams.reserve(Length.COOKIE);
  if (place < 0) {
    drops.full++;
    return false;
  }
  const sender = int32(bytes, at + SENDER);
  checker.reply(bytes, at, length, sender, from, now, datagrams.bytes, place);
  datagrams.commit(Length.COOKIE, from);
  return false;
}

/** Take an initiation and answer it; undefined if it was not to be. `find`: whose a public key is. */
export function takeInitiation(
  shared: Shared,
  bytes: Uint8Array,
  at: number,
  from: Endpoint,
  now: number,
  find: (publicKey: Uint8Array) => Peer | undefined,
): Outcome | undefined {
  const { drops, own } = shared;
  const opened = readInitiation(own, bytes, at);
  if (opened === undefined) {
    drops.handshake++;
    return undefined;
  }
  const peer = find(opened.publicKey);
  if (peer === undefined) {
    drops.unknownPeer++;
    return undefined;
  }
  const time = readTimestamp(opened, peer, bytes, at);
  if (time === undefined) {
    drops.handshake++;
    return undefined;
  }
  if (!isLater(time, peer.greatestTime)) {
    drops.replayedHandshake++;
    return undefined;
  }
  if (now - peer.lastTaken <= Limit.INITIATION_EVERY) {
    drops.flood++;
    return undefined;
  }
  peer.greatestTime.set(time);
  peer.lastTaken = now;
  peer.endpoint = from;
  peer.receivedBytes += Length.INITIATION;
  const { datagrams } = shared.io.out;
  const place = datagrams.reserve(Length.RESPONSE);
  if (place < 0) {
    drops.full++;
    return undefined;
  }
  const local = shared.newIndex();
  const keys = respond(opened, peer, shared.ephemeral(), local, datagrams.bytes, place);
  if (keys === undefined) {
    drops.handshake++;
    return undefined;
  }
  peer.cookies.sign(datagrams.bytes, place, Length.RESPONSE, now);
  datagrams.commit(Length.RESPONSE, from);
  peer.sentBytes += Length.RESPONSE;
  beginSession(shared, peer, keys, local, false, now);
  peer.timers.sent();
  peer.timers.traversed(now);
  return { peer, isReady: false };
}

/** Take a response; undefined if it answers nothing of ours. */
export function takeResponse(
  shared: Shared,
  bytes: Uint8Array,
  at: number,
  from: Endpoint,
  now: number,
): Outcome | undefined {
  const { drops } = shared;
  const local = int32(bytes, at + Response.receiver);
  const peer = shared.ownerOf(local)?.peer;
  const initiated = peer?.initiated;
  if (peer === undefined || initiated === undefined || initiated.local !== local) {
    drops.index++;
    return undefined;
  }
  const keys = readResponse(shared.own, initiated, peer, bytes, at);
  if (keys === undefined) {
    drops.handshake++;
    return undefined;
  }
  peer.endpoint = from;
  peer.receivedBytes += Length.RESPONSE;
  wipe(initiated.chain, initiated.hash);
  peer.initiated = undefined;
  peer.timers.received();
  peer.timers.traversed(now);
  beginSession(shared, peer, keys, local, true, now);
  completed(shared, peer);
  return { peer, isReady: true };
}

/** Take a cookie reply; false if it answers nothing of ours. */
export function takeCookie(shared: Shared, bytes: Uint8Array, at: number, now: number): boolean {
  const owner = shared.ownerOf(int32(bytes, at + SENDER));
  if (owner?.peer.cookies.take(bytes, at, now) === true) return true;
  shared.drops.handshake++;
  return false;
}

/** The other end has shown that it has the keys. */
export function completed(shared: Shared, peer: Peer): void {
  peer.timers.complete();
  peer.lastHandshake = shared.io.wall();
  shared.handshakes++;
}

/** A session from its keys, in its place: at once for who began it, when the other end has used it for who answered. */
function beginSession(
  shared: Shared,
  peer: Peer,
  keys: SessionKeys,
  local: number,
  isInitiator: boolean,
  now: number,
): void {
  const { aead } = shared.io;
  const sending = aead('chacha20-poly1305', keys.send, 'seal');
  const receiving = aead('chacha20-poly1305', keys.receive, 'open');
  wipe(keys.send, keys.receive);
  const session = new Session(local, keys.remote, isInitiator, now, sending, receiving);
  shared.assign(local, { peer, session });
  const { previous, current, next } = peer;
  if (isInitiator) {
    // What the other end has begun and we have not confirmed stays good for receiving.
    if (next !== undefined) {
      peer.next = undefined;
      peer.previous = next;
      end(shared, peer, current);
    } else peer.previous = current;
    end(shared, peer, previous);
    peer.current = session;
  } else {
    peer.next = session;
    end(shared, peer, next);
    peer.previous = undefined;
    end(shared, peer, previous);
  }
  peer.timers.derived(now);
}

/** The other end has used the session that it began: it is ours for sending now. */
export function confirm(shared: Shared, peer: Peer): void {
  const { previous } = peer;
  peer.previous = peer.current;
  peer.current = peer.next;
  peer.next = undefined;
  end(shared, peer, previous);
  completed(shared, peer);
}

/** Forget all sessions of a peer, and the handshake that is under way. */
export function forget(shared: Shared, peer: Peer): void {
  dropInitiated(shared, peer);
  for (const session of [peer.current, peer.previous, peer.next]) end(shared, peer, session);
  peer.current = undefined;
  peer.previous = undefined;
  peer.next = undefined;
}

function end(shared: Shared, peer: Peer, session: Session | undefined): void {
  if (session === undefined) return;
  shared.release(session.local);
  peer.end(session);
}

/** Whether a message of this type and length may be one. */
export const isHandshake = (type: number, length: number): boolean =>
  (type === Type.INITIATION && length === Length.INITIATION) ||
  (type === Type.RESPONSE && length === Length.RESPONSE);
