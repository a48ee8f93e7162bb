/**
 * A session: the control channel between two ends, from the first reset to the last renegotiation, and its data keys.
 *
 * Pure in packets and time, but for TLS, which is given from outside and tells by `wake` that it has more. Two keys may
 * live side by side: the newest, and the one before until the newest is used by both (ssl.c, KS_PRIMARY, KS_LAME_DUCK).
 * @module
 */
import { NEVER } from '../../tunnel.ts';
import { wantsKey } from '../wrap/early.ts';
import { STATIC_KEY } from '../wrap/static-key.ts';
import { dynamicTlsCrypt } from '../wrap/tls-crypt.ts';
import { EARLY_NEGOTIATION, Stamps, type Wrapping } from '../wrap/wrap.ts';
import { DataKey } from './data.ts';
import {
  DYNAMIC_LABEL,
  EKM_LABEL,
  expandKeys,
  type KeyMessage,
  PRE_MASTER,
  RANDOM,
  writeKeyMessage,
} from './key-method.ts';
import { KeyState } from './key-state.ts';
import {
  bodyOverhead,
  HEADER,
  header,
  isControl,
  isReset,
  keyId,
  Op,
  opcode,
  readBody,
  SESSION_ID,
  same,
  sessionId,
  writeBody,
} from './packet.ts';
import type { ControlSettings, ControlUser, DataParameters } from './terms.ts';

/** Bytes of a control packet at most, as `--max-packet-size` has it, less IPv6 and UDP. */
const MAX_CONTROL = 1250 - 48;
/** Acknowledgments that ride on packets with something to say (reliable.h, CONTROL_SEND_ACK_MAX). */
const RIDING_ACKS = 4;
const ALL_ACKS = 8;
const NOTHING = new Uint8Array(0);

export class ControlChannel {
  /** Packets that were not taken: forged, replayed, malformed, of another session. */
  refused = 0;
  readonly ours: Uint8Array;
  theirs: Uint8Array | undefined;
  #newest: KeyState | undefined;
  #previous: KeyState | undefined;
  #parameters: DataParameters | undefined;
  #stamps: Stamps;
  #dynamic: { readonly wrapping: Wrapping; readonly stamps: Stamps } | undefined;
  #isOver = false;
  readonly #settings: ControlSettings;
  readonly #user: ControlUser;

  /** `ours`: our session id; made by chance if it is not given. */
  constructor(settings: ControlSettings, user: ControlUser, ours?: Uint8Array) {
    this.#settings = settings;
    this.#user = user;
    this.ours = ours ?? this.#chance(SESSION_ID);
    this.#stamps = new Stamps(settings.isV2 ? EARLY_NEGOTIATION : 0);
  }

  /** The key that is agreed on, or was last. */
  get newest(): KeyState | undefined {
    return this.#newest;
  }

