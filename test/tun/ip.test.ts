/**
 * The internet layer and UDP against the kernel's, over a real TUN, with offload and without.
 * @module
 */
import { execFile, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { promisify } from 'node:util';
import test, { type ExecutionContext, type TestFn } from 'ava';
import type { Device } from '../../src/device/device.ts';
import { impair } from '../../src/device/impair/impair.ts';
import type { TunDevice } from '../../src/device/linux/descriptor.ts';
import { openTun } from '../../src/device/linux/tun.ts';
import { ANY } from '../../src/stack/base/address.ts';
import { SECOND } from '../../src/stack/base/clock.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Stat } from '../../src/stack/base/stats.ts';
import type { Interface } from '../../src/stack/ip/interface.ts';
import { Internet } from '../../src/stack/ip/internet/internet.ts';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';
import type { UdpSocket } from '../../src/stack/udp/socket.ts';
import { Udp } from '../../src/stack/udp/udp.ts';
import { until } from '../device/support.ts';
import { ip, pattern } from '../support/packets.ts';
import { pinged } from '../support/pinged.ts';
import { tunTest } from './namespace.ts';

const HOST = ip('10.84.0.1');
const US = ip('10.84.0.2');
const run = promisify(execFile);
const DATAGRAMS = 200;
/** Of 65 507 bytes and the UDP header, at 1480 each. */
const FRAGMENTS = 45;

const hasPing = spawnSync('ping', ['-V']).error === undefined;
if (!hasPing) console.log('skipped, no ping: sudo apt-get install iputils-ping');
const pingTest: TestFn = hasPing ? tunTest : (test.skip as unknown as TestFn);

/** An internet layer at 10.84.0.2 behind a TUN whose other side is 10.84.0.1, and an echo on UDP. */
class Bench {
  readonly slots: Slots;
  readonly net: Internet;
  readonly udp: Udp;
  readonly iface: Interface;
  readonly echo: UdpSocket;
  readonly #tun: Device;

  constructor(tun: Device) {
    this.#tun = tun;
    this.slots = new Slots({ count: 256, packetSize: tun.maxPacket, poison: true });
    this.net = new Internet({ slots: this.slots, random: new SeededRandom(3), now: this.#now() });
    const { name, mtu, headerLength, offload } = tun;
    this.iface = this.net.addInterface({ name, mtu, headerLength, offload, out: tun });
    this.net.routes.addAddress(this.iface, US, 24);
    this.udp = new Udp(this.net);
    this.echo = this.udp.open({
      onMessage: (bytes, at, length, source, port) => {
        this.echo.send(bytes, at, length, source, port);
        return Drop.NONE;
      },
      onError: () => {},
    });
    this.echo.bind(ANY, 7);
    tun.start({
      memory: this.slots.bytes,
      readable: () => this.#drain(),
      writable: () => this.net.writable(this.iface),
      closed: () => {},
    });
  }

  /** Every slot is free again, and every packet is accounted for. */
  get balanced(): boolean {
    const { net, slots } = this;
    let dropped = 0;
    for (const n of net.drops) dropped += n;
    return slots.free === slots.count && net.packetsIn === net.packetsUsed + dropped;
  }

  #drain(): void {
    const { slots, iface, net } = this;
    net.begin(this.#now());
    for (;;) {
      const slot = slots.acquire();
      const at = slot + HEADROOM - iface.headerLength;
      const length = this.#tun.read(at, slots.size - HEADROOM + iface.headerLength);
      if (length > 0) net.input(iface, at, length);
      slots.release(slot);
      if (length === 0) break;
    }
    net.flush();
  }

  #now(): number {
    return performance.now() * 1000;
  }
}

async function kernelSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '10.84.0.1');
  await once(socket, 'listening');
  return socket;
}

/** A TUN that is closed with the test, however that ends. */
async function opened(t: ExecutionContext, offload: boolean): Promise<TunDevice> {
  const tun = await openTun({ name: 'ipt0', hostAddress: '10.84.0.1/24', offload });
  t.teardown(() => tun.close());
  return tun;
}

