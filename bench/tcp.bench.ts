/**
 * The TCP room beside the obvious ways: segments in, ACKs in, text out, finding a connection, timers.
 * Run with `node dist/bench/tcp.bench.js`.
 * @module
 */
import { type Address, fromBits } from '../src/stack/base/address.ts';
import { SeededRandom } from '../src/stack/base/random.ts';
import { Deadlines, type Due } from '../src/stack/memory/deadlines.ts';
import { Demux } from '../src/stack/tcp/open/demux.ts';
import type { Tcb } from '../src/stack/tcp/tcb/tcb.ts';
import { PlainConnection, PlainTcp } from './support/plain-tcp.ts';
import { announce, suite, TURNS } from './support/suite.ts';
import { SEGMENT, TcpWorld } from './support/tcp-world.ts';

const OFFLOAD = { checksum: true, tso4: true, uso4: false };
/** Segments that a device gives in one go. */
const BATCH = 32;
/** In one run of a case: whole batches. */
const SEGMENTS = 32 * BATCH;
const KIB_64 = 65_536;

/** A segment as a stream of packets would have it, for the plain way. */
function plainPacket(text: number): Buffer {
  const packet = Buffer.alloc(40 + text, 7);
  Buffer.from([0x45, 0, (40 + text) >> 8, (40 + text) & 255]).copy(packet);
  packet.writeUInt8(6, 9);
  packet.writeUInt8(0x50, 32);
  packet.writeUInt8(0x10, 33);
  return packet;
}

async function input(): Promise<void> {
  const world = new TcpWorld();
  const world6 = new TcpWorld(undefined, 6);
  const plain = new PlainTcp();
  const segment = plainPacket(SEGMENT);
  await suite(
    `tcp › take in a segment in order, an ACK a batch of ${BATCH} (${SEGMENT} B)`,
    {
      'input and flush': () => {
        for (let i = 0; i < SEGMENTS; i += BATCH) world.receive(BATCH);
        return world.received;
      },
      'the same over IPv6': () => {
        for (let i = 0; i < SEGMENTS; i += BATCH) world6.receive(BATCH);
        return world6.received;
      },
      'objects, string keys, events, timers': () => {
        let heard = 0;
        for (let i = 0; i < SEGMENTS; i++) {
          plain.receive(segment);
          heard += segment.length;
        }
        return heard + plain.packetsOut;
      },
    },
    { turns: SEGMENTS, bytes: SEGMENT },
  );
  const ack = plainPacket(0);
  await suite(
    `tcp › take in a pure ACK, ${BATCH} a batch`,
    {
      'input and flush': () => {
        for (let i = 0; i < SEGMENTS; i += BATCH) world.takeAcks(BATCH);
        return world.packetsOut;
      },
      'the same over IPv6': () => {
        for (let i = 0; i < SEGMENTS; i += BATCH) world6.takeAcks(BATCH);
        return world6.packetsOut;
      },
      'objects, string keys, events, timers': () => {
        for (let i = 0; i < SEGMENTS; i++) plain.receive(ack);
        return plain.packetsOut;
      },
    },
    { turns: SEGMENTS },
  );
  for (const connection of plain.connections.values()) connection.close();
}

async function output(): Promise<void> {
  const text = new Uint8Array(KIB_64).fill(7);
  const plainText = Buffer.from(text);
  const small = new TcpWorld();
  const small6 = new TcpWorld(undefined, 6);
  const large = new TcpWorld(OFFLOAD);
  const connection = new PlainConnection(() => {});
  const turns = 20;
  await suite(
    'tcp › send 64 KiB and have it acknowledged',
    {
      'by reference, in segments of 1448, an ACK for two': () => {
        for (let i = 0; i < turns; i++) small.send(text, KIB_64, 2 * SEGMENT);
        return small.sent;
      },
      'copied, in segments of 1448, an ACK for two': () => {
        for (let i = 0; i < turns; i++) small.send(text, KIB_64, 2 * SEGMENT, true);
        return small.sent;
      },
      'copied, over IPv6, in segments of 1428': () => {
        for (let i = 0; i < turns; i++) small6.send(text, KIB_64, 2 * small6.segment, true);
        return small6.sent;
      },
      'by reference, offload, one ACK': () => {
        for (let i = 0; i < turns; i++) large.send(text, KIB_64, KIB_64);
        return large.sent;
      },
      'buffers glued together, never acknowledged': () => {
        for (let i = 0; i < turns; i++) connection.send(plainText, SEGMENT);
        return connection.sent;
      },
    },
    { turns, bytes: KIB_64 },
  );
}

