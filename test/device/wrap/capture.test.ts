/** Tests of src/device/wrap/capture.ts and pcapng.ts: what is written, read back. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import test from 'ava';
import { createPipe } from '../../../src/device/pipe.ts';
import { capture } from '../../../src/device/wrap/capture.ts';
import { deviceSuite } from '../suite.ts';
import { Collector, internetChecksum, settle, udpPacket, until } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tunstack-capture-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

interface Packet {
  readonly micros: number;
  readonly direction: number;
  readonly data: Buffer;
}
interface Parsed {
  readonly linkType: number;
  readonly packets: readonly Packet[];
  readonly statistics: { readonly received: number; readonly dropped: number };
}

/** A strict reader of what the writer should write. */
function parse(file: Buffer): Parsed {
  const packets: Packet[] = [];
  let linkType = -1;
  let statistics = { received: -1, dropped: -1 };
  for (let at = 0; at < file.length; ) {
    const type = file.readUInt32LE(at);
    const length = file.readUInt32LE(at + 4);
    if (length % 4 !== 0 || file.readUInt32LE(at + length - 4) !== length) {
      throw new Error(`block of type ${type} at ${at} has lengths that differ`);
    }
    if (at === 0 && (type !== 0x0a0d0d0a || file.readUInt32LE(8) !== 0x1a2b3c4d)) {
      throw new Error('no section header');
    }
    if (type === 1) linkType = file.readUInt16LE(at + 8);
    if (type === 5) {
      statistics = {
        received: Number(file.readBigUInt64LE(at + 24)),
        dropped: Number(file.readBigUInt64LE(at + 36)),
      };
    }
    if (type === 6) {
      const size = file.readUInt32LE(at + 20);
      const options = at + 28 + ((size + 3) & ~3);
      packets.push({
        micros: file.readUInt32LE(at + 12) * 2 ** 32 + file.readUInt32LE(at + 16),
        data: file.subarray(at + 28, at + 28 + size),
        direction: file.readUInt32LE(options + 4),
      });
    }
    at += length;
  }
  return { linkType, packets, statistics };
}

deviceSuite(test, 'capture', () => {
  const [inner, other] = createPipe();
  const device = capture(inner, new PassThrough().resume());
  const far = new Collector(other);
  other.start(far);
  return Promise.resolve({
    device,
    send: (payload) => void far.write(udpPacket(payload, '10.83.0.1', '10.83.0.2')),
    get received() {
      return far.payloads;
    },
    close: async () => {
      await Promise.all([device.close(), other.close()]);
    },
  });
});

test('capture: both directions are written, with time and direction', async (t) => {
  const path = join(folder, 'both.pcapng');
  const [inner, other] = createPipe();
  let now = 1_700_000_000_123_456;
  const device = capture(inner, path, { now: () => now++ });
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  const sent = Array.from({ length: 9 }, (_, i) => udpPacket('x'.repeat(i)));
  for (const packet of sent) user.write(packet);
  const answer = udpPacket('answer', '10.83.0.1', '10.83.0.2');
  far.write(answer);
  await until(() => user.packets.length > 0, 'the answer');
  await device.close();
  const { linkType, packets, statistics } = parse(readFileSync(path));
  t.is(linkType, 101);
  t.deepEqual(
    packets.map((packet) => Buffer.from(packet.data)),
    [...sent, answer].map((packet) => Buffer.from(packet)),
  );
  t.deepEqual(
    packets.map((packet) => packet.direction),
    [...sent.map(() => 2), 1],
  );
  t.deepEqual(
    packets.map((packet) => packet.micros),
    packets.map((_, i) => 1_700_000_000_123_456 + i),
  );
  t.deepEqual(statistics, { received: 10, dropped: 0 });
  t.is(device.captured, 10);
});

test('capture: frames are written with the link type of Ethernet', async (t) => {
  const path = join(folder, 'frames.pcapng');
  const device = capture(createPipe({ medium: 'ethernet' })[0], path);
  const user = new Collector(device);
  device.start(user);
  user.write(new Uint8Array(60).fill(7));
  await device.close();
  const { linkType, packets } = parse(readFileSync(path));
  t.is(linkType, 1);
  t.is(packets[0]?.data.length, 60);
});

/** A TCP segment whose checksum is only begun, behind a virtio header that says so. */
function begun(textLength: number): Uint8Array {
  const packet = new Uint8Array(10 + 40 + textLength);
  const view = new DataView(packet.buffer);
  const host = new Uint16Array(5);
  host.set([1, 0, 0, 20, 16]);
  packet.set(new Uint8Array(host.buffer), 0);
  packet.set(udpPacket(new Uint8Array(12 + textLength)), 10);
  packet[19] = 6;
  view.setUint16(20, 0);
  view.setUint16(20, internetChecksum(packet.subarray(10, 30)));
  for (let i = 30; i < packet.length; i++) packet[i] = (i * 7) & 0xff;
  packet[42] = 0x50;
  view.setUint16(46, ~internetChecksum(pseudo(20 + textLength)) & 0xffff);
  return packet;
}

