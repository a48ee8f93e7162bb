/**
 * What segments leave to the collector, those that come and those that they let out: nothing. The clock is far from zero
 * and whole, as that of a host is.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import type { Micros } from '../../src/stack/base/clock.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { add, type Seq } from '../../src/stack/base/seq.ts';
import { NO_OFFLOAD } from '../../src/stack/ip/interface.ts';
import { HEADROOM } from '../../src/stack/memory/slots.ts';
import { outstanding } from '../../src/stack/tcp/tcb/flight.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { isSet, Timer } from '../../src/stack/tcp/timing/timers.ts';
import { stampNow } from '../../src/stack/tcp/timing/timestamps.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { finish, lengthTerm, pseudo } from '../../src/stack/wire/checksum.ts';
import * as wire from '../../src/stack/wire/tcp.ts';
import { garbage, LEFT_BY_ENGINE } from '../support/garbage.ts';
import { Lab } from '../support/lab.ts';
import { PEER, US } from '../support/packets.ts';
import { Peer } from '../support/peer.ts';

const FAR = 2 ** 33;
/** Of the TSecr in a header whose options begin with timestamps. */
const TIMESTAMP_ECHO = 26;
/** The congestion window, in segments. */
const LEAST = 64;
const MOST = 256;
const TEXT = new Uint8Array(65_536);
const IP = 20;

/** A connection on a fake clock, whose peer sends one segment again and again, changed where it stands. */
class Line {
  readonly tcb: Tcb;
  readonly lab: Lab;
  /** Packets that left. */
  sent = 0;
  readonly #view: DataView;
  readonly #slot: number;
  readonly #length: number;
  readonly #stamped: boolean;

  /** `len`: text in that segment. */
  constructor(t: ExecutionContext, stamped: boolean, len: number, pacing = false) {
    // Text is left where it lies: on Node 20 to copy it takes two views.
    const offload = { ...NO_OFFLOAD, checksum: true };
    this.lab = new Lab(t, { now: FAR, offload, mtu: 32_768, slots: 512, tcp: { pacing } });
    const { lab } = this;
    const offer = { mss: 32_000, ws: 10, window: 1 << 25, sack: true, ts: stamped };
    const peer = new Peer(t, { lab, ...offer }).listen().shake();
    this.tcb = peer.tcb;
    this.#stamped = stamped;
    Object.assign(lab.wire, { write: () => this.sent++ >= 0, gather: () => true });
    const nothing = (): void => {};
    Object.assign(peer.app, { onData: nothing, onRelease: nothing, onWritable: nothing });
    const bytes = peer.segment('.', { len });
    this.#view = lab.slots.view;
    const slot = lab.slots.acquire();
    t.teardown(() => lab.slots.release(slot));
    this.#slot = slot + HEADROOM;
    this.#length = bytes.length;
    lab.slots.bytes.set(bytes, this.#slot);
  }

  /** The peer's segment comes, with those numbers. */
  hear(sequence: Seq, ack: Seq, now: Micros): void {
    const { lab, tcb } = this;
    const { core } = lab;
    const view = this.#view;
    const at = this.#slot + IP;
    view.setInt32(at + 4, sequence);
    view.setInt32(at + 8, ack);
    if (this.#stamped) view.setInt32(at + TIMESTAMP_ECHO, stampNow(tcb, now));
    view.setUint16(at + 16, 0);
    const length = this.#length - IP;
    const sum = core.ip.checksum.sum(at, length) + pseudo(PEER, US, 6) + lengthTerm(length);
    wire.setChecksum(view, at, finish(sum));
    const drop = core.input(lab.iface, this.#slot, this.#length);
    if (drop !== Drop.NONE) throw new Error(`dropped for ${drop}`);
  }
}

/** What a batch costs: the time of it, which V8 hands on as one to four objects of 16 bytes, by what it inlines. */
const TIME = 64;
/** What a timer costs that goes off: when it was due, and when the next one is. */
const EXPIRY = 32;

test.serial('tcp: what is paced leaves to the collector what a timer does that goes off', (t) => {
  const line = new Line(t, false, 0, true);
  const { tcb, lab } = line;
  const { core } = lab;
  const write = (): void => {
    while (verbs.writableBytes(tcb) > 0) verbs.write(tcb, TEXT, 0, TEXT.length, TEXT);
  };
  tcb.sendBuffer = MOST * tcb.mss; // or all of it would go at once
  write();
  core.flush(lab.now);
  tcb.ssthresh = LEAST * tcb.mss;
  let paced = 0;
  const left = garbage(
    (i) => {
      lab.now += 1000;
      const { now } = lab;
      core.begin(now);
      // Of many segments, for the same reason.
      const acked = i % 8 === 0 ? Math.min(32 * tcb.mss, outstanding(tcb)) : 0;
      if (acked > 0) line.hear(tcb.rcvNxt, add(tcb.sndUna, acked), now);
      write();
      if (core.due <= now) core.expire(now);
      core.flush(now);
      core.look();
      if (isSet(tcb, Timer.PACE)) paced++;
      if (tcb.cwnd > MOST * tcb.mss) tcb.cwnd = LEAST * tcb.mss;
    },
    { allowed: TIME + EXPIRY + LEFT_BY_ENGINE },
  );
  t.true(paced > 10_000, `${paced} times there was to wait`);
  t.true(left <= TIME + EXPIRY + LEFT_BY_ENGINE, `${left} bytes for a millisecond`);
});

for (const stamped of [true, false]) {
  const name = stamped ? 'with timestamps' : 'without timestamps';

  test.serial(`tcp: an ACK ${name}, and what it lets out, leave nothing to the collector`, (t) => {
    const line = new Line(t, stamped, 0);
    const { tcb, lab } = line;
    const { core } = lab;
    const write = (): void => {
      while (verbs.writableBytes(tcb) > 0) verbs.write(tcb, TEXT, 0, TEXT.length, TEXT);
    };
    write();
    core.flush(lab.now);
    tcb.ssthresh = LEAST * tcb.mss; // CUBIC's curve from then on
    let turns = 0;
    const left = garbage(
      () => {
        lab.now += 25;
        const { now } = lab;
        core.begin(now);
        line.hear(tcb.rcvNxt, add(tcb.sndUna, Math.min(2 * tcb.mss, outstanding(tcb))), now);
        write();
        if (++turns % 4096 === 0 && core.deadline() <= now) core.expire(now);
        core.flush(now);
        if (tcb.cwnd > MOST * tcb.mss) tcb.cwnd = LEAST * tcb.mss;
      },
      { allowed: TIME + LEFT_BY_ENGINE },
    );
    t.true(line.sent > 20_000);
    t.true(left <= TIME + LEFT_BY_ENGINE, `${left} bytes for an ACK`);
  });

  test.serial(`tcp: text ${name}, and its ACK, leave nothing to the collector`, (t) => {
    const line = new Line(t, stamped, 1000);
    const { tcb, lab } = line;
    const { core } = lab;
    const left = garbage(
      () => {
        lab.now += 25;
        const { now } = lab;
        core.begin(now);
        line.hear(tcb.rcvNxt, tcb.sndUna, now);
        line.hear(tcb.rcvNxt, tcb.sndUna, now);
        core.flush(now);
      },
      { allowed: TIME + LEFT_BY_ENGINE },
    );
    t.true(line.sent > 20_000);
    t.true(left <= TIME + LEFT_BY_ENGINE, `${left} bytes for two segments`);
  });
}