  /** Client: begin. */
  begin(now: number): void {
    const key = this.#open(0, 0, now);
    key.reliable.send(this.#settings.isV2 ? Op.RESET_CLIENT_V3 : Op.RESET_CLIENT_V2, NOTHING);
  }

  /** Server: go on where a reset was answered without state. The first packet of each end is behind us. */
  adopt(theirs: Uint8Array, now: number): void {
    this.theirs = new Uint8Array(theirs);
    this.#stamps = new Stamps(1);
    this.#open(0, 1, now).begin(this.#settings.tls);
  }

  /** How data travels from now on; keys are made for what is active. */
  use(parameters: DataParameters, now: number): void {
    this.#parameters = parameters;
    this.work(now);
  }

  /** Begin another key, if the newest is in use. */
  renegotiate(now: number): void {
    if (this.#newest?.data === undefined) return;
    this.#next(now).reliable.send(Op.SOFT_RESET, NOTHING);
  }

  /** Say `text` on the newest key that can; false if none can. */
  say(text: string): boolean {
    const key = this.#newest?.isActive ? this.#newest : this.#previous;
    if (key === undefined || !key.isActive) return false;
    key.say(Buffer.from(`${text}\0`));
    return true;
  }

  /** The key for what comes with this key id. */
  keyFor(id: number): KeyState | undefined {
    if (this.#newest?.keyId === id) return this.#newest;
    return this.#previous?.keyId === id ? this.#previous : undefined;
  }

  /**
   * The key to seal with. A new one is used when the peer has used it, or, since an OpenVPN waits for the same, when it
   * has been there for as long as a handshake may take (ssl.c, `tls_select_encryption_key`).
   */
  sealing(now: number): KeyState | undefined {
    const newest = this.#newest;
    const previous = this.#previous;
    const old = previous?.data === undefined ? undefined : previous;
    if (newest?.data === undefined) return old;
    if (old === undefined || newest.isHeard) return newest;
    const { handWindow, renegAfter } = this.#settings;
    const wait = renegAfter > 0 ? Math.min(handWindow, renegAfter / 2) : handWindow;
    return now >= newest.established + wait || old.data?.spent ? newest : old;
  }

  /** A packet came; true if it is authentic and of this session. Call `work` after a batch. */
  input(packet: Uint8Array, now: number): boolean {
    const taken = this.#take(packet, now);
    if (!taken) this.refused++;
    return taken;
  }

  /** Do what is to be done, send what is due. */
  work(now: number): void {
    if (this.#isOver) return;
    this.#renegotiateIfDue(now);
    // What one step gives, another may take: TLS of a simulation answers at once.
    for (let again = 2; again > 0; again--) {
      for (const key of [this.#previous, this.#newest]) {
        if (key === undefined) continue;
        key.work({
          reset: (state, payload) => this.#reset(state, payload),
          message: (state, message) => this.#message(state, message),
          text: (_, text) => this.#user.text(text),
        });
        if (this.#isOver) return;
        if (key.isReady && key.ours === undefined && !key.isActive) this.#introduce(key);
        this.#advance(key, now);
        if (this.#isOver) return;
        this.#send(key, now);
      }
    }
    this.#end(now);
  }

  /** When `work` wants to be called. */
  deadline(): number {
    if (this.#isOver) return NEVER;
    let soonest = NEVER;
    for (const key of [this.#newest, this.#previous]) {
      if (key === undefined) continue;
      soonest = Math.min(soonest, key.reliable.deadline, key.dies);
      if (!key.isActive) soonest = Math.min(soonest, key.until);
    }
    const newest = this.#newest;
    if (newest?.data !== undefined && this.#settings.renegAfter > 0) {
      soonest = Math.min(soonest, newest.established + this.#settings.renegAfter);
    }
    return soonest;
  }

  /** Forget the session and its keys. */
  close(): void {
    this.#isOver = true;
    this.#newest?.close();
    this.#previous?.close();
    this.#newest = undefined;
    this.#previous = undefined;
  }

  #chance(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#settings.random(bytes);
    return bytes;
  }

  #open(id: number, first: number, now: number): KeyState {
    const { handWindow, role } = this.#settings;
    const key = new KeyState(id, first, role === 'server', now + handWindow, this.#user.wake);
    this.#newest = key;
    return key;
  }

  /** The key after the newest: 1 to 7 in turn, 0 only the first time. */
  #next(now: number): KeyState {
    const old = this.#newest as KeyState; // asked when there is one in use
    this.#previous?.close();
    this.#previous = old;
    old.dies = now + this.#settings.tranWindow;
    return this.#open((old.keyId % 7) + 1, 0, now);
  }

  #wrapping(id: number): { readonly wrapping: Wrapping; readonly stamps: Stamps } {
    if (id !== 0 && this.#dynamic !== undefined) return this.#dynamic;
    return { wrapping: this.#settings.wrapping, stamps: this.#stamps };
  }

  #take(packet: Uint8Array, now: number): boolean {
    if (packet.length < HEADER || this.#isOver) return false;
    const first = packet[0] as number; // longer than a header
    const op = opcode(first);
    const id = keyId(first);
    if (!isControl(op)) return false;
    const fromServer = this.#settings.role === 'client';
    if (isReset(op) && (op === Op.RESET_SERVER_V2) !== fromServer) return false;
    const remote = sessionId(packet);
    if (
      this.theirs === undefined ? op !== Op.RESET_SERVER_V2 || id !== 0 : !same(remote, this.theirs)
    ) {
      return false;
    }
    const { wrapping, stamps } = this.#wrapping(id);
    const opened = wrapping.open(packet);
    if (opened === undefined) return false;
    const body = readBody(op, opened.body);
    if (body === undefined) return false;
    if (body.acked !== undefined && !same(body.acked, this.ours)) return false;
    // The server shows with its reset that ours reached it: an answer from elsewhere begins nothing.
    if (this.theirs === undefined && !body.acks.includes(0)) return false;
    if (!stamps.fresh(opened.stamp)) return false;
    this.theirs ??= new Uint8Array(remote);
    let key = this.keyFor(id);
    if (
      op === Op.SOFT_RESET &&
      this.#newest?.data !== undefined &&
      id === (this.#newest.keyId % 7) + 1
    ) {
      key = this.#next(now);
      key.reliable.send(Op.SOFT_RESET, NOTHING);
    }
    if (key === undefined) return false;
    key.reliable.acknowledged(body.acks);
    if (body.id >= 0) key.reliable.receive(body.id, op, body.payload);
    return true;
  }

  /** The peer's first packet on a key: TLS may begin. */
  #reset(key: KeyState, payload: Uint8Array): void {
    if (this.#settings.isV2 && key.keyId === 0 && wantsKey(payload)) {
      key.reliable.send(Op.CONTROL_WKC, NOTHING);
    }
    key.reliable.hurry();
    key.begin(this.#settings.tls);
  }

  /** Our part of key method 2: a client as soon as TLS is there, a server when it has heard the client. */
  #introduce(key: KeyState): void {
    const isClient = this.#settings.role === 'client';
    if (!isClient && key.theirs === undefined) return;
    key.ours = {
      preMaster: isClient ? this.#chance(PRE_MASTER) : NOTHING,
      random1: this.#chance(RANDOM),
      random2: this.#chance(RANDOM),
    };
    key.say(writeKeyMessage({ source: key.ours, ...this.#settings.fields() }));
  }

  #message(key: KeyState, message: KeyMessage): void {
    this.#user.message(key, message);
  }

  #advance(key: KeyState, now: number): void {
    const { ours, theirs } = key;
    if (!key.isActive && ours !== undefined && theirs !== undefined) {
      key.pack(this.#room());
      if (key.reliable.idle && !key.isFull && key.failure === undefined) {
        key.isActive = true;
        key.established = now;
        this.#user.active(key);
        if (this.#isOver) return;
      }
    }
    const may = key.isAuthorized || this.#settings.role === 'client';
    if (key.isActive && may && key.data === undefined && this.#parameters !== undefined) {
      this.#makeKeys(key, this.#parameters);
    }
  }

  #makeKeys(key: KeyState, parameters: DataParameters): void {
    const { ours, theirs } = key;
    const remote = this.theirs;
    if (ours === undefined || theirs === undefined || remote === undefined) return;
    const { role, aead, wrappingKey } = this.#settings;
    const isClient = role === 'client';
    const bytes = parameters.ekm
      ? key.exportKeys(EKM_LABEL, STATIC_KEY)
      : isClient
        ? expandKeys(ours, theirs, this.ours, remote)
        : expandKeys(theirs, ours, remote, this.ours);
    key.data = new DataKey(aead, parameters.cipher, bytes, role, key.keyId, parameters.peerId);
    bytes.fill(0);
    key.forget();
    if (parameters.dynamic && this.#dynamic === undefined) {
      const exported = key.exportKeys(DYNAMIC_LABEL, STATIC_KEY);
      const wrapping = dynamicTlsCrypt(exported, wrappingKey, role);
      exported.fill(0);
      this.#dynamic = { wrapping, stamps: new Stamps() };
    }
  }

  #room(): number {
    return MAX_CONTROL - HEADER - this.#settings.wrapping.overhead - bodyOverhead(ALL_ACKS);
  }

  #send(key: KeyState, now: number): void {
    key.pack(this.#room());
    for (let due = key.reliable.due(now); due !== undefined; due = key.reliable.due(now)) {
      const acks = this.theirs === undefined ? [] : key.reliable.acks(RIDING_ACKS);
      this.#emit(key, due.op, writeBody(acks, this.theirs ?? NOTHING, due.id, due.payload));
    }
    if (key.reliable.owes && this.theirs !== undefined) {
      this.#emit(key, Op.ACK, writeBody(key.reliable.acks(ALL_ACKS), this.theirs, -1));
    }
  }

  #emit(key: KeyState, op: number, body: Uint8Array): void {
    const { wrapping, stamps } = this.#wrapping(key.keyId);
    const head = header(op, key.keyId, this.ours);
    this.#user.send(wrapping.seal(head, body, stamps.next(this.#settings.time)));
  }

  #renegotiateIfDue(now: number): void {
    const newest = this.#newest;
    const data = newest?.data;
    if (newest === undefined || data === undefined) return;
    const { renegAfter, renegBytes, renegPackets } = this.#settings;
    const isOld = renegAfter > 0 && now >= newest.established + renegAfter;
    const isLong = renegBytes > 0 && data.bytes >= renegBytes;
    const isMany = renegPackets > 0 && data.sent + data.opened >= renegPackets;
    if (isOld || isLong || isMany || data.nearlySpent) this.renegotiate(now);
  }

  /** What time ends: handshakes, keys before the newest. */
  #end(now: number): void {
    const previous = this.#previous;
    if (previous !== undefined && (now >= previous.dies || previous.failure !== undefined)) {
      previous.close();
      this.#previous = undefined;
    }
    const newest = this.#newest;
    if (newest === undefined) return;
    const late = !newest.isActive && now >= newest.until;
    if (newest.failure === undefined && !late) return;
    this.#isOver = true;
    this.#user.failed(newest.failure ?? `no handshake within ${this.#settings.handWindow / 1e6} s`);
  }
}
