/**
 * What a session is given, and what it tells: the terms between `ControlChannel` and who owns one.
 * @module
 */
import type { AeadMaker } from '../../crypto/aead.ts';
import type { RandomBytes } from '../../tunnel.ts';
import type { Wrapping } from '../wrap/wrap.ts';
import type { KeyFields, KeyMessage } from './key-method.ts';
import type { KeyState } from './key-state.ts';
import type { TlsMaker } from './tls.ts';

/** How the data channel is used; known once both ends have told what they can. */
export interface DataParameters {
  readonly cipher: string;
  readonly peerId: number;
  /** Keys come from TLS, not from the PRF of TLS 1.0. */
  readonly ekm: boolean;
  /** Renegotiations are wrapped with a key of their own. */
  readonly dynamic: boolean;
}

/** Times in microseconds. */
export interface ControlSettings {
  readonly role: 'client' | 'server';
  readonly wrapping: Wrapping;
  /** The 256 bytes of its key, where it has one: `dyn-tls-crypt` mixes them in. */
  readonly wrappingKey: Uint8Array | undefined;
  /** The client's key is sent along: the first reset says so (tls-crypt-v2). */
  readonly isV2: boolean;
  readonly tls: TlsMaker;
  readonly aead: AeadMaker;
  readonly random: RandomBytes;
  /** Seconds since 1970, for stamps: the same all through a session. */
  readonly time: number;
  readonly handWindow: number;
  readonly tranWindow: number;
  /** 0: never by time. */
  readonly renegAfter: number;
  /** Bytes and packets of a key, both ways; 0 for no limit. */
  readonly renegBytes: number;
  readonly renegPackets: number;
  /** What this end says of itself. */
  fields(): KeyFields;
}

export interface ControlUser {
  send(packet: Uint8Array): void;
  /** The peer has said who it is, on a first or a later key. A server authorizes the key, now or later. */
  message(key: KeyState, message: KeyMessage): void;
  text(text: string): void;
  /** Both ends know each other's part on this key. */
  active(key: KeyState): void;
  /** The newest key is of no use. */
  failed(reason: string): void;
  /** Call `work` soon. */
  wake(): void;
}
