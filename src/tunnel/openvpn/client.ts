/**
 * An OpenVPN client: a session with one of its servers, again and again until it is told to stop.
 *
 * Pure in packets and time, but for TLS (see `tls.ts`). Connecting, asking for the network (`PUSH_REQUEST`), up, and
 * again from the start when the server is silent (`ping-restart`), says so (`RESTART`), or fails.
 * @module
 */
import { REAL_ZERO } from '../../stack/base/real.ts';
import type { Endpoint } from '../endpoint.ts';
import { NEVER, type TunnelOut, type TunnelProtocol } from '../tunnel.ts';
import { introduction, isRoute, longestInside } from './introduction.ts';
import { isPing, Link, noCounters, type OpenVpnCounters } from './link.ts';
import { nothingPushed, type Pushed, readPushReply } from './push.ts';
import { CIPHERS, DATA_OVERHEAD, NO_PEER, OCC_EXIT, startsWith } from './session/data.ts';
import type { KeyState } from './session/key-state.ts';
import { Op, opcode } from './session/packet.ts';
import type { ControlSettings } from './session/terms.ts';
import type { ClientSettings, ClientUser } from './settings.ts';

const SECOND = 1_000_000;
/** Until the reply has come, it is asked for again (push.c). */
const ASK_EVERY = 5 * SECOND;
/** A server of 2.6 pushes unasked; others wait to be asked. */
const ASK_AFTER = 1 * SECOND;
/** Attempts that follow each other without a longer wait. */
const QUICK_ATTEMPTS = 5;

/** How far a client of OpenVPN is. */
export type ClientState = 'connecting' | 'pulling' | 'up' | 'waiting' | 'stopped';

export class OpenVpnClient implements TunnelProtocol {
  readonly counters: OpenVpnCounters = noCounters();
  state: ClientState = 'waiting';
  /** Handshakes that were done, renegotiations with them. */
  handshakes = 0;
  /** When the last was, in microseconds of the tunnel's clock. */
  handshakeAt: number = NEVER;
  bytesIn: number = REAL_ZERO;
  bytesOut: number = REAL_ZERO;
  network: Pushed = nothingPushed();
  readonly #settings: ClientSettings;
  readonly #user: ClientUser;
  readonly #out: TunnelOut;
  #link: Link | undefined;
  #remote = 0;
  #attempts = 0;
  #retryAt: number;
  /** When to ask for the push, and when to stop asking. */
  #askAt: number = NEVER;
  #askUntil: number = NEVER;
  #pushed: Pushed = nothingPushed();
  #pushing = false;
  #token: string | undefined;
  #tokenUser: string | undefined;
  #tls = '';
  /** Time of the call that is under way. */
  #now = 0;

  constructor(settings: ClientSettings, user: ClientUser, out: TunnelOut) {
    this.#settings = settings;
    this.#user = user;
    this.#out = out;
    this.#retryAt = Number.NEGATIVE_INFINITY;
  }

  /** Where the server is, or is looked for. */
  get endpoint(): Endpoint | undefined {
    return this.#link?.endpoint;
  }

  /** The way to the server; undefined between two attempts. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Begin another key now. */
  renegotiate(now: number): void {
    this.#link?.control.renegotiate(now);
    this.#link?.control.work(now);
  }

