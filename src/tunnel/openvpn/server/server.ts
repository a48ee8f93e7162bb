/**
 * An OpenVPN server: many clients on one port, each with a session, addresses and a peer id.
 *
 * Pure in packets and time, but for TLS (see `tls.ts`) and for the verdict on users, which may take its time. Packets of
 * no session are the doorman's. A data packet is found by its peer id, so a client may change its address (`--float`).
 * @module
 */
import type { Endpoint } from '../../endpoint.ts';
import { NEVER, type TunnelOut, type TunnelProtocol } from '../../tunnel.ts';
import { introduction, longestInside, Proto } from '../introduction.ts';
import { isPing, Link, noCounters, type OpenVpnCounters } from '../link.ts';
import { writePushReply } from '../push.ts';
import { DATA_OVERHEAD, NO_PEER, OCC_EXIT, startsWith } from '../session/data.ts';
import type { KeyMessage } from '../session/key-method.ts';
import type { KeyState } from '../session/key-state.ts';
import { Op, opcode, same, sessionId } from '../session/packet.ts';
import type { ControlSettings } from '../session/terms.ts';
import type { ServerSettings, ServerUser } from '../settings.ts';
import { Doorman } from './doorman.ts';
import { abilities, Instance, pushedTo, shared, type Verdict } from './instance.ts';
import { Pool } from './pool.ts';
import { Table } from './table.ts';

const SECOND = 1_000_000;
/** A client that may not in hears why, and is forgotten (push.c, `schedule_exit`). */
const AFTER_REFUSAL = 5 * SECOND;

export class OpenVpnServer implements TunnelProtocol {
  readonly counters: OpenVpnCounters = noCounters();
  readonly pool: Pool;
  readonly #settings: ServerSettings;
  readonly #control: Omit<ControlSettings, 'fields'>;
  readonly #user: ServerUser;
  readonly #out: TunnelOut;
  readonly #doorman: Doorman;
  readonly #clients: Table;
  #due: number = NEVER;
  #isOver = false;
  #now = 0;

