/**
 * Ports with offload and without on one switch: frames of 64 KiB where both ends can, cut where one cannot.
 * virtio 1.2 §5.1.6, RFC 9293 §3.1.
 * @module
 */
import test from 'ava';
import * as checksums from '../../src/stack/wire/checksum.ts';
import * as virtio from '../../src/stack/wire/virtio.ts';
import { Bench, type Plug, parse } from './bench.ts';

const HEAD = 14;
const { Gso, Flag } = virtio;

interface Kind {
  readonly v6?: boolean;
  readonly udp?: boolean;
  readonly vlan?: number;
}

const lengths = ({ v6, udp, vlan }: Kind): { network: number; transport: number; text: number } => {
  const network = HEAD + (vlan ? 4 : 0);
  const transport = network + (v6 ? 40 : 20);
  return { network, transport, text: transport + (udp ? 8 : 20) };
};

/** A packet of so much text from `a` to `b`, its transport's checksum only begun, with a virtio header. */
function packet(size: number, gsoSize: number, kind: Kind = {}): Uint8Array {
  const { v6 = false, udp = false, vlan = 0 } = kind;
  const { network, transport, text } = lengths(kind);
  const bytes = new Uint8Array(virtio.LEN + text + size);
  const frame = bytes.subarray(virtio.LEN);
  const v = new DataView(frame.buffer, frame.byteOffset);
  const [from, to] = [parse('a'), parse('b')];
  v.setUint16(0, to.hi);
  v.setInt32(2, to.lo);
  v.setUint16(6, from.hi);
  v.setInt32(8, from.lo);
  if (vlan) v.setUint32(12, (0x8100 << 16) | vlan);
  v.setUint16(network - 2, v6 ? 0x86dd : 0x0800);
  const protocol = udp ? 17 : 6;
  const length = text + size - transport;
  if (v6) {
    v.setUint8(network, 0x60);
    v.setUint16(network + 4, length);
    v.setUint8(network + 6, protocol);
    for (let i = 8; i < 40; i++) v.setUint8(network + i, i);
  } else {
    v.setUint8(network, 0x45);
    v.setUint16(network + 2, 20 + length);
    v.setUint16(network + 4, 0xfffe);
    v.setUint8(network + 8, 64);
    v.setUint8(network + 9, protocol);
    v.setUint32(network + 12, 0x0a000001);
    v.setUint32(network + 16, 0x0a000002);
    v.setUint16(network + 10, checksums.internet(frame, network, 20));
  }
  v.setUint32(transport, (1000 << 16) | 2000);
  if (udp) v.setUint16(transport + 4, length);
  else {
    v.setUint32(transport + 4, 0xffff_ff00); // wraps
    v.setUint8(transport + 12, 0x50);
    v.setUint8(transport + 13, 0x99); // CWR, ACK, PSH, FIN
  }
  for (let i = 0; i < size; i++) frame[text + i] = (i * 7) & 255;
  const at = transport + (udp ? 6 : 16);
  v.setUint16(at, checksums.begun(pseudo(frame, kind, length)));
  const gso = gsoSize === 0 ? Gso.NONE : udp ? Gso.UDP_L4 : v6 ? Gso.TCPV6 : Gso.TCPV4;
  const head = new DataView(bytes.buffer);
  virtio.write(head, 0, Flag.NEEDS_CSUM, gso, text, gsoSize, transport, at - transport);
  return bytes;
}

function pseudo(frame: Uint8Array, kind: Kind, length: number): number {
  const { network } = lengths(kind);
  const [at, size] = kind.v6 ? [network + 8, 32] : [network + 12, 8];
  const sum = checksums.sumBytes(frame, at, size) + checksums.lengthTerm(length);
  return sum + ((kind.udp ? 17 : 6) << 8);
}

/** The texts of frames without a virtio header, whose checksums and lengths are all right. */
function texts(frames: readonly Uint8Array[], kind: Kind, problems: string[]): Uint8Array[] {
  const { network, transport, text } = lengths(kind);
  return frames.map((frame, i) => {
    const v = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const length = frame.length - transport;
    const said = kind.v6 ? v.getUint16(network + 4) : v.getUint16(network + 2) - 20;
    if (said !== length) problems.push(`length of ${i}: ${said}, not ${length}`);
    if (!kind.v6 && checksums.internet(frame, network, 20) !== 0) problems.push(`IP sum of ${i}`);
    const sum = pseudo(frame, kind, length) + checksums.sumBytes(frame, transport, length);
    if (!checksums.good(sum)) problems.push(`sum of ${i}`);
    return frame.slice(text);
  });
}

const bench = (): [Bench, Plug, Plug] => {
  const made = new Bench();
  const [able, not] = [made.plug({}, 100, { offload: true }), made.plug()];
  return [made, able, not];
};