  /** The stream to the server has ended. */
  broken(reason: string, now: number): void {
    this.#now = now;
    if (this.#link !== undefined) this.#restart(reason);
  }

  packet(bytes: Uint8Array, at: number, length: number, now: number): void {
    const link = this.#link;
    if (link === undefined || this.state !== 'up' || length < 20) {
      this.counters.noRoute++;
      return;
    }
    if (link.seal(bytes, at, length, now)) this.bytesOut += length;
  }

  datagram(bytes: Uint8Array, at: number, length: number, from: Endpoint, now: number): void {
    this.#now = now;
    const link = this.#link;
    if (length === 0) {
      this.counters.malformed++;
      return;
    }
    const isThere = link !== undefined && (from === link.endpoint || from.isSame(link.endpoint));
    if (link === undefined || !(isThere || this.#settings.float)) {
      this.counters.stray++;
      return;
    }
    const op = opcode(bytes[at] as number); // not empty
    if (op === Op.DATA_V2) {
      this.#data(link, bytes, at, length, now);
      if (!isThere && link.heardAt === now) link.endpoint = from;
    } else if (op === Op.DATA_V1) {
      this.counters.malformed++;
    } else if (link.takeControl(bytes.subarray(at, at + length), now) && !isThere) {
      link.endpoint = from;
    }
  }

  deadline(): number {
    if (this.state === 'stopped') return NEVER;
    const link = this.#link;
    if (link === undefined) return this.#retryAt;
    let soonest = Math.min(link.control.deadline(), this.#askAt, this.#askUntil);
    if (this.state === 'up') {
      const { ping, pingRestart, pingExit } = this.#timers();
      if (ping > 0) soonest = Math.min(soonest, link.sentAt + ping * SECOND);
      if (pingRestart > 0) soonest = Math.min(soonest, link.heardAt + pingRestart * SECOND);
      if (pingExit > 0) soonest = Math.min(soonest, link.heardAt + pingExit * SECOND);
    }
    return soonest;
  }

  expire(now: number): void {
    this.#now = now;
    if (this.state === 'stopped') return;
    if (this.#link === undefined) {
      if (now >= this.#retryAt) this.#connect(now);
      return;
    }
    this.#link.control.work(now);
    if (this.#link === undefined) return;
    if (this.state === 'pulling') this.#ask(now);
    if (this.state === 'up') this.#keepAlive(this.#link, now);
  }

  stop(now: number): void {
    this.#now = now;
    const link = this.#link;
    const { exitNotify, isStream } = this.#settings;
    if (link !== undefined && this.state === 'up' && !isStream) {
      if (this.network.exitNotify ?? exitNotify) this.#sayExit(link, now);
    }
    this.#drop();
    this.state = 'stopped';
  }

  #timers(): { ping: number; pingRestart: number; pingExit: number } {
    const { ping, pingRestart, pingExit } = this.#settings;
    return {
      ping: this.network.ping ?? ping,
      pingRestart: this.network.pingRestart ?? pingRestart,
      pingExit: this.network.pingExit ?? pingExit,
    };
  }

  #connect(now: number): void {
    const { remotes, control, retryMost } = this.#settings;
    if (retryMost > 0 && this.#attempts >= retryMost) {
      this.#finish(`no connection after ${this.#attempts} attempts`);
      return;
    }
    const to = remotes[this.#remote % remotes.length];
    if (to === undefined) {
      this.#finish('no server to connect to');
      return;
    }
    this.#attempts++;
    this.state = 'connecting';
    this.#pushed = nothingPushed();
    this.#pushing = false;
    this.#user.connecting(to);
    const settings: ControlSettings = {
      ...control,
      role: 'client',
      time: this.#settings.time(),
      fields: () => {
        const { user = '', password = '' } = this.#settings;
        return {
          ...introduction(this.#settings, to, 'client'),
          user: this.#tokenUser ?? user,
          password: this.#token ?? password,
        };
      },
    };
    const link = new Link(
      settings,
      {
        message: () => {},
        text: (text) => this.#text(text),
        active: (key) => this.#active(key),
        failed: (reason) => this.#restart(reason),
        wake: () => this.#user.wake(),
      },
      this.#out,
      this.counters,
      to,
      now,
    );
    this.#link = link;
    link.control.begin(now);
    link.control.work(now);
  }

  #active(key: KeyState): void {
    this.handshakes++;
    this.handshakeAt = this.#now;
    this.#tls = key.peer?.suite ?? '';
    if (key.keyId !== 0) return;
    if (!this.#settings.pulls) {
      this.#pushed.ekm = true;
      this.#use();
      return;
    }
    if (this.#pushed.peerId !== undefined && !this.#pushing) this.#use();
    else {
      this.state = 'pulling';
      this.#askAt = this.#now + ASK_AFTER;
      this.#askUntil = this.#now + this.#settings.control.handWindow;
    }
  }

  #ask(now: number): void {
    if (now >= this.#askUntil) {
      this.#restart('the server has not answered the request for the network (PUSH_REQUEST)');
    } else if (now >= this.#askAt) {
      this.#askAt = now + ASK_EVERY;
      this.#link?.control.say('PUSH_REQUEST');
      this.#link?.control.work(now);
    }
  }

  #keepAlive(link: Link, now: number): void {
    const { ping, pingRestart, pingExit } = this.#timers();
    const silent = now - link.heardAt;
    if (pingExit > 0 && silent >= pingExit * SECOND) {
      this.#finish(`the server was silent for ${pingExit} s (ping-exit)`);
    } else if (pingRestart > 0 && silent >= pingRestart * SECOND) {
      this.#restart(`the server was silent for ${pingRestart} s (ping-restart)`);
    } else if (ping > 0 && now - link.sentAt >= ping * SECOND) {
      link.ping(now);
      link.sentAt = now; // without a key too: one attempt a turn
    }
  }

  #data(link: Link, bytes: Uint8Array, at: number, length: number, now: number): void {
    const text = link.open(bytes, at, length, now);
    if (text <= 0) return;
    const from = at + DATA_OVERHEAD;
    if (isPing(bytes, from, text)) return;
    if (startsWith(bytes, from, text, OCC_EXIT)) {
      this.#restart('the server has ended (exit notify)');
      return;
    }
    const version = (bytes[from] as number) >> 4; // not empty
    if (version !== 4 && version !== 6) return; // other words of OpenVPN's own: options, sizes
    this.bytesIn += text;
    this.#out.deliver(bytes, from, text);
  }

  /** What the server says on the control channel. */
  #text(text: string): void {
    const [word = '', ...rest] = text.split(',');
    const detail = rest.join(',');
    if (word === 'PUSH_REPLY') this.#pushReply(rest);
    else if (word === 'AUTH_FAILED') this.#refused(detail);
    else if (word === 'RESTART') this.#restart(`the server asks for a restart ${detail}`.trim());
    else if (word === 'EXIT') this.#restart('the server has ended');
    else if (word === 'HALT') this.#finish(`the server ends the session ${detail}`.trim());
    else if (word === 'AUTH_PENDING') this.#pending(rest);
    else this.#user.note(`the server says «${text}»: not there, without effect`);
  }

  /** Somebody is asked at the server's side: it takes longer (`AUTH_PENDING,timeout 120`). */
  #pending(words: readonly string[]): void {
    const told = words.map((word) => /^timeout (\d{1,4})$/.exec(word)?.[1]).find(Boolean);
    const wait = Math.min(Number(told ?? 60), 3600) * SECOND;
    this.#askUntil = Math.max(this.#askUntil, this.#now + wait);
  }

