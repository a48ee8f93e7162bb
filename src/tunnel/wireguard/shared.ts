/**
 * What all peers of an interface share: its keys, the indices by which messages find their session, what it lost, and
 * what comes in from outside.
 * @module
 */
import { Deadlines } from '../../stack/memory/deadlines.ts';
import type { AeadMaker } from '../crypto/aead.ts';
import type { RandomBytes, TunnelOut } from '../tunnel.ts';
import { CookieChecker } from './cookies.ts';
import { Load } from './load.ts';
import { KEY_LENGTH } from './messages.ts';
import type { Peer } from './peer.ts';
import { ephemeralPair, isEqual, type KeyPair, keyPair } from './primitives.ts';
import type { Session } from './session.ts';

/** Packets and messages that came to nothing, by reason. */
export interface WireGuardDrops {
  /** A packet to an address that is no peer's. */
  noPeer: number;
  /** A packet or an initiation for a peer whose place is not known. */
  noEndpoint: number;
  /** A packet that is no IP packet, or is cut. */
  notIp: number;
  /** A packet that waited for a session: too many did, or the peer did not answer. */
  unsent: number;
  /** A datagram that had no room in what leaves. */
  full: number;
  /** A datagram that is no message of WireGuard, or of another length. */
  malformed: number;
  /** A handshake message by someone who does not know our public key. */
  mac1: number;
  /** A handshake message that was answered with a cookie, under load. */
  cookie: number;
  /** A handshake message beyond what its source may send, under load. */
  limited: number;
  /** An initiation or a response that does not open: another key, or damage. */
  handshake: number;
  /** An initiation by someone who is no peer. */
  unknownPeer: number;
  /** An initiation that was taken before, or is older than one that was. */
  replayedHandshake: number;
  /** An initiation that came too soon after another of the same peer. */
  flood: number;
  /** A message for an index that is not, or no more, in use. */
  index: number;
  /** A packet of a session that is too old. */
  expired: number;
  /** A packet that does not open. */
  data: number;
  /** A packet that came before, or is older than the window. */
  replayed: number;
  /** A packet from an address that is not its peer's. */
  source: number;
}

export const noDrops = (): WireGuardDrops => ({
  ...{ noPeer: 0, noEndpoint: 0, notIp: 0, unsent: 0, full: 0, malformed: 0, mac1: 0, cookie: 0 },
  ...{ limited: 0, handshake: 0, unknownPeer: 0, replayedHandshake: 0, flood: 0, index: 0 },
  ...{ expired: 0, data: 0, replayed: 0, source: 0 },
});

/** Whom an index leads to: a session, or a peer whose response is awaited. */
export interface Owner {
  readonly peer: Peer;
  readonly session: Session | undefined;
}

/** What comes in from outside. */
export interface WireGuardIo {
  readonly out: TunnelOut;
  readonly random: RandomBytes;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  readonly aead: AeadMaker;
}

/** Sessions and initiations that may be open at a time: three and one a peer. */
const MOST_TRIES = 64;

export class Shared {
  readonly io: WireGuardIo;
  readonly drops: WireGuardDrops = noDrops();
  readonly deadlines: Deadlines<Peer> = new Deadlines();
  readonly load: Load;
  own: KeyPair;
  checker: CookieChecker;
  /** The longest packet: padding stays within it. */
  mtu: number;
  /** Initiations that we have answered, and that were answered to us. */
  handshakes = 0;
  readonly #owners = new Map<number, Owner>();
  readonly #four: Int32Array = new Int32Array(1);
  readonly #fourBytes: Uint8Array = new Uint8Array(this.#four.buffer);

  constructor(io: WireGuardIo, secret: Uint8Array, mtu: number, handshakesPerSecond: number) {
    this.io = io;
    this.own = keyPair(secret);
    this.checker = new CookieChecker(this.own.publicKey, io.random);
    this.load = new Load(handshakesPerSecond);
    this.mtu = mtu;
  }

  /** False if it is the one that there is. */
  setSecret(secret: Uint8Array): boolean {
    const own = keyPair(secret);
    if (isEqual(own.publicKey, this.own.publicKey)) return false;
    this.own = own;
    this.checker = new CookieChecker(this.own.publicKey, this.io.random);
    return true;
  }

  /** An index that is not in use. */
  newIndex(): number {
    for (let i = 0; i < MOST_TRIES; i++) {
      this.io.random(this.#fourBytes);
      const index = this.#four[0] as number; // it has one
      if (!this.#owners.has(index)) return index;
    }
    throw new Error('the source of randomness gives the same over and over');
  }

  ownerOf(index: number): Owner | undefined {
    return this.#owners.get(index);
  }

  assign(index: number, owner: Owner): void {
    this.#owners.set(index, owner);
  }

  release(index: number): void {
    this.#owners.delete(index);
  }

  /** How many indices are in use. */
  get indices(): number {
    return this.#owners.size;
  }

  /** A new pair of keys for one handshake. */
  ephemeral(): KeyPair {
    const secret = new Uint8Array(KEY_LENGTH);
    this.io.random(secret);
    const pair = ephemeralPair(secret);
    secret.fill(0);
    return pair;
  }

  /** What is added to a time-out, so that two ends do not keep in step; 0 to `most` - 1 microseconds. */
  jitter(most: number): number {
    this.io.random(this.#fourBytes);
    return ((this.#four[0] as number) >>> 0) % most;
  }
}
