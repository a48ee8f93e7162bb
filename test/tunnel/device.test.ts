/**
 * A tunnel as a device, over a protocol and transports that are played: what its user may write whole, and how it moves to
 * another transport. virtio 1.2 §5.1.6.
 * @module
 */
import test from 'ava';
import * as virtio from '../../src/stack/wire/virtio.ts';
import { TunnelDevice } from '../../src/tunnel/device.ts';
import { Endpoint } from '../../src/tunnel/endpoint.ts';
import {
  type DatagramTransport,
  NEVER,
  type TransportUser,
  type TunnelOut,
  type TunnelProtocol,
} from '../../src/tunnel/tunnel.ts';

const MTU = 1420;
const TO = new Endpoint('192.0.2.1', 9);

/** A protocol that sends each packet as it is, and delivers each datagram as it is. */
class Plain implements TunnelProtocol {
  readonly lengths: number[] = [];
  readonly #out: TunnelOut;

  constructor(out: TunnelOut) {
    this.#out = out;
  }

  packet(_bytes: Uint8Array, _at: number, length: number): void {
    this.lengths.push(length);
    const { datagrams } = this.#out;
    if (datagrams.reserve(length) >= 0) datagrams.commit(length, TO);
  }

  datagram(bytes: Uint8Array, at: number, length: number): void {
    this.#out.deliver(bytes, at, length);
  }

  deadline = (): number => NEVER;
  expire(): void {}
  stop(): void {}
}

class Played implements DatagramTransport {
  readonly bytes: Uint8Array = new Uint8Array(65_536);
  readonly lost = 0;
  readonly port: number;
  full = false;
  sent = 0;
  isClosed = false;
  isReferenced = true;
  user: TransportUser | undefined;

  constructor(port: number) {
    this.port = port;
  }

  start(user: TransportUser): void {
    this.user = user;
  }

  reserve = (): number => 0;

  commit(): void {
    this.sent++;
  }

  flush(): void {}

  ref(): void {
    this.isReferenced = true;
  }

  unref(): void {
    this.isReferenced = false;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

function open(offload: boolean): {
  device: TunnelDevice<Plain>;
  first: Played;
  memory: Uint8Array;
  heard: { writable: number; closed: number };
} {
  const first = new Played(1);
  const made = new TunnelDevice(
    { name: 'tunnel', mtu: MTU, transport: first, offload },
    (out) => new Plain(out),
  );
  const memory = new Uint8Array(131_072);
  const heard = { writable: 0, closed: 0 };
  made.start({
    memory,
    readable() {},
    writable() {
      heard.writable++;
    },
    closed() {
      heard.closed++;
    },
  });
  return { device: made, first, memory, heard };
}

for (const [name, protocol, gso, header, offset] of [
  ['TCP', 6, virtio.Gso.TCPV6, 20, 16],
  ['UDP', 17, virtio.Gso.UDP_L4, 8, 6],
] as const) {
  test(`device: 30 000 bytes of ${name} over IPv6 are written whole, and cut to the MTU`, (t) => {
    const { device, memory } = open(true);
    t.true(device.offload.tso6 === true && device.offload.uso6 === true);
    t.true(device.maxPacket > 60_000);
    const size = 1300;
    const text = 30_000;
    const view = new DataView(memory.buffer);
    const ip = virtio.LEN;
    virtio.write(view, 0, 1, gso, 40 + header, size, 40, offset);
    memory.set([0x60, 0, 0, 0], ip);
    view.setUint16(ip + 4, header + text);
    memory.set([protocol, 64], ip + 6);
    memory.fill(0xfd, ip + 8, ip + 40);
    if (protocol === 6) memory[ip + 40 + 12] = 5 << 4;
    t.true(device.write(0, virtio.LEN + 40 + header + text));
    const { lengths } = device.protocol;
    t.is(lengths.length, Math.ceil(text / size));
    t.true(lengths.every((length) => length <= MTU));
    t.is(
      lengths.reduce((sum, length) => sum + length - 40 - header, 0),
      text,
    );
    t.is(device.counters.refused, 0);
  });
}

/** An IPv4 packet of 40 bytes, which no protocol here looks into. */
const PACKET = 40;

test('device: after a move datagrams leave by the new transport, and come from it', async (t) => {
  const { device, first } = open(false);
  device.write(0, PACKET);
  device.unref();
  const second = new Played(2);
  await device.move(second);
  t.true(first.isClosed);
  t.false(second.isReferenced, 'as the one before');
  device.write(0, PACKET);
  t.deepEqual([first.sent, second.sent], [1, 1]);
  t.is(device.transport.port, 2);
  second.user?.received(new Uint8Array(PACKET), 0, PACKET, TO);
  second.user?.drained();
  t.is(device.read(0, 2000), PACKET);
});

test('device: who waited for a transport that was full goes on by the next', async (t) => {
  const { device, first, heard } = open(false);
  first.full = true;
  t.false(device.write(0, PACKET));
  await device.move(new Played(2));
  t.is(heard.writable, 1);
  t.true(device.write(0, PACKET));
});

test('device: a transport that was left may fail without harm, and the one in use may not', async (t) => {
  const { device, first, heard } = open(false);
  const second = new Played(2);
  await device.move(second);
  first.user?.failed(new Error('gone'));
  await new Promise((resolve) => setImmediate(resolve));
  t.is(heard.closed, 0);
  second.user?.failed(new Error('gone'));
  await new Promise((resolve) => setImmediate(resolve));
  t.is(heard.closed, 1);
  t.true(second.isClosed);
});

test('device: one that is closed closes what it is moved to', async (t) => {
  const { device } = open(false);
  await device.close();
  const second = new Played(2);
  await device.move(second);
  t.true(second.isClosed);
});
