/** Tests of offload on a TUN: the kernel's TCP against a hand-made end with a virtio header. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openTun } from '../../src/device/linux/tun.ts';
import { capture } from '../../src/device/wrap/capture.ts';
import { createStack } from '../../src/index.ts';
import { Collector, internetChecksum, udpPacket, until } from '../device/support.ts';
import { tunTest } from './namespace.ts';

const HEADER = 10;
const Flag = { SYN: 2, PSH: 8, ACK: 16 } as const;

/** One end of a TCP connection, just enough to be sent to, and to send. */
class Peer extends Collector {
  /** Every TCP packet that came, the virtio header included. */
  readonly segments: Uint8Array[] = [];
  #port = 0;
  #next = 1;
  #acked = 0;

  override drain(): number {
    for (;;) {
      const length = this.device.read(4096, this.room);
      if (length === 0) return this.segments.length;
      const packet = this.memory.slice(4096, 4096 + length);
      if (packet[HEADER] === 0x45 && packet[HEADER + 9] === 6) this.#segment(packet);
    }
  }

  /** Send text in one packet that the kernel cuts to `size` bytes, its checksum only begun. */
  send(text: Uint8Array, size: number): void {
    const packet = this.#packet(Flag.ACK | Flag.PSH, text);
    new DataView(packet.buffer).setUint16(36, ~internetChecksum(pseudo(20 + text.length)) & 0xffff);
    this.#write(packet, [0x0101, 40, size, 20, 16]);
    this.#next += text.length;
  }

  #segment(packet: Uint8Array): void {
    this.segments.push(packet);
    const view = new DataView(packet.buffer, HEADER + 20);
    this.#port = view.getUint16(0);
    const syn = (view.getUint8(13) & Flag.SYN) !== 0;
    const text = packet.length - HEADER - 20 - (view.getUint8(12) >> 4) * 4;
    this.#acked = (view.getUint32(4) + text + (syn ? 1 : 0)) >>> 0;
    if (!syn && text === 0) return;
    const answer = this.#packet(syn ? Flag.SYN | Flag.ACK : Flag.ACK, new Uint8Array(0));
    const all = Buffer.concat([pseudo(20), answer.subarray(20)]);
    new DataView(answer.buffer).setUint16(36, internetChecksum(all));
    this.#write(answer, [0, 0, 0, 0, 0]);
    if (syn) this.#next++;
  }

  #packet(flags: number, text: Uint8Array): Uint8Array {
    const packet = udpPacket(new Uint8Array(12 + text.length));
    const view = new DataView(packet.buffer);
    packet[9] = 6;
    view.setUint16(10, 0);
    view.setUint16(10, internetChecksum(packet.subarray(0, 20)));
    packet.fill(0, 20, 40);
    view.setUint16(20, 80);
    view.setUint16(22, this.#port);
    view.setUint32(24, this.#next);
    view.setUint32(28, this.#acked);
    view.setUint16(32, 0x5000 | flags);
    view.setUint16(34, 65_535);
    packet.set(text, 40);
    return packet;
  }

  /** The five words of struct virtio_net_hdr: flags and type, header, size, start, offset. */
  #write(packet: Uint8Array, words: number[]): void {
    this.memory.set(new Uint8Array(Uint16Array.from(words).buffer), 131_072);
    this.memory.set(packet, 131_072 + HEADER);
    this.device.write(131_072, HEADER + packet.length);
    this.device.flush();
  }
}

const pseudo = (length: number): Uint8Array =>
  Uint8Array.of(10, 83, 0, 2, 10, 83, 0, 1, 0, 6, length >> 8, length & 0xff);

async function dial(t: ExecutionContext, peer: Peer): Promise<Socket> {
  peer.device.start(peer);
  const socket = connect(80, '10.83.0.2');
  t.teardown(() => socket.destroy());
  socket.on('error', (error) => t.log(error.message));
  await once(socket, 'connect');
  return socket;
}