const pseudo = (length: number): Uint8Array =>
  Uint8Array.of(10, 83, 0, 2, 10, 83, 0, 1, 0, 6, length >> 8, length & 0xff);

for (const textLength of [0, 1, 100, 1459, 65_000]) {
  test(`capture: a checksum that was only begun is finished (text of ${textLength})`, async (t) => {
    const path = join(folder, `begun-${textLength}.pcapng`);
    const device = capture(createPipe({ offload: true })[0], path);
    const user = new Collector(device);
    device.start(user);
    const packet = begun(textLength);
    user.memory.set(packet, 131_072);
    t.true(device.write(131_072, packet.length));
    t.deepEqual(user.memory.slice(131_072, 131_072 + packet.length), packet, 'left alone');
    await device.close();
    const data = parse(readFileSync(path)).packets[0]?.data as Buffer;
    t.is(data.length, 40 + textLength, 'without the virtio header');
    const length = 20 + textLength;
    const all = Buffer.concat([pseudo(length), data.subarray(20)]);
    t.is(internetChecksum(all), 0);
  });
}

test('capture: a stream that is too slow costs packets in the file, and no others', async (t) => {
  const [inner, other] = createPipe({ limit: 100_000 });
  let release: () => void = () => {};
  const chunks: Buffer[] = [];
  const slow = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      if (chunks.length === 1) release = () => done();
      else done();
    },
  });
  const device = capture(inner, slow, { limit: 300_000 });
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  for (let i = 0; i < 1000; i++) t.true(user.write(udpPacket('x'.repeat(972))));
  await until(() => far.packets.length === 1000, 'all packets on the path');
  t.true(device.lost > 100);
  t.is(device.captured + device.lost, 1000);
  const closed = device.close();
  await settle();
  release();
  await closed;
  const { packets, statistics } = parse(Buffer.concat(chunks));
  t.is(packets.length, device.captured);
  t.deepEqual(statistics, { received: 1000, dropped: device.lost });
});

test('capture: a stream that fails is reported, and the packets pass', async (t) => {
  const [inner, other] = createPipe();
  const broken = new Writable({
    write: (_chunk, _encoding, done) => done(new Error('no space left')),
  });
  const device = capture(inner, broken);
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  for (let i = 0; i < 300; i++) user.write(udpPacket('x'.repeat(1000)));
  await until(() => device.error !== undefined, 'the error');
  t.regex(String(device.error), /no space left/);
  user.write(udpPacket('after'));
  await until(() => far.packets.length === 301, 'all packets');
  t.true(device.lost > 0);
  await device.close();
  t.deepEqual(user.ends, [undefined]);
});

test('capture: a path that cannot be written throws at once', (t) => {
  t.throws(() => capture(createPipe()[0], join(folder, 'no', 'such', 'folder')), {
    code: 'ENOENT',
  });
});

test('capture: packets reach the file without a close', async (t) => {
  const path = join(folder, 'live.pcapng');
  const device = capture(createPipe()[0], path);
  const user = new Collector(device);
  device.start(user);
  user.write(udpPacket('live'));
  await until(() => parse(readFileSync(path)).packets.length === 1, 'the packet in the file');
  await device.close();
  t.pass();
});

test('capture: tshark reads it without a complaint', async (t) => {
  const path = join(folder, 'tshark.pcapng');
  const device = capture(createPipe({ offload: true })[0], path);
  const user = new Collector(device);
  device.start(user);
  for (const textLength of [0, 1, 1000, 40_000]) {
    const packet = begun(textLength);
    user.memory.set(packet, 131_072);
    device.write(131_072, packet.length);
  }
  user.write(udpPacket('no checksum'));
  await device.close();
  const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
  const filter = '_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0';
  const all = spawnSync('tshark', ['-r', path, ...checks, '-T', 'fields', '-e', 'ip.len'], {
    encoding: 'utf8',
  });
  if ((all.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    t.log('skipped: there is no program `tshark` here');
    t.pass();
    return;
  }
  t.deepEqual(all.stdout.trim().split('\n'), ['40', '41', '1040', '40040', '39'], all.stderr);
  const bad = spawnSync('tshark', ['-r', path, ...checks, filter], { encoding: 'utf8' });
  t.is(bad.stdout, '', bad.stderr);
});
