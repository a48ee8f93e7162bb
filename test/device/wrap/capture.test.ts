/** Tests of src/device/wrap/capture.ts and pcapng.ts: what is written, read back. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import test from 'ava';
import { createPipe } from '../../../src/device/pipe.ts';
import {
  type CaptureDevice,
  type CaptureOptions,
  capture,
} from '../../../src/device/wrap/capture.ts';
import { parse } from '../../support/pcapng.ts';
import { deviceSuite } from '../suite.ts';
import { Collector, internetChecksum, settle, udpPacket, until } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tunstack-capture-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

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

/** A file for one test. */
const fileFor = (name: string): string => join(folder, `${name}.pcapng`);
/** Write `count` packets of 1000 bytes to `path`, as far as that goes. */
async function writeTo(
  path: string,
  count: number,
  options?: CaptureOptions,
): Promise<CaptureDevice> {
  const device = capture(createPipe()[0], path, options);
  const user = new Collector(device);
  device.start(user);
  for (let i = 0; i < count; i++) user.write(udpPacket('x'.repeat(972)));
  await device.close();
  return device;
}

// pcap(3), tcpdump(8) on `-w`; open(2) on O_EXCL and O_NOFOLLOW; CWE-59.
test('capture: a new file is for its owner only', async (t) => {
  await writeTo(fileFor('mode'), 1);
  t.is(statSync(fileFor('mode')).mode & 0o777, 0o600);
});

test('capture: an earlier capture of ours is written anew, and closed to others', async (t) => {
  const path = fileFor('again');
  await writeTo(path, 9);
  chmodSync(path, 0o644);
  await writeTo(path, 1);
  t.is(parse(readFileSync(path)).packets.length, 1);
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('capture: a link is not followed, wherever it leads', (t) => {
  const target = fileFor('dear');
  writeFileSync(target, 'dear');
  for (const [name, to] of [
    ['link', target],
    ['dangling', fileFor('nowhere')],
  ] as const) {
    symlinkSync(to, fileFor(name));
    t.throws(() => capture(createPipe()[0], fileFor(name)), {
      code: 'ELOOP',
      message: /is a link/,
    });
  }
  t.is(readFileSync(target, 'utf8'), 'dear');
  t.false(existsSync(fileFor('nowhere')));
});

test('capture: what is there and no capture is left alone', (t) => {
  const path = fileFor('letter');
  writeFileSync(path, 'a letter');
  const message = /letter\.pcapng is there already, and no capture/;
  t.throws(() => capture(createPipe()[0], path), { code: 'EEXIST', message });
  t.is(readFileSync(path, 'utf8'), 'a letter');
  t.throws(() => capture(createPipe()[0], folder), { code: 'EISDIR' });
});

test('capture: a file with a second name, or of somebody else, is left alone', async (t) => {
  const path = fileFor('twice');
  await writeTo(path, 1);
  linkSync(path, fileFor('second'));
  t.throws(() => capture(createPipe()[0], path), { code: 'EEXIST', message: /second name/ });
  if (process.geteuid?.() !== 0) {
    t.log('skipped: only root can give a file to somebody else');
    return;
  }
  const theirs = fileFor('theirs');
  await writeTo(theirs, 1);
  chownSync(theirs, 65_534, 65_534);
  t.throws(() => capture(createPipe()[0], theirs), { code: 'EEXIST', message: /somebody else/ });
});

test('capture: on a full device it ends once, and counts what is missing', async (t) => {
  if (!existsSync('/dev/full')) {
    t.log('skipped: there is no /dev/full here');
    t.pass();
    return;
  }
  const said: Error[] = [];
  const device = await writeTo('/dev/full', 1000, { failed: (error) => said.push(error) });
  t.deepEqual(
    said.map((error) => (error as NodeJS.ErrnoException).code),
    ['ENOSPC'],
  );
  t.deepEqual([device.captured, device.lost], [0, 1000]);
  t.is(device.error, said[0]);
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
