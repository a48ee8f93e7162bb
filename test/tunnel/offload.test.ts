/**
 * Long packets cut into those that a tunnel carries, and put together again: virtio 1.2 §5.1.6, RFC 9293 §3.1.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { finish, good, lengthTerm, sumBytes } from '../../src/stack/wire/checksum.ts';
import * as virtio from '../../src/stack/wire/virtio.ts';
import { Coalescer } from '../../src/tunnel/coalesce.ts';
import { Cutter } from '../../src/tunnel/cut.ts';

interface Made {
  readonly version: 4 | 6;
  readonly text: number;
  readonly options?: number;
  readonly seq?: number;
  readonly flags?: number;
  readonly port?: number;
}

const random = new SeededRandom(2);

/** A TCP packet with the right checksums, with text from a seed. */
function tcp({
  version,
  text,
  options = 12,
  seq = 1000,
  flags = 0x10,
  port = 80,
}: Made): Uint8Array {
  const ip = version === 4 ? 20 : 40;
  const header = 20 + options;
  const bytes = new Uint8Array(ip + header + text);
  const view = new DataView(bytes.buffer);
  if (version === 4) {
    bytes.set([0x45, 0]);
    view.setUint16(2, bytes.length);
    view.setUint16(4, 7);
    bytes.set([0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 6);
    view.setUint16(10, finish(sumBytes(bytes, 0, 20)));
  } else {
    bytes.set([0x60, 0, 0, 0]);
    view.setUint16(4, header + text);
    bytes.set([6, 64], 6);
    bytes.fill(0xfd, 8, 40);
  }
  view.setUint16(ip, 4000);
  view.setUint16(ip + 2, port);
  view.setUint32(ip + 4, seq);
  view.setUint32(ip + 8, 77);
  bytes.set([(header / 4) << 4, flags, 0x20, 0], ip + 12);
  bytes.fill(1, ip + 20, ip + header);
  for (let i = ip + header; i < bytes.length; i++) bytes[i] = random.int32();
  view.setUint16(ip + 16, finish(pseudo(bytes, version) + sumBytes(bytes, ip, header + text)));
  return bytes;
}

function pseudo(bytes: Uint8Array, version: number): number {
  const ip = version === 4 ? 20 : 40;
  const addresses = version === 4 ? sumBytes(bytes, 12, 8) : sumBytes(bytes, 8, 32);
  return addresses + (6 << 8) + lengthTerm(bytes.length - ip);
}

function checkPacket(t: ExecutionContext, bytes: Uint8Array, version: number): void {
  const ip = version === 4 ? 20 : 40;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (version === 4) {
    t.is(view.getUint16(2), bytes.length);
    t.true(good(sumBytes(bytes, 0, 20)), 'header');
  } else t.is(view.getUint16(4), bytes.length - 40);
  t.true(good(pseudo(bytes, version) + sumBytes(bytes, ip, bytes.length - ip)), 'checksum');
}

/** With a virtio header that says how it is to be cut; its checksum only begun. */
function long(packet: Uint8Array, version: 4 | 6, size: number): Uint8Array {
  const bytes = new Uint8Array(10 + packet.length);
  bytes.set(packet, 10);
  const ip = version === 4 ? 20 : 40;
  const gso = version === 4 ? virtio.Gso.TCPV4 : virtio.Gso.TCPV6;
  virtio.write(new DataView(bytes.buffer), 0, 1, gso, ip + 32, size, ip, 16);
  return bytes;
}

function cut(bytes: Uint8Array, mtu: number): Uint8Array[] {
  const cutter = new Cutter();
  const count = cutter.begin(bytes, new DataView(bytes.buffer), 0, bytes.length, mtu);
  return Array.from({ length: count }, () => {
    const length = cutter.next();
    return cutter.bytes.slice(cutter.at, cutter.at + length);
  });
}

for (const version of [4, 6] as const) {
  const ip = version === 4 ? 20 : 40;

  test(`cut: 60 000 bytes of TCP over IPv${version} become segments with the right headers`, (t) => {
    const packet = tcp({ version, text: 60_000, flags: 0x99 }); // CWR, ACK, PSH and FIN
    const pieces = cut(long(packet, version, 1368 - 20), 1420);
    t.is(pieces.length, Math.ceil(60_000 / (1368 - 20)));
    const whole = Buffer.concat(pieces.map((piece) => piece.subarray(ip + 32)));
    t.true(whole.equals(packet.subarray(ip + 32)));
    pieces.forEach((piece, i) => {
      checkPacket(t, piece, version);
      const view = new DataView(piece.buffer);
      t.is(view.getUint32(ip + 4), 1000 + i * 1348);
      const last = i === pieces.length - 1;
      t.is(view.getUint8(ip + 13), (i === 0 ? 0x80 : 0) | 0x10 | (last ? 0x09 : 0));
      if (version === 4) t.is(view.getUint16(4), 7 + i);
    });
  });

  test(`cut: segments for a longer MTU are cut smaller over IPv${version}`, (t) => {
    const pieces = cut(long(tcp({ version, text: 5000 }), version, 1448), 1280);
    t.true(pieces.every((piece) => piece.length <= 1280));
    for (const piece of pieces) checkPacket(t, piece, version);
  });

  test(`coalesce: segments that were cut from one over IPv${version} become it again`, (t) => {
    const packet = tcp({ version, text: 50_000, flags: 0x18 });
    const out: Uint8Array[] = [];
    const coalescer = new Coalescer((bytes, at, length) => out.push(bytes.slice(at, at + length)));
    for (const piece of cut(long(packet, version, 1340), 1420))
      coalescer.add(piece, 0, piece.length);
    t.is(out.length, 0);
    coalescer.flush();
    t.is(out.length, 1);
    const [joined] = out;
    if (joined === undefined) return;
    const view = new DataView(joined.buffer);
    t.is(joined.length, packet.length + 10);
    t.is(virtio.gsoSize(view, 0), 1340);
    t.is(virtio.gsoType(view, 0), version === 4 ? virtio.Gso.TCPV4 : virtio.Gso.TCPV6);
    t.is(virtio.csumStart(view, 0), ip);
    t.true(Buffer.from(joined.subarray(10 + ip + 32)).equals(packet.subarray(ip + 32)));
    // Cut once more it is what it was.
    for (const piece of cut(joined, 1420)) checkPacket(t, piece, version);
  });
}

function coalesce(...packets: readonly Uint8Array[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  const coalescer = new Coalescer((bytes, at, length) =>
    out.push(bytes.slice(at + 10, at + length)),
  );
  for (const packet of packets) coalescer.add(packet, 0, packet.length);
  coalescer.flush();
  return out;
}

test('coalesce: what does not follow, differs or is damaged goes alone, in order', (t) => {
  const first = tcp({ version: 4, text: 100, seq: 0 });
  const cases: [string, Uint8Array][] = [
    ['a gap', tcp({ version: 4, text: 100, seq: 200 })],
    ['other options', tcp({ version: 4, text: 100, seq: 100, options: 8 })],
    ['a longer one', tcp({ version: 4, text: 101, seq: 100 })],
    ['a FIN', tcp({ version: 4, text: 100, seq: 100, flags: 0x11 })],
    ['no text', tcp({ version: 4, text: 0, seq: 100 })],
    ['another port', tcp({ version: 4, text: 100, seq: 100, port: 81 })],
  ];
  for (const [name, second] of cases) {
    const out = coalesce(first, second);
    t.is(out.length, 2, name);
    t.deepEqual(
      out.find((bytes) => bytes.length === second.length && Buffer.from(bytes).equals(second)),
      second,
      name,
    );
  }
  const damaged = tcp({ version: 4, text: 100, seq: 100 });
  damaged[60] = (damaged[60] as number) ^ 1;
  t.deepEqual(coalesce(first, damaged), [first, damaged], 'its checksum is wrong, and stays so');
  const [shorter] = coalesce(
    first,
    tcp({ version: 4, text: 50, seq: 100 }),
    tcp({ version: 4, text: 50, seq: 150 }),
  );
  t.is(shorter?.length, 20 + 32 + 150, 'a short one is the last');
});

test('coalesce: connections that come in turn are put together apart', (t) => {
  const packets: Uint8Array[] = [];
  for (let i = 0; i < 20; i++) {
    for (const port of [1, 2, 3])
      packets.push(tcp({ version: 4, text: 1000, seq: i * 1000, port }));
  }
  t.deepEqual(
    coalesce(...packets).map((bytes) => bytes.length),
    [20_052, 20_052, 20_052],
  );
});

test('cut: what contradicts itself is no packet', (t) => {
  const good_ = long(tcp({ version: 4, text: 3000 }), 4, 1000);
  const change = (at: number, ...to: number[]): Uint8Array => {
    const bytes = Uint8Array.from(good_);
    bytes.set(to, at);
    return bytes;
  };
  t.is(cut(good_, 1420).length, 3);
  const bad = [
    change(1, 9), // a kind of segment that is not known
    change(4, 0, 0), // segments of nothing
    change(6, 0xff, 0xff), // the transport's header is outside
    change(10, 0x25), // IP version 2
    change(10 + 20 + 12, 0x10), // a TCP header of 4 bytes
    good_.subarray(0, 20),
  ];
  for (const [i, bytes] of bad.entries()) t.is(cut(Uint8Array.from(bytes), 1420).length, 0, `${i}`);
});