for (const kind of [{}, { v6: true }, { udp: true }, { v6: true, udp: true }] as Kind[]) {
  const what = `${kind.udp ? 'UDP' : 'TCP'} over IPv${kind.v6 ? 6 : 4}`;
  test(`switch: a segment of 64 KiB is cut for a port that takes none, ${what}`, (t) => {
    const [made, able, not] = bench();
    const whole = packet(60_000, 1400, kind);
    able.sendRaw(whole);
    made.run();
    const problems: string[] = [];
    const parts = texts(not.frames, kind, problems);
    t.deepEqual(problems, []);
    t.is(parts.length, Math.ceil(60_000 / 1400));
    const { text, transport } = lengths(kind);
    t.deepEqual(Buffer.concat(parts), Buffer.from(whole.subarray(virtio.LEN + text)));
    if (kind.udp) return;
    // RFC 9293 §3.1: each says where its text stands; RFC 3168 §6.1.2: CWR once; FIN and PSH last.
    const v = not.frames.map((frame) => new DataView(frame.buffer, transport));
    t.deepEqual(
      v.map((view) => view.getUint32(4)),
      parts.map((_, i) => (0xffff_ff00 + i * 1400) % 2 ** 32),
    );
    const flags = v.map((view) => view.getUint8(13));
    t.is(flags[0], 0x90);
    t.true(flags.slice(1, -1).every((flag) => flag === 0x10));
    t.is(flags.at(-1), 0x19);
  });
}

test('switch: a segment of 64 KiB goes as it is where both ends can', (t) => {
  const made = new Bench();
  const [a, b] = [1, 2].map(() => made.plug({}, 100, { offload: true })) as [Plug, Plug];
  const whole = packet(60_000, 1400);
  a.sendRaw(whole);
  made.run();
  t.deepEqual(b.frames, [whole]);
});

test('switch: what a longer MTU carries whole is not cut, and its checksum is finished', (t) => {
  const made = new Bench();
  const able = made.plug({}, 100, { offload: true });
  const long = made.plug({}, 100, { mtu: 65_520 });
  able.sendRaw(packet(60_000, 1400));
  made.run();
  const problems: string[] = [];
  t.is(texts(long.frames, {}, problems).length, 1);
  t.deepEqual(problems, []);
});

test('switch: a checksum that was only begun is finished for a port without offload', (t) => {
  const [made, able, not] = bench();
  for (const size of [0, 1, 999]) able.sendRaw(packet(size, 0));
  made.run();
  const problems: string[] = [];
  t.deepEqual(
    texts(not.frames, {}, problems).map((part) => part.length),
    [0, 1, 999],
  );
  t.deepEqual(problems, []);
});

test('switch: one flood serves ports of both kinds, and a mirror, each in its own form', (t) => {
  const made = new Bench();
  const a = made.plug({}, 100, { offload: true });
  const plain = made.plug();
  const able = made.plug({}, 100, { offload: true });
  const shown = made.plug({ vlan: 9 });
  made.switch.mirror(a.port, shown.port);
  const whole = packet(5000, 1400);
  a.sendRaw(whole);
  made.run();
  const problems: string[] = [];
  t.is(texts(plain.frames, {}, problems).length, 4);
  t.is(texts(shown.frames, {}, problems).length, 4);
  t.deepEqual(problems, []);
  t.deepEqual(able.frames, [whole]);
});

test('switch: a frame without a virtio header gets an empty one for a port that has it', (t) => {
  const [made, able, not] = bench();
  const { text } = lengths({});
  const plain = packet(100, 0).slice(virtio.LEN);
  not.send(plain);
  made.run();
  t.is(able.frames.length, 1);
  t.deepEqual([...(able.frames[0] as Uint8Array).subarray(0, 10)], new Array(10).fill(0));
  t.deepEqual(able.frames[0]?.subarray(10), plain);
  t.is(text, 54);
});

test('switch: pieces bear the tag of their VLAN', (t) => {
  const made = new Bench();
  const able = made.plug({ vlan: 7 }, 100, { offload: true });
  const trunk = made.plug({ trunk: 'all' });
  able.sendRaw(packet(3000, 1400));
  made.run();
  const problems: string[] = [];
  t.deepEqual(
    texts(trunk.frames, { vlan: 7 }, problems).map((part) => part.length),
    [1400, 1400, 200],
  );
  t.deepEqual(problems, []);
});

test('switch: a virtio header that lies is counted, and harms nobody', (t) => {
  const [made, able, not] = bench();
  const bent = (change: (v: DataView, bytes: Uint8Array) => void): Uint8Array => {
    const bytes = packet(3000, 1400);
    change(new DataView(bytes.buffer), bytes);
    return bytes;
  };
  const lies: ((v: DataView, bytes: Uint8Array) => void)[] = [
    (v) => v.setUint16(4, 0), // segments of nothing
    (v) => v.setUint8(1, 99), // of no kind
    (v) => v.setUint8(1, Gso.UDP_L4), // of another protocol
    (_v, bytes) => bytes.fill(0xff, virtio.LEN + 14, virtio.LEN + 34), // no IP header
    (v) => v.setUint8(virtio.LEN + 14 + 20 + 12, 0xf0), // a TCP header of 60 bytes: it is there
    (v) => v.setUint16(virtio.LEN + 16, 0xffff), // longer than the frame
  ];
  for (const lie of lies) able.sendRaw(bent(lie));
  const begun = packet(100, 0);
  new DataView(begun.buffer).setUint16(6, 60_000, true);
  able.sendRaw(begun);
  made.run();
  t.is(not.port.stats().drops['offload'], lies.length);
  able.sendRaw(packet(100, 0));
  made.run();
  const problems: string[] = [];
  texts(not.frames.slice(-1), {}, problems);
  t.deepEqual(problems, []);
});
