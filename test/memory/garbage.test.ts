/**
 * Zero allocation per packet: what the hot path calls leaves nothing to the collector once it is warm.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { ANY6, fromOctets } from '../../src/stack/base/address.ts';
import { enterBatch, leaveBatch } from '../../src/stack/base/address-table.ts';
import { NEVER } from '../../src/stack/base/clock.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { add, seq } from '../../src/stack/base/seq.ts';
import { siphash } from '../../src/stack/base/siphash.ts';
import { Chunks } from '../../src/stack/memory/chunks.ts';
import { Deadlines, type Due } from '../../src/stack/memory/deadlines.ts';
import { Ring } from '../../src/stack/memory/ring.ts';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';
import { Spans } from '../../src/stack/memory/spans.ts';
import { Udp } from '../../src/stack/udp/udp.ts';
import { Checksum, finish, lengthTerm, pseudo, update16 } from '../../src/stack/wire/checksum.ts';
import * as ipv4 from '../../src/stack/wire/ipv4.ts';
import * as tcp from '../../src/stack/wire/tcp.ts';
import * as options from '../../src/stack/wire/tcp-options.ts';
import { garbage, LEFT_BY_ENGINE } from '../support/garbage.ts';
import { udp } from '../support/packets.ts';
import { Host6, PEER6, packet6, US6 } from '../support/packets6.ts';

const slots = new Slots({ count: 8, packetSize: 1500 });
const { view, bytes } = slots;
const at = slots.acquire() + HEADROOM;
const other = slots.acquire() + HEADROOM;

function leavesNothing(
  t: ExecutionContext,
  turn: (i: number) => void,
  allowed = LEFT_BY_ENGINE,
): void {
  const left = garbage(turn, { allowed });
  t.true(left <= allowed, `${left} bytes a turn`);
}

test.serial('memory: one small object or number a turn is seen, however often it is run', (t) => {
  const kept: object[] = [];
  const object = garbage((i) => {
    kept[0] = { i };
  });
  t.true(object >= 12, `an object: ${object} bytes a turn`);
  const numbers = [0.5, 1.5]; // its elements are doubles
  const boxed: { value: unknown } = { value: undefined };
  const number = garbage((i) => {
    boxed.value = (numbers[i & 1] as number) + i;
  });
  t.true(number >= 12, `a number: ${number} bytes a turn`);
});

test.serial('memory: slots leave nothing to the collector', (t) => {
  leavesNothing(t, () => {
    const slot = slots.acquire();
    slots.retain(slot);
    slots.release(slots.slotOf(slot + 100));
    slots.release(slot);
  });
});

test.serial('memory: spans leave nothing to the collector, emptied and used again', (t) => {
  const spans = new Spans(8);
  let next = seq(2 ** 31 - 1000);
  leavesNothing(t, () => {
    spans.insert(add(next, 10), add(next, 20));
    spans.insert(add(next, 30), add(next, 40));
    spans.insert(add(next, 5), add(next, 35));
    spans.covers(add(next, 6), add(next, 7));
    next = spans.advance(add(next, 5));
  });
});

test.serial('memory: a ring leaves nothing to the collector', (t) => {
  const ring = new Ring(65_536);
  leavesNothing(t, (i) => {
    ring.put(i & 1023, bytes, at, 16);
    ring.consume(ring.contiguous(0, 100));
  });
});

test.serial(
  'memory: a ring that is emptied and used again leaves nothing to the collector',
  (t) => {
    const ring = new Ring(65_536);
    leavesNothing(t, (i) => {
      ring.put(i & 1023, bytes, at, 16);
      ring.reset();
    });
  },
);

test.serial('memory: chunks by reference leave nothing to the collector', (t) => {
  const chunks = new Chunks(2 ** 33);
  const released = (): void => {};
  leavesNothing(t, () => {
    chunks.append(bytes, at, 1000, bytes);
    chunks.append(bytes, at, 1000, bytes);
    chunks.seek(999);
    chunks.seek(1000);
    chunks.drop(1500, released);
    if (chunks.length > 5000) chunks.drop(chunks.length, released);
  });
});

test.serial(
  'memory: chunks by copy leave nothing to the collector, emptied and used again',
  (t) => {
    const chunks = new Chunks(2 ** 33);
    leavesNothing(t, () => {
      chunks.appendCopy(bytes, at, 16);
      chunks.seek(0);
      chunks.drop(chunks.length, null);
    });
  },
);

test.serial('memory: moving a deadline leaves at most the number that is passed', (t) => {
  const deadlines = new Deadlines<Due>();
  const items = Array.from({ length: 64 }, (): Due => ({ due: NEVER, dueAt: -1 }));
  const clock = Float64Array.of(1e12); // a plain variable would be an object a turn
  const moveSooner = (i: number): void => {
    const now = (clock[0] as number) + 10;
    clock[0] = now;
    const item = items[i & 63] as Due; // the mask keeps it inside
    deadlines.set(item, i & 64 ? now + 2000 : now - 1000);
  };
  leavesNothing(t, moveSooner, 16 + LEFT_BY_ENGINE);
});

test.serial('wire: writing and reading headers leaves nothing to the collector', (t) => {
  const into = new options.Options();
  const source = fromOctets(192, 0, 2, 1);
  let kept = 0;
  leavesNothing(t, (i) => {
    ipv4.write(view, at, 0, 60, i, ipv4.Flag.DF, 64, 6, source, source);
    tcp.write(view, at + 20, 80, 50_000, seq(i * 65_537), seq(-i), 32, tcp.Flag.ACK, 65_535);
    options.writeTimestamps(view, at + 40, i * 65_537, -i);
    if (!ipv4.valid(view, at, 60) || !tcp.valid(view, at + 20, 40)) throw new Error('refused');
    options.read(view, at + 40, 12, into);
    kept = (kept + tcp.seq(view, at + 20) + into.tsVal + ipv4.source(view, at)) | 0;
  });
  t.is(kept, kept | 0);
});

for (const simd of [true, false]) {
  const checksum = new Checksum(slots.memory, simd);
  test.serial(`wire: a ${checksum.kind} checksum leaves nothing to the collector`, (t) => {
    const source = fromOctets(192, 0, 2, 1);
    leavesNothing(t, (i) => {
      const sum = checksum.sum(at, 1460) + pseudo(source, source, 6) + lengthTerm(i & 0xffff);
      tcp.setChecksum(view, at, finish(sum + checksum.copyWithin(at, other, 1000)));
    });
  });
}

test.serial('base: a SipHash leaves nothing to the collector', (t) => {
  const key = Int32Array.of(1, 2, 3, 4);
  let kept = 0;
  leavesNothing(t, (i) => {
    kept ^= siphash(key, i, kept, -i);
  });
  t.is(kept, kept | 0);
});

for (const spoofed of [false, true]) {
  const from = spoofed ? 'from ever another source' : 'from one peer';
  test.serial(`ip: a datagram of IPv6 ${from} leaves nothing to the collector`, (t) => {
    const host = new Host6();
    let got = 0;
    const socket = new Udp(host.net).open({
      onMessage: (_bytes, _at, length) => {
        got += length;
        return Drop.NONE;
      },
      onError: () => {},
    });
    socket.bind(ANY6, 7);
    const body = udp(PEER6, 5000, US6, 7, new Uint8Array(32));
    const packet = packet6({ protocol: 17, body });
    const place = host.slots.acquire() + HEADROOM;
    host.slots.bytes.set(packet, place);
    const v = host.slots.view;
    const sum = v.getUint16(place + 46);
    leavesNothing(t, (i) => {
      if (spoofed) {
        v.setUint16(place + 20, i & 0x7fff);
        v.setUint16(place + 46, update16(sum, 0, i & 0x7fff));
      }
      enterBatch();
      host.net.input(host.iface, place, packet.length);
      leaveBatch();
    });
    t.true(got > 32 * 20_000);
    t.is(host.stat('Udp6InErrors'), 0);
  });
}