for (const offload of [false, true]) {
  const how = offload ? 'with offload' : 'without offload';

  pingTest(`ip: the kernel's pings of 56 to 65 507 bytes are answered, ${how}`, async (t) => {
    const tun = await opened(t, offload);
    const bench = new Bench(tun);
    for (const size of [56, 1472, 1473, 65_507]) {
      // 45 fragments each: the kernel's queue towards us holds 500.
      const every = size > 1472 ? '0.05' : '0.005';
      const args = ['-c', '20', '-i', every, '-w', '10', '-s', String(size), '10.84.0.2'];
      const { stdout } = await run('ping', args);
      t.true(pinged(stdout).received >= 20, stdout);
    }
    t.true(bench.balanced);
  });

  tunTest(`ip: the kernel answers our ping of 65 507 bytes, ${how}`, async (t) => {
    const tun = await opened(t, offload);
    const { net, slots } = new Bench(tun);
    const text = pattern(65_507);
    const answered = new Promise<Uint8Array>((resolve) => {
      const onReply = (_p: unknown, _seq: number, at: number, length: number): void =>
        resolve(slots.bytes.slice(at, at + length));
      const id = net.echoes.open({ onReply, onError: () => {} });
      const route = net.route(HOST, ANY);
      if (route === undefined) return t.fail('no route to the kernel');
      return t.is(net.icmp.sendEcho(route, id, 1, text, 0, text.length), Failure.NONE);
    });
    net.flush();
    t.deepEqual(await answered, text);
  });

  tunTest(`udp: the kernel's datagrams of 0 to 65 507 bytes come back, ${how}`, async (t) => {
    const tun = await opened(t, offload);
    const bench = new Bench(tun);
    const socket = await kernelSocket();
    for (const size of [0, 1, 17, 64, 65, 1471, 1472, 1473, 9000, 65_507]) {
      const answered = once(socket, 'message');
      socket.send(pattern(size), 7, '10.84.0.2');
      const [message] = (await answered) as [Buffer];
      t.deepEqual(Uint8Array.from(message), pattern(size));
    }
    t.true(bench.balanced);
    socket.close();
  });

  tunTest(`udp: a batch reaches the kernel as its datagrams, ${how}`, async (t) => {
    const tun = await opened(t, offload);
    const bench = new Bench(tun);
    const socket = await kernelSocket();
    const got: Buffer[] = [];
    const done = new Promise<void>((resolve) => {
      socket.on('message', (message) => {
        got.push(message);
        if (message.length < 1200) resolve();
      });
    });
    const text = pattern(50_000);
    const { port } = socket.address();
    t.is(bench.echo.sendBatch(text, 0, text.length, 1200, HOST, port), Failure.NONE);
    bench.net.flush();
    await done;
    t.is(got.length, 42);
    t.deepEqual(Uint8Array.from(Buffer.concat(got)), text);
    socket.close();
  });

  tunTest(`udp: closed ports are refused both ways, ${how}`, async (t) => {
    const tun = await opened(t, offload);
    const bench = new Bench(tun);
    const kernel = createSocket('udp4');
    kernel.connect(9, '10.84.0.2');
    await once(kernel, 'connect');
    const refused = once(kernel, 'error') as unknown as Promise<[NodeJS.ErrnoException]>;
    kernel.send('anyone?');
    t.is((await refused)[0].code, 'ECONNREFUSED');
    const failure = new Promise<Failure>((resolve) => {
      const ours = bench.udp.open({ onMessage: () => Drop.NONE, onError: resolve });
      t.is(ours.connect(HOST, 9), Failure.NONE);
      t.is(ours.send(pattern(4), 0, 4), Failure.NONE);
      bench.net.flush();
    });
    t.is(await failure, Failure.REFUSED);
    kernel.close();
  });
}

tunTest(
  'udp: with one fragment in a hundred lost, whole datagrams come back, and memory is bounded',
  async (t) => {
    const tun = await opened(t, false);
    const device = impair(tun, { in: { loss: 0.01 }, seed: 5 });
    const bench = new Bench(device);
    const { net, slots } = bench;
    const { pages } = net.fragments;
    const socket = await kernelSocket();
    const text = Buffer.from(pattern(65_507));
    let whole = 0;
    let changed = 0;
    socket.on('message', (message) => {
      if (text.equals(message)) whole++;
      else changed++;
    });
    for (let i = 1; i <= DATAGRAMS; i++) {
      socket.send(text, 7, '10.84.0.2');
      const { in: path } = device.counters;
      await until(() => path.offered >= i * FRAGMENTS && device.underWay.in === 0, 'the fragments');
      t.true(pages.used <= pages.limit);
    }
    const complete = net.stats[Stat.IpReasmOKs] as number; // `Stat` holds only such indices
    await until(() => whole + changed >= complete, 'the answers');
    t.is(changed, 0);
    t.true(complete > DATAGRAMS / 2 && complete < DATAGRAMS, `${complete} of ${DATAGRAMS}`);
    t.true(net.fragments.length > 0, 'those that miss a fragment wait for it');
    net.expire(net.deadline());
    net.expire(net.now + 31 * SECOND);
    net.flush();
    t.is(pages.used, 0);
    t.is(slots.free, slots.count);
    t.true(bench.balanced);
    socket.close();
  },
);