  /** Throws a `RangeError` for networks that cannot be. */
  constructor(settings: ServerSettings, user: ServerUser, out: TunnelOut) {
    this.#settings = settings;
    this.#user = user;
    this.#out = out;
    const { control, maxAnswers, maxClients, maxHandshakes } = settings;
    const time = settings.time();
    this.#control = { ...control, role: 'server', isV2: false, time };
    this.#doorman = new Doorman(
      control.wrapping,
      control.random,
      control.handWindow,
      time,
      maxAnswers,
    );
    this.pool = new Pool(settings.pool);
    this.#clients = new Table(maxClients + maxHandshakes, this.pool);
  }

  /** Those who are in, and those who are on their way. */
  get clients(): Iterable<Instance> {
    return this.#clients.all();
  }

  packet(bytes: Uint8Array, at: number, length: number, now: number): void {
    const to = length < 20 ? undefined : this.#clients.destination(bytes, at, length);
    if (to === undefined) {
      if (length >= 20 && this.#clients.isForAll(bytes, at))
        this.#toAll(bytes, at, length, undefined, now);
      else this.counters.noRoute++;
      return;
    }
    if (to.link.seal(bytes, at, length, now)) to.link.bytesOut += length;
  }

  datagram(bytes: Uint8Array, at: number, length: number, from: Endpoint, now: number): void {
    this.#now = now;
    if (length < 2 || this.#isOver) {
      this.counters.malformed++;
      return;
    }
    const op = opcode(bytes[at] as number); // two bytes at least
    if (op === Op.DATA_V2) this.#data(bytes, at, length, from, now);
    else if (op === Op.DATA_V1) this.counters.malformed++;
    else this.#toControl(bytes.subarray(at, at + length), from, now);
  }

  deadline(): number {
    return this.#due;
  }

  expire(now: number): void {
    this.#now = now;
    const { ping, pingRestart } = this.#settings;
    this.#due = NEVER;
    for (const client of [...this.#clients.all()]) {
      const { link } = client;
      if (now >= client.dies) {
        this.#forget(client, client.refusal ?? 'it has ended');
        continue;
      }
      if (pingRestart > 0 && now - link.heardAt >= pingRestart * SECOND) {
        this.#forget(client, `it was silent for ${pingRestart} s`);
        continue;
      }
      link.control.work(now);
      if (client.isUp && ping > 0 && now - link.sentAt >= ping * SECOND) {
        link.ping(now);
        link.sentAt = now;
      }
      this.#touch(client);
    }
  }

  /** A stream has ended: who was at its other end is gone. */
  gone(from: Endpoint, now: number): void {
    this.#now = now;
    for (const client of this.#clients.at(from.toString()))
      this.#forget(client, 'its connection has ended');
  }

  /** True if somebody at `from` has a session, or is about to. */
  knows(from: Endpoint): boolean {
    return this.#clients.at(from.toString()).length > 0;
  }

  /** Send a client away; false if there is none with this peer id. */
  kick(peerId: number, now: number): boolean {
    this.#now = now;
    const client = this.#clients.byId(peerId);
    if (client === undefined) return false;
    client.link.control.say('RESTART');
    client.link.control.work(now);
    this.#forget(client, 'sent away');
    return true;
  }

  stop(now: number): void {
    this.#now = now;
    this.#isOver = true;
    for (const client of [...this.#clients.all()]) {
      if (client.isUp) {
        client.link.control.say('RESTART');
        client.link.control.work(now);
      }
      client.link.close();
      this.#clients.remove(client);
    }
    this.#due = NEVER;
  }

  #touch(client: Instance): void {
    const { ping, pingRestart } = this.#settings;
    const due = client.deadline(ping * SECOND, pingRestart * SECOND);
    if (due < this.#due) this.#due = due;
  }

  #data(bytes: Uint8Array, at: number, length: number, from: Endpoint, now: number): void {
    if (length < DATA_OVERHEAD) {
      this.counters.malformed++;
      return;
    }
    // As long as the head of a packet at least.
    const [a, b, c] = [bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number];
    const id = (a << 16) | (b << 8) | c;
    const client = id === NO_PEER ? this.#clients.at(from.toString())[0] : this.#clients.byId(id);
    if (client === undefined || !client.isUp) {
      this.counters.stray++;
      return;
    }
    const { link } = client;
    const text = link.open(bytes, at, length, now);
    if (text < 0) return;
    if (from !== link.endpoint && !from.isSame(link.endpoint)) this.#float(client, from);
    const start = at + DATA_OVERHEAD;
    if (text === 0 || isPing(bytes, start, text)) return;
    if (startsWith(bytes, start, text, OCC_EXIT)) {
      this.#forget(client, 'it has ended (exit notify)');
      return;
    }
    const version = (bytes[start] as number) >> 4; // not empty
    if (version !== 4 && version !== 6) return; // other words of OpenVPN's own
    if (text < 20 || this.#clients.source(bytes, start, text) !== client) {
      this.counters.wrongSource++;
      return;
    }
    link.bytesIn += text;
    this.#route(client, bytes, start, text, now);
  }

  /** From one client to where it goes: another, all of them, or this end. */
  #route(client: Instance, bytes: Uint8Array, at: number, length: number, now: number): void {
    if (this.#settings.clientToClient) {
      const to = this.#clients.destination(bytes, at, length);
      if (to !== undefined) {
        if (to.link.seal(bytes, at, length, now)) to.link.bytesOut += length;
        return;
      }
      if (this.#clients.isForAll(bytes, at)) this.#toAll(bytes, at, length, client, now);
    }
    this.#out.deliver(bytes, at, length);
  }

  #toAll(
    bytes: Uint8Array,
    at: number,
    length: number,
    but: Instance | undefined,
    now: number,
  ): void {
    for (const client of this.#clients.all()) {
      if (client === but || !client.isUp) continue;
      if (client.link.seal(bytes, at, length, now)) client.link.bytesOut += length;
    }
  }

  /** An authentic packet came from elsewhere: its sender has moved. */
  #float(client: Instance, from: Endpoint): void {
    const there = this.#clients.at(from.toString());
    // Another is there, and was heard after: it is not to be robbed of its place by a packet that went astray.
    if (this.#settings.isStream || there.some((other) => other.isUp && other.name !== client.name))
      return;
    client.link.endpoint = from;
    this.#clients.move(client, from.toString());
  }

  #toControl(packet: Uint8Array, from: Endpoint, now: number): void {
    const place = from.toString();
    const client =
      packet.length < 9
        ? undefined
        : this.#clients
            .at(place)
            .find(
              ({ link }) =>
                link.control.theirs !== undefined && same(link.control.theirs, sessionId(packet)),
            );
    if (client !== undefined) {
      client.link.takeControl(packet, now);
      this.#touch(client);
      return;
    }
    const entry = this.#doorman.look(packet, from, now);
    if (entry.kind === 'none') this.counters.controlRefused++;
    else if (entry.kind === 'limited') this.counters.limited++;
    else if (entry.kind === 'answer') this.#send(entry.packet, from);
    else this.#admit(packet, entry.theirs, entry.ours, from, now);
  }

  #send(packet: Uint8Array, to: Endpoint): void {
    const { datagrams } = this.#out;
    const at = datagrams.reserve(packet.length);
    if (at < 0) {
      this.counters.unsent++;
      return;
    }
    datagrams.bytes.set(packet, at);
    datagrams.commit(packet.length, to);
  }

  /** Somebody has shown its address: a session. */
  #admit(
    packet: Uint8Array,
    theirs: Uint8Array,
    ours: Uint8Array,
    from: Endpoint,
    now: number,
  ): void {
    const { maxHandshakes, maxClients } = this.#settings;
    const place = from.toString();
    // One handshake a place: who begins again has given up the last.
    for (const other of this.#clients.at(place)) {
      if (!other.isUp) this.#forget(other, 'it begins again', false);
    }
    const { up, coming } = this.#clients.counts();
    const peerId = this.#clients.freeId();
    if (coming >= maxHandshakes || up >= maxClients || peerId < 0) {
      this.counters.limited++;
      return;
    }
    let client: Instance | undefined;
    const get = (): Instance => client as Instance; // made below, before anything is called
    const link = new Link(
      {
        ...this.#control,
        fields: () => introduction({ ...this.#settings, pulls: false, info: [] }, from, 'server'),
      },
      {
        message: (key, message) => this.#message(get(), key, message),
        text: (text) => this.#text(get(), text),
        active: (key) => this.#active(get(), key),
        failed: (reason) => this.#forget(get(), reason),
        wake: () => {
          if (this.#now < this.#due) this.#due = this.#now;
          this.#user.wake();
        },
      },
      this.#out,
      this.counters,
      from,
      now,
      ours,
    );
    client = new Instance(peerId, link, place);
    this.#clients.add(client);
    link.control.adopt(theirs, now);
    link.takeControl(packet, now);
    this.#touch(client);
  }

  /** A client has said who it is, first or again. */
  #message(client: Instance, key: KeyState, message: KeyMessage): void {
    const { authorize, ciphers, userIsName } = this.#settings;
    const name = key.peer?.name;
    if (key.keyId === 0) {
      client.abilities = abilities(message);
      client.cipher = shared(ciphers, client.abilities.ciphers);
      client.user = message.user;
      client.name = userIsName || name === undefined ? message.user : name;
      client.tls = key.peer?.suite ?? '';
      if ((client.abilities.proto & Proto.DATA_V2) === 0) {
        client.refusal = 'Data channel version 2 is needed';
      } else if (client.cipher === undefined) {
        client.refusal = 'Data channel cipher negotiation failed (no shared cipher)';
      }
    }
    if (client.refusal !== undefined) return;
    const { user, password } = message;
    const verdict = authorize?.({ name, user, password, from: client.link.endpoint }) ?? true;
    if (typeof verdict !== 'object') {
      this.#decide(client, key, verdict);
      return;
    }
    const late = (late: Verdict): void => {
      this.#decide(client, key, late);
      if (this.#now < this.#due) this.#due = this.#now;
      this.#user.wake();
    };
    verdict.then(late, () => late(false));
  }

  #decide(client: Instance, key: KeyState, verdict: Verdict): void {
    if (verdict === true) key.isAuthorized = true;
    else client.refusal = typeof verdict === 'string' ? verdict.replace(/[^\x20-\x7e]/g, ' ') : '';
    if (key.isActive) this.#active(client, key);
  }

  /** Key method 2 is done on a key. */
  #active(client: Instance, key: KeyState): void {
    if (client.refusal !== undefined) this.#turnAway(client);
    else if (key.isAuthorized && !client.isUp) this.#welcome(client);
  }

  #turnAway(client: Instance): void {
    if (client.dies !== NEVER) return;
    const { refusal = '' } = client;
    client.link.control.say(refusal === '' ? 'AUTH_FAILED' : `AUTH_FAILED,${refusal}`);
    client.dies = this.#now + AFTER_REFUSAL;
    this.#user.refused(client.link.endpoint, refusal === '' ? 'user or password' : refusal);
  }

  #welcome(client: Instance): void {
    const { duplicates } = this.#settings;
    for (const other of [...this.#clients.all()]) {
      if (other === client) continue;
      const isSame = !duplicates && client.name !== '' && other.isUp && other.name === client.name;
      if (isSame || (other.isUp && other.place === client.place)) {
        this.#forget(other, 'another has come in its place', false);
      }
    }
    client.lease = this.pool.take(client.name);
    if (client.lease === undefined) {
      client.refusal = 'no address is free';
      this.#turnAway(client);
      return;
    }
    client.isUp = true;
    client.since = this.#now;
    client.link.longest = longestInside(this.#settings, client.link.endpoint);
    this.#clients.lead(client);
    const proto = client.abilities?.proto ?? 0;
    client.link.control.use(
      {
        cipher: client.cipher as string, // agreed on, or it was refused
        peerId: client.peerId,
        ekm: (proto & Proto.TLS_EKM) !== 0,
        dynamic: (proto & Proto.DYNAMIC) !== 0,
      },
      this.#now,
    );
    this.#user.joined(client);
    if ((proto & Proto.REQUEST_PUSH) !== 0) this.#push(client);
  }

  #push(client: Instance): void {
    const options = pushedTo(client, this.#settings, this.pool);
    for (const text of writePushReply(options)) client.link.control.say(text);
    client.isPushed = true;
  }

  #text(client: Instance, text: string): void {
    if (text === 'PUSH_REQUEST') {
      if (client.isUp && !client.isPushed) this.#push(client);
    } else if (text === 'EXIT') {
      client.dies = this.#now;
      this.#due = Math.min(this.#due, this.#now);
      this.#user.wake();
    }
  }

  #forget(client: Instance, reason: string, hangUp = true): void {
    if (!this.#clients.remove(client)) return;
    client.link.close();
    if (client.lease !== undefined) this.pool.give(client.lease);
    if (client.isUp) this.#user.left(client, reason);
    else if (client.dies === NEVER) this.#user.refused(client.link.endpoint, reason);
    if (hangUp) this.#user.hangUp(client.link.endpoint);
  }
}
