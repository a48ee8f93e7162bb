/**
 * One connection of the core, and a peer that is no more than headers patched in place: what is
 * measured is the core.
 * @module
 */
import { SeededRandom } from '../../src/stack/base/random.ts';
import { add, diff, type Seq, seq } from '../../src/stack/base/seq.ts';
import { type Interface, NO_OFFLOAD, type Offload } from '../../src/stack/ip/interface.ts';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';
import { Core } from '../../src/stack/stack.ts';
import type { Owner } from '../../src/stack/tcp/tcb/owner.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { writeCopy, write as writeText } from '../../src/stack/tcp/verbs.ts';
import * as checksum from '../../src/stack/wire/checksum.ts';
import * as tcp from '../../src/stack/wire/tcp.ts';
import * as virtio from '../../src/stack/wire/virtio.ts';
import { PEER, US } from '../../test/support/packets.ts';
import { PEER6, US6 } from '../../test/support/packets6.ts';
import { optionBytes, tcpPacket } from '../../test/support/segments.ts';

/** TCP's header with timestamps. */
export const TCP_HEADER = 32;
/** Text of a segment that fills 1500 bytes, of IPv4. */
export const SEGMENT = 1448;
const PORT = 80;
const PEER_PORT = 1234;
const { ACK, PSH, SYN } = tcp.Flag;
const PLACES = 64;
/** Between batches, in µs. */
const BATCH = 30;

/** What the two families differ in: addresses, a header's length, and the segment size that follows from it. */
const FAMILIES = {
  4: { us: US, peer: PEER, prefix: 24, header: 20, mss: 1460 },
  6: { us: US6, peer: PEER6, prefix: 64, header: 40, mss: 1440 },
} as const;

export class TcpWorld {
  readonly core: Core;
  readonly slots: Slots;
  /** Bytes of text that the owner got, and that were sent. */
  received = 0;
  sent = 0;
  packetsOut = 0;
  readonly #iface: Interface;
  /** Text of a full segment. */
  readonly segment: number;
  readonly #family: (typeof FAMILIES)[4 | 6];
  readonly #offload: boolean;
  readonly #places: number[];
  readonly #ackPlace: number;
  #tcb: Tcb | undefined;
  #now = 1_000_000;
  /** What the peer sends next, and has received. */
  #next: Seq = seq(1000);
  #acked: Seq = seq(0);
  #turn = 0;

