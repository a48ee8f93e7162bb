/**
 * Who attacks: it sees every number of every connection, as a peer does that is also on the path, and
 * sends what is nearly right. Segments in sequence and beside it (`forge.ts`); ICMP errors that quote what has
 * really been sent; TCP in fragments; datagrams; packets with a device's header that lies; replays; noise.
 * @module
 */
import { below, type Random, unit } from '../../../src/stack/base/random.ts';
import { diff } from '../../../src/stack/base/seq.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import type { Tcb } from '../../../src/stack/tcp/tcb/tcb.ts';
import * as virtio from '../../../src/stack/wire/virtio.ts';
import { icmp, ip, PEER, packet, US, udp } from '../../support/packets.ts';
import { tcpPacket } from '../../support/segments.ts';
import { Bit, type Draft, Forge, LONGEST } from './forge.ts';
import { BOUND, LISTENED, type Rig } from './rig.ts';
import { greet, STRANGER } from './stranger.ts';
import { textAt } from './text.ts';

const { FIN, SYN, RST, ACK } = Bit;
const TCP = 6;

/** One thing that the enemy does; the packets that it made. */
type Move = () => void;

export class Enemy {
  readonly #rig: Rig;
  readonly #random: Random;
  readonly #forge: Forge;
  readonly #moves: readonly (readonly [number, Move])[];
  readonly #weights: number;
  /** Packets for a replay. */
  readonly #old: Uint8Array[] = [];
  /** What was sent since the last flush. */
  #came = 0;
  #port = 20_000;