  #refused(detail: string): void {
    const isForNow = detail.startsWith('TEMP');
    const text = `the server refuses user or certificate (AUTH_FAILED${detail === '' ? '' : `: ${detail}`})`;
    const hadToken = this.#token !== undefined;
    this.#token = undefined;
    this.#tokenUser = undefined;
    if (isForNow || hadToken || this.#settings.retryAuth) this.#restart(text);
    else this.#finish(text);
  }

  #pushReply(options: readonly string[]): void {
    // The network is taken once: said again, it is the same (a lost acknowledgment), and no command.
    if (this.state === 'up' || !this.#settings.pulls) return;
    const kept: string[] = [];
    for (const option of options) {
      const may = this.#settings.filter?.(option) ?? true;
      if (typeof may === 'string') this.#pushed.refused ??= may;
      else if (may && !(this.#settings.ignoreRoutes && isRoute(option))) kept.push(option);
    }
    readPushReply(this.#pushed, kept);
    this.#pushing = options.includes('push-continuation 2');
    if (this.#pushing) return;
    if (this.#link?.control.newest?.isActive) this.#use();
  }

  /** All is known: the data channel begins. */
  #use(): void {
    const link = this.#link;
    const pushed = this.#pushed;
    if (link === undefined) return;
    const cipher = pushed.cipher ?? this.#settings.ciphers[0] ?? '';
    if (pushed.cipher !== undefined && !this.#settings.ciphers.includes(pushed.cipher)) {
      pushed.refused ??= `the server wants ${pushed.cipher}, which data-ciphers does not allow`;
    }
    if (CIPHERS[cipher] === undefined) pushed.refused ??= 'no cipher is left to offer';
    if (pushed.refused !== undefined) {
      this.#finish(pushed.refused);
      return;
    }
    for (const note of pushed.notes) this.#user.note(note);
    this.#token = pushed.authToken ?? this.#token;
    this.#tokenUser = pushed.authTokenUser ?? this.#tokenUser;
    this.network = pushed;
    this.state = 'up';
    this.#attempts = 0;
    this.#askAt = NEVER;
    this.#askUntil = NEVER;
    link.longest = longestInside(this.#settings, link.endpoint);
    link.heardAt = this.#now;
    const { ekm, dynamic, peerId = NO_PEER } = pushed;
    link.control.use({ cipher, peerId, ekm, dynamic }, this.#now);
    this.#user.up(pushed, this.#tls);
  }

  #sayExit(link: Link, now: number): void {
    if (this.network.exitByControl && link.control.say('EXIT')) link.control.work(now);
    else link.seal(OCC_EXIT, 0, OCC_EXIT.length, now);
  }

  #drop(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#askAt = NEVER;
    this.#askUntil = NEVER;
  }

  /** Begin again, with the next server, after a while. */
  #restart(reason: string): void {
    if (this.state === 'stopped') return;
    const wasUp = this.state === 'up';
    this.#drop();
    this.state = 'waiting';
    if (!wasUp) this.#remote++;
    const { retryWait, retryMostWait } = this.#settings;
    const slow = Math.max(0, this.#attempts - QUICK_ATTEMPTS);
    const wait = Math.min(retryWait * 2 ** Math.min(slow, 16), Math.max(retryWait, retryMostWait));
    this.#retryAt = this.#now + wait * SECOND;
    this.#user.down(reason);
  }

  #finish(reason: string): void {
    this.#drop();
    this.state = 'stopped';
    this.#user.ended(reason);
  }
}