tunTest('offload: the kernel hands over segments of many packets, checksum begun', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-offload-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'offload.pcapng');
  const tun = await openTun({ hostAddress: '10.83.0.1/24', offload: true });
  t.teardown(() => tun.close());
  const device = capture(tun, path);
  const peer = new Peer(device);
  const socket = await dial(t, peer);
  socket.write(Buffer.alloc(100_000, 'text'));
  const isLong = (packet: Uint8Array): boolean => packet.length > 3000;
  await until(() => peer.segments.some(isLong), 'a long segment');
  const long = peer.segments.find(isLong) as Uint8Array;
  const words = new Uint16Array(long.buffer, 0, 5);
  t.is((words[0] as number) & 0xff, 1, 'VIRTIO_NET_HDR_F_NEEDS_CSUM');
  t.is(((words[0] as number) >> 8) & 0x7f, 1, 'VIRTIO_NET_HDR_GSO_TCPV4');
  t.true((words[2] as number) <= 1460);
  t.deepEqual([words[3], words[4]], [20, 16]);
  await device.close();
  const file = readFileSync(path);
  const place = file.indexOf(Buffer.from(long.subarray(HEADER, HEADER + 36)));
  const segment = file.subarray(place + 20, place + long.length - HEADER);
  const whole = Uint8Array.of(10, 83, 0, 1, 10, 83, 0, 2, 0, 6);
  const length = Uint8Array.of(segment.length >> 8, segment.length & 0xff);
  t.is(internetChecksum(Buffer.concat([whole, length, segment])), 0, 'finished in the capture');
});

tunTest('offload: the kernel takes a segment of many packets, checksum begun', async (t) => {
  const device = await openTun({ hostAddress: '10.83.0.1/24', offload: true });
  t.teardown(() => device.close());
  const peer = new Peer(device);
  const socket = await dial(t, peer);
  const parts: Buffer[] = [];
  let count = 0;
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    count += part.length;
  });
  const text = Buffer.alloc(50_000);
  for (let i = 0; i < text.length; i++) text[i] = (i * 31) & 0xff;
  peer.send(text, 1400);
  await until(() => count === text.length, 'the text');
  t.true(Buffer.concat(parts).equals(text));
  t.is(device.counters.refused, 0);
});

tunTest('offload: text is read to where a listener may keep it, and all of it comes', async (t) => {
  const tun = await openTun({ hostAddress: '10.83.0.1/24', offload: true });
  const stack = createStack({ device: tun, address: '10.83.0.2/24' });
  t.teardown(() => stack.close({ linger: 0 }));
  let [asked, apart] = [0, 0];
  const { readSplit } = tun;
  tun.readSplit = (...args) => {
    const came = readSplit?.(...args) ?? 0;
    if (came > 0) asked++;
    apart += args[4].subarray(0, came).filter((length) => length > 32_768).length;
    return came;
  };
  const heard = createHash('sha256');
  let memory = 0;
  stack.net
    .createServer((socket) => {
      socket.on('data', (chunk) => {
        heard.update(chunk);
        if (chunk.length > 32_768 && chunk.buffer.byteLength === 65_536) memory++;
      });
      socket.on('end', () => socket.end(heard.digest('hex')));
    })
    .listen(7);
  const sent = createHash('sha256');
  const socket = connect({ port: 7, host: '10.83.0.2', allowHalfOpen: true });
  for (let i = 0; i < 200; i++) {
    const piece = randomBytes(400_000);
    sent.update(piece);
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  socket.end();
  const [answer] = (await once(socket, 'data')) as [Buffer];
  t.is(answer.toString(), sent.digest('hex'));
  t.log(`${apart} of some 1200 long packets, by ${asked} calls`);
  if (asked === 0) t.log('there is no io_uring here for us');
  else t.true(memory > 50, `${memory} where they were read`);
});