  constructor(offload: Offload = NO_OFFLOAD, family: 4 | 6 = 4) {
    this.#family = FAMILIES[family];
    const { us, prefix, header: ipHeader } = this.#family;
    this.segment = SEGMENT - (ipHeader - FAMILIES[4].header);
    this.#offload = offload.tso4;
    this.slots = new Slots({ count: 1024, packetSize: offload.tso4 ? 65_535 : 1500 });
    this.core = new Core({
      slots: this.slots,
      random: new SeededRandom(1),
      now: this.#now,
      tcp: { pacing: false, noDelay: true },
    });
    this.core.thrown = (error) => {
      throw error;
    };
    const view = this.slots.view;
    const headerLength = this.#offload ? virtio.LEN : 0;
    const out = {
      write: (at: number, length: number): boolean => {
        const segment = at + headerLength + ipHeader;
        const text = length - headerLength - ipHeader - tcp.headerLen(view, segment);
        const syn = (tcp.flags(view, segment) & SYN) !== 0 ? 1 : 0;
        const end = add(tcp.seq(view, segment), text + syn);
        if (diff(end, this.#acked) > 0 || syn === 1) this.#acked = end;
        this.sent += text;
        this.packetsOut++;
        return true;
      },
      flush: (): void => {},
    };
    this.#iface = this.core.addInterface({ name: 'b', mtu: 1500, headerLength, offload, out });
    this.#iface.ipv6 = family === 6;
    this.core.ip.routes.addAddress(this.#iface, us, prefix);
    this.#listen();
    this.#handshake();
    this.#places = Array.from({ length: PLACES }, (_, i) =>
      this.#place(this.segment, ACK | PSH, i),
    );
    this.#ackPlace = this.#place(0, ACK, 0);
  }

  /** A batch of segments in order, each of `SEGMENT` bytes; then the stack sends what is due. */
  receive(count: number): void {
    this.#begin();
    for (let i = 0; i < count; i++) {
      const at = this.#places[this.#turn++ & (PLACES - 1)] as number; // the mask keeps it inside
      this.#input(at, this.segment);
      this.#next = add(this.#next, this.segment);
    }
    this.core.flush(this.#now);
  }

  /** A batch of ACKs that bring nothing. */
  takeAcks(count: number): void {
    this.#begin();
    for (let i = 0; i < count; i++) this.#input(this.#ackPlace, 0);
    this.core.flush(this.#now);
  }

  /** Send `length` bytes, by reference or copied, and let the peer acknowledge each `every` of them. */
  send(bytes: Uint8Array, length: number, every: number, copy = false): void {
    const tcb = this.#tcb as Tcb; // since the handshake
    const before = this.#acked;
    this.#begin();
    if (copy) writeCopy(tcb, bytes, 0, length);
    else writeText(tcb, bytes, 0, length, undefined);
    this.core.flush(this.#now);
    let at = before;
    while (diff(this.#acked, at) > 0) {
      at = add(at, Math.min(every, diff(this.#acked, at)));
      this.#begin();
      this.#input(this.#ackPlace, 0, at);
      this.core.flush(this.#now);
    }
  }

  #begin(): void {
    this.#now += BATCH;
    this.core.begin(this.#now);
    if (this.core.deadline() <= this.#now) this.core.expire(this.#now);
  }

  /** Patch what differs, and take it in. */
  #input(at: number, text: number, ack: Seq = this.#acked): void {
    const { view } = this.slots;
    const segment = at + this.#family.header;
    const oldSeq = tcp.seq(view, segment);
    const oldAck = tcp.ack(view, segment);
    const sum = checksum.update32(tcp.checksum(view, segment), oldSeq, this.#next);
    tcp.setChecksum(view, segment, checksum.update32(sum, oldAck, ack));
    tcp.setSeq(view, segment, this.#next);
    tcp.setAck(view, segment, ack);
    const header = this.#offload ? virtio.LEN : 0;
    this.core.input(this.#iface, at - header, header + this.#family.header + TCP_HEADER + text);
  }

  /** A slot with such a segment in it, for good. */
  #place(text: number, flags: number, fill: number): number {
    const slot = this.slots.acquire() + HEADROOM;
    const bytes = this.#packet(flags, this.#next, [2, 1], new Uint8Array(text).fill(fill));
    this.slots.bytes.set(bytes, slot);
    if (this.#offload) virtio.clear(this.slots.view, slot - virtio.LEN, virtio.LEN);
    return slot;
  }

  #packet(flags: number, at: Seq, ts: [number, number], text?: Uint8Array): Uint8Array {
    const options = optionBytes({
      raw: [1, 1],
      ts,
      ...((flags & SYN) !== 0 && { mss: this.#family.mss, ws: 10, sackOk: true }),
    });
    return tcpPacket({
      source: this.#family.peer,
      sourcePort: PEER_PORT,
      destination: this.#family.us,
      port: PORT,
      seq: at,
      ack: this.#acked,
      flags,
      window: 65_535,
      options,
      ...(text && { text }),
    });
  }

  #listen(): void {
    const owner: Owner = {
      onOpen: () => {},
      onData: (_bytes, _at, length) => {
        this.received += length;
      },
      onEnd: () => {},
      onWritable: () => {},
      onRelease: () => {},
      onFinished: () => {},
      onClose: () => {},
    };
    this.core.tcp.listen({
      address: this.#family.us,
      port: PORT,
      backlog: 16,
      accept: (tcb) => {
        this.#tcb = tcb;
        return owner;
      },
    });
  }

  #handshake(): void {
    this.#raw(this.#packet(SYN, this.#next, [1, 0]));
    this.#next = add(this.#next, 1);
    this.#raw(this.#packet(ACK, this.#next, [2, 1]));
    if (this.#tcb === undefined) throw new Error('the handshake failed');
  }

  #raw(bytes: Uint8Array): void {
    const header = this.#offload ? virtio.LEN : 0;
    const slot = this.slots.acquire();
    const at = slot + HEADROOM;
    this.slots.bytes.set(bytes, at);
    if (this.#offload) virtio.clear(this.slots.view, at - header, header);
    this.#begin();
    this.core.input(this.#iface, at - header, header + bytes.length);
    this.core.flush(this.#now);
    this.slots.release(slot);
  }
}