/** As much of a connection as the demultiplexer looks at. */
function flow(random: SeededRandom): Tcb {
  const place = {
    localAddress: fromBits(0x0a000002),
    localPort: 80,
    remoteAddress: fromBits(0x0a000000 | (random.int32() & 0xffff)),
    remotePort: 1024 + ((random.int32() >>> 0) % 60_000),
    hash: 0,
    hashNext: null,
  };
  return place as unknown as Tcb; // it reads and writes only these
}

const dotted = (a: Address): string =>
  `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;

async function demultiplexer(count: number): Promise<void> {
  const random = new SeededRandom(1);
  const demux = new Demux(random);
  const byString = new Map<string, Tcb>();
  const byNumber = new Map<number, Map<number, Tcb>>();
  const flows = Array.from({ length: count }, () => flow(random));
  for (const tcb of flows) {
    demux.add(tcb);
    const { localAddress, localPort, remoteAddress, remotePort } = tcb;
    const key = `${dotted(localAddress)}:${localPort}-${dotted(remoteAddress)}:${remotePort}`;
    byString.set(key, tcb);
    const inner = byNumber.get(remoteAddress) ?? new Map<number, Tcb>();
    inner.set(localPort * 65_536 + remotePort, tcb);
    byNumber.set(remoteAddress, inner);
  }
  const at = (i: number): Tcb => flows[(i * 7919) % count] as Tcb; // below the length
  await suite(`tcp/demux › find one of ${count} connections`, {
    find: () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const { localAddress, localPort, remoteAddress, remotePort } = at(i);
        x += demux.find(localAddress, localPort, remoteAddress, remotePort)?.remotePort ?? 0;
      }
      return x;
    },
    'a Map in a Map, by numbers': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const { localPort, remoteAddress, remotePort } = at(i);
        x += byNumber.get(remoteAddress)?.get(localPort * 65_536 + remotePort)?.remotePort ?? 0;
      }
      return x;
    },
    'a Map, by strings of numbers': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const { localAddress, localPort, remoteAddress, remotePort } = at(i);
        const key = `${localAddress}:${localPort}-${remoteAddress}:${remotePort}`;
        x += byString.get(key)?.remotePort ?? key.length;
      }
      return x;
    },
    'a Map, by dotted strings': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const { localAddress, localPort, remoteAddress, remotePort } = at(i);
        const key = `${dotted(localAddress)}:${localPort}-${dotted(remoteAddress)}:${remotePort}`;
        x += byString.get(key)?.remotePort ?? 0;
      }
      return x;
    },
  });
}

/** Where `due` belongs in a list that is sorted by it. */
function placeOf(list: readonly Due[], due: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as Due).due < due) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function timers(): Promise<void> {
  const count = 1000;
  const deadlines = new Deadlines<Due>();
  const items = Array.from({ length: count }, (_, i): Due => ({ due: i, dueAt: -1 }));
  for (const item of items) deadlines.set(item, item.due);
  const sorted = Array.from({ length: count }, (_, i): Due => ({ due: i, dueAt: -1 }));
  const own = [...sorted];
  const at = (list: readonly Due[], i: number): Due => list[(i * 787) % count] as Due; // below it
  let now = count;
  await suite(`memory/deadlines › each ACK moves a timer, ${count} connections`, {
    set: () => {
      for (let i = 0; i < TURNS; i++) deadlines.set(at(items, i), ++now);
      return deadlines.next();
    },
    'a sorted array, by splice': () => {
      for (let i = 0; i < TURNS; i++) {
        const item = at(own, i);
        sorted.splice(sorted.indexOf(item, placeOf(sorted, item.due)), 1);
        item.due = ++now;
        sorted.splice(placeOf(sorted, item.due), 0, item);
      }
      return sorted.length;
    },
  });
}

announce();
await input();
await output();
for (const count of [1, 1000, 100_000]) await demultiplexer(count);
await timers();