  constructor(rig: Rig, random: Random) {
    this.#rig = rig;
    this.#random = random;
    this.#forge = new Forge(rig, random);
    this.#moves = [
      [40, () => this.#segment(this.#below(3) === 0 ? 0 : 1 + this.#below(3))],
      [10, () => this.#answer()],
      [6, () => this.#stream()],
      [6, () => this.#drain()],
      [8, () => this.#open()],
      [4, () => this.#invite()],
      [8, () => this.#icmp()],
      [5, () => this.#fragments()],
      [4, () => this.#stray()],
      [4, () => this.#datagram()],
      [4, () => this.#replay()],
      [3, () => this.#noise()],
      [6, () => this.#liar()],
      [3, () => this.#forgery()],
      [16, () => this.#application()],
      [20, () => this.#flush()],
      [14, () => this.#wait()],
      [2, () => this.#jam()],
      [1, () => this.#door()],
    ];
    this.#weights = this.#moves.reduce((sum, [weight]) => sum + weight, 0);
  }

  /** Do something. */
  move(): void {
    let n = this.#below(this.#weights);
    for (const [weight, move] of this.#moves) {
      n -= weight;
      if (n < 0) {
        move();
        return;
      }
    }
  }

  /** Open so many connections, and leave it at that. */
  crowd(connections: number): void {
    const { table } = this.#rig.core.tcp;
    for (let tries = 0; table.length < connections && tries < 4 * connections; tries++) {
      const tcb = this.#rig.connect(PEER, 1 + (tries % 65_000));
      this.#flush();
      if (tcb !== undefined) this.#send(this.#forge.make(tcb, this.#forge.draft(tcb)));
      this.#flush();
    }
  }

  /** One hostile packet, or a few fragments, and what comes of it. */
  hostile(): void {
    const n = this.#below(10);
    if (n < 5) this.#segment(1 + this.#below(3));
    else if (n < 7) this.#icmp();
    else if (n < 8) this.#stray();
    else if (n < 9) this.#fragments();
    else this.#noise();
    this.#flush();
  }

  /** A handshake as it should be, and a word: true if the word was acknowledged. */
  greet(port: number): boolean {
    this.#flush();
    return greet(this.#rig, this.#freshPort(), port, this.#random.int32());
  }

  #below(n: number): number {
    return below(this.#random, n);
  }

  #chance(share: number): boolean {
    return unit(this.#random) < share;
  }

  #pick<T>(...from: readonly T[]): T {
    return from[this.#below(from.length)] as T; // `below` stays inside
  }

  #freshPort(): number {
    this.#port = this.#port >= 60_000 ? 20_000 : this.#port + 1;
    return this.#port;
  }

  #send(bytes: Uint8Array, front?: Uint8Array): void {
    this.#came++;
    if (this.#old.length < 64) this.#old.push(bytes);
    else this.#old[this.#below(64)] = bytes;
    this.#rig.deliver(bytes, front);
  }

  #flush(): void {
    this.#rig.flush(this.#came);
    this.#came = 0;
  }

  #wait(): void {
    this.#flush();
    const span = this.#pick(10, 1000, 50_000, 300_000, 2e6);
    const { full } = this.#rig.wire; // each millisecond is looked at then
    this.#rig.advance(this.#chance(0.02) && !full ? 300e6 : this.#below(span));
  }

  /** The device takes nothing for a while, or takes again. */
  #jam(): void {
    this.#flush();
    this.#rig.jam(!this.#rig.wire.full && this.#chance(0.5));
  }

  /** A listener closes, another opens. */
  #door(): void {
    const { listeners } = this.#rig;
    const listener = listeners[this.#below(listeners.length)];
    if (listener === undefined || listener.port === 80) return;
    listener.close();
    this.#rig.listen(listener.port, listener.backlog);
  }

  #application(): void {
    const { apps } = this.#rig;
    // The later ones are more likely to be alive.
    for (let n = 0; n < 4 && apps.length > 0; n++) {
      const app = apps[apps.length - 1 - this.#below(Math.min(apps.length, 24))];
      if (app === undefined || app.closed) continue;
      app.act();
      return;
    }
  }

  #connection(): Tcb | undefined {
    const { table } = this.#rig.core.tcp;
    return table[this.#below(table.length)];
  }

  /** A segment of a connection, bent in so many ways. */
  #segment(bends: number): void {
    const tcb = this.#connection();
    if (tcb === undefined) return;
    const { states } = this.#rig;
    states[tcb.state] = (states[tcb.state] as number) + 1;
    const draft = this.#forge.draft(tcb);
    if (this.#chance(0.5)) draft.length = this.#forge.length(tcb);
    for (let n = 0; n < bends; n++) this.#forge.bend(tcb, draft);
    const bytes = this.#forge.make(tcb, draft);
    if (bytes.length <= this.#rig.mtu) this.#send(bytes, this.#forge.front(bytes, draft));
    else if (this.#rig.offloads) this.#send(bytes, this.#forge.cut(tcb));
  }

  /** All that is out is acknowledged, and what is due next is done: states move on. */
  #answer(): void {
    const tcb = this.#connection();
    if (tcb === undefined) return;
    this.#flush(); // so that a SYN or a FIN that is due is out
    this.#segment(0);
    const draft = this.#forge.draft(tcb);
    if (tcb.tableIndex < 0) return;
    if (this.#chance(0.3)) draft.flags |= FIN;
    this.#send(this.#forge.make(tcb, draft));
  }

  /** Text without end, some of it early and some lost: buffers fill, go round and empty. */
  #stream(): void {
    const tcb = this.#connection();
    if (tcb === undefined || tcb.state < State.ESTABLISHED) return;
    const window = diff(tcb.rcvAdv, tcb.rcvNxt);
    const drafts: Draft[] = [];
    for (let at = 0; at < Math.min(window, 40_000); at += 1000) {
      const length = Math.min(1000, window - at, this.#rig.mtu - 80);
      drafts.push({ ...this.#forge.draft(tcb), seq: (tcb.rcvNxt + at) | 0, length });
      if (length < 1000) break;
    }
    for (let i = 0; i + 1 < drafts.length; i++) {
      if (!this.#chance(0.2)) continue;
      [drafts[i], drafts[i + 1]] = [drafts[i + 1] as Draft, drafts[i] as Draft]; // both inside
    }
    for (const draft of drafts) if (this.#chance(0.97)) this.#send(this.#forge.make(tcb, draft));
    this.#flush();
  }

  /** All that the stack has to say is acknowledged, as it comes. */
  #drain(): void {
    const tcb = this.#connection();
    if (tcb === undefined || tcb.state < State.ESTABLISHED) return;
    for (let n = 0; n < 12 && tcb.tableIndex >= 0; n++) {
      this.#flush();
      this.#rig.advance(5000);
      const draft = this.#forge.draft(tcb);
      if (this.#chance(0.1)) draft.ack = tcb.sndUna;
      this.#send(this.#forge.make(tcb, draft));
    }
  }

  /** A SYN to a port where somebody listens, or to one where nobody does; and its ACK. */
  #open(): void {
    const known = [...LISTENED.keys()];
    const port = this.#chance(0.9) ? this.#pick(...known) : this.#below(65_536);
    const source = this.#pick(PEER, PEER, STRANGER, ip('10.0.0.9'));
    const sourcePort = this.#chance(0.1) ? 20_001 : this.#freshPort();
    const seq = this.#random.int32();
    const length = this.#chance(0.1) ? this.#below(200) : 0; // text on a SYN, RFC 9293 §3.4
    const bytes = tcpPacket({
      source,
      sourcePort,
      destination: US,
      port,
      seq,
      ack: 0,
      flags: SYN | (this.#chance(0.2) ? 0xc0 : 0),
      window: this.#pick(65_535, 65_535, 0, 1),
      options: this.#forge.padded(this.#forge.offers()),
      text: textAt((seq + 1) | 0, length),
    });
    this.#send(bytes);
    if (this.#chance(0.1)) this.#send(bytes);
    if (this.#chance(0.2)) return;
    this.#flush();
    const { table } = this.#rig.core.tcp;
    const tcb = table.findLast((t) => t.remotePort === sourcePort && t.localPort === port);
    if (tcb !== undefined) this.#send(this.#forge.make(tcb, this.#forge.draft(tcb)));
  }

  /** The stack opens a connection; the enemy's answer is drawn later, with all others. */
  #invite(): void {
    const tcb = this.#rig.connect(PEER, this.#pick(9, this.#freshPort()));
    this.#flush();
    if (tcb === undefined || this.#chance(0.2)) return;
    const draft = this.#forge.draft(tcb);
    if (this.#chance(0.2))
      draft.flags = SYN; // both at once, RFC 9293 §3.5, figure 7
    else if (this.#chance(0.05)) draft.flags = RST | ACK;
    this.#send(this.#forge.make(tcb, draft));
  }

  /** An error about what was really sent, as it was or a little changed. */
  #icmp(): void {
    const { recent } = this.#rig.wire;
    const sent = recent[this.#below(recent.length)];
    if (sent === undefined) return;
    const quoted = sent.slice(0, this.#pick(28, 28, 36, 40, 8, 576));
    if (this.#chance(0.3)) quoted[this.#below(quoted.length)] = this.#below(256);
    const type = this.#pick(3, 3, 3, 3, 11, 12, 4, 5, this.#below(256));
    const code = type === 3 && this.#chance(0.5) ? 4 : this.#below(17);
    const rest = this.#pick(0, 68, 296, 552, 576, 1280, 1400, 1499, 1500, 9000, 65_535);
    const body = icmp(type, code, this.#chance(0.1) ? this.#random.int32() : rest, quoted);
    this.#send(packet({ source: this.#pick(PEER, STRANGER), protocol: 1, body }));
  }

  /** A segment in fragments: in disorder, with gaps, twice, overlapping. */
  #fragments(): void {
    const tcb = this.#connection();
    if (tcb === undefined) return;
    const draft = this.#forge.draft(tcb);
    draft.length = 64 + this.#below(1000);
    if (this.#chance(0.3)) this.#forge.bend(tcb, draft);
    const body = this.#forge.make(tcb, draft).slice(20);
    const id = this.#below(8);
    const source = tcb.remoteAddress;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < body.length; ) {
      const size = 8 * (1 + this.#below(40));
      const more = at + size < body.length;
      const part = { id, offset: at, more, body: body.slice(at, at + size) };
      pieces.push(packet({ source, destination: tcb.localAddress, protocol: TCP, ...part }));
      at += this.#chance(0.97) ? size : Math.max(8, size - 8);
    }
    for (let i = pieces.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      if (this.#chance(0.7)) continue;
      [pieces[i], pieces[j]] = [pieces[j] as Uint8Array, pieces[i] as Uint8Array]; // both inside
    }
    for (const piece of pieces) {
      if (this.#chance(0.95)) this.#send(piece);
      if (this.#chance(0.05)) this.#send(piece);
    }
  }

  /** A segment of no connection. */
  #stray(): void {
    const length = this.#chance(0.3) ? this.#below(100) : 0;
    const seq = this.#random.int32();
    this.#send(
      tcpPacket({
        source: this.#pick(PEER, STRANGER),
        sourcePort: this.#below(65_536),
        destination: US,
        port: this.#pick(80, 81, 9, this.#below(65_536)),
        seq,
        ack: this.#random.int32(),
        flags: this.#below(256) & ~SYN,
        window: this.#below(65_536),
        text: textAt(seq, length),
      }),
    );
  }

  #datagram(): void {
    const text = textAt(0, this.#below(1200));
    const source = this.#pick(PEER, STRANGER);
    const port = this.#pick(...BOUND, this.#below(65_536));
    const body = udp(source, this.#below(65_536), US, port, text, this.#chance(0.8));
    if (this.#chance(0.2)) body[this.#below(8)] = this.#below(256);
    const dontFragment = this.#chance(0.5);
    this.#send(packet({ source, protocol: 17, dontFragment, body }));
  }

  #replay(): void {
    const old = this.#old[this.#below(this.#old.length)];
    if (old !== undefined && old.length <= this.#rig.mtu) this.#send(old);
  }

  /** Bytes that mean nothing, or a packet of some time ago with a byte changed: checksums catch these. */
  #noise(): void {
    const old = this.#old[this.#below(this.#old.length)];
    const bytes =
      old !== undefined && this.#chance(0.7)
        ? old.slice(0, this.#pick(old.length, this.#below(old.length + 1)))
        : Uint8Array.from({ length: this.#below(200) }, () => this.#below(256));
    if (bytes.length > this.#rig.mtu) return;
    if (bytes.length > 0) bytes[this.#below(bytes.length)] = this.#below(256);
    this.#send(bytes);
  }

  /**
   * Text that is not what its checksum says, from a device that says it has looked, or that somebody else will;
   * but nothing of the kind was agreed with it. An owner who is given the text will tell.
   */
  #forgery(): void {
    const tcb = this.#connection();
    if (tcb === undefined || this.#rig.offloads) return;
    const bytes = this.#forge.make(tcb, { ...this.#forge.draft(tcb), length: 40 });
    const last = bytes.length - 1 - this.#below(39);
    bytes[last] = (bytes[last] as number) ^ 0x5a; // inside the text
    const front = new Uint8Array(12);
    const { NEEDS_CSUM, DATA_VALID } = virtio.Flag;
    virtio.write(
      new DataView(front.buffer),
      0,
      this.#pick(NEEDS_CSUM, DATA_VALID),
      0,
      0,
      0,
      20,
      16,
    );
    this.#send(bytes, front);
  }

  /** A device that lies about a datagram or a ping: any header before any packet but TCP's. */
  #liar(): void {
    const front = Uint8Array.from({ length: 12 }, () => this.#below(256));
    const v = new DataView(front.buffer);
    const kind = this.#pick(0, 1, 3, 4, 5, 0x81);
    const size = this.#pick(0, 1, 8, 1472, this.#below(65_536));
    if (this.#chance(0.8))
      virtio.write(v, 0, this.#below(4), kind, 28, size, 20, this.#pick(6, 16, 65_535));
    const long = this.#rig.offloads && this.#chance(0.3);
    const text = textAt(0, this.#below(long ? LONGEST : 500));
    const body = this.#chance(0.7)
      ? udp(PEER, 9, US, this.#pick(...BOUND, 9), text, this.#chance(0.5))
      : icmp(8, 0, this.#random.int32(), text.subarray(0, 1000));
    this.#send(packet({ protocol: body[0] === 8 ? 1 : 17, body }), front);
  }
}
