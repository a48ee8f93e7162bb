/** Tests of src/device/stream.ts: packet streams as devices. */
import { Duplex } from 'node:stream';
import test from 'ava';
import { fromDuplex } from '../../src/device/stream.ts';
import { deviceSuite, type Link } from './suite.ts';
import { Collector, payloadOf, settle, udpPacket, until } from './support.ts';

/** A stream whose far end is in the test's hands. */
class Wire extends Duplex {
  readonly written: Buffer[] = [];
  /** Writes whose callback is kept until `release`. */
  hold = false;
  #held: (() => void)[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    if (this.hold) this.#held.push(done);
    else setImmediate(done);
  }

  release(): void {
    this.hold = false;
    for (const done of this.#held.splice(0)) done();
  }
}

function streamLink(objectMode: boolean): Promise<Link> {
  const wire = new Wire({ objectMode });
  const device = fromDuplex(wire);
  return Promise.resolve({
    device,
    send: (payload) => void wire.push(Buffer.from(udpPacket(payload, '10.83.0.1', '10.83.0.2'))),
    get received() {
      return wire.written.map((chunk) => payloadOf(chunk));
    },
    close: () => device.close(),
  });
}

deviceSuite(test, 'stream', () => streamLink(false));
deviceSuite(test, 'stream of objects', () => streamLink(true));

test('stream: it takes name and MTU from the stream, or from the options', (t) => {
  const tuntap = Object.assign(new Wire(), { name: 'tun7', mtu: 1400 });
  const device = fromDuplex(tuntap);
  t.is(device.name, 'tun7');
  t.is(device.mtu, 1400);
  t.is(device.maxPacket, 1400);
  const named = fromDuplex(new Wire(), { name: 'mine', mtu: 9000, medium: 'ethernet' });
  t.is(named.name, 'mine');
  t.is(named.maxPacket, 9018);
  t.throws(() => fromDuplex(new Wire(), { mtu: 1 }), { code: 'ERR_OUT_OF_RANGE' });
});

test('stream: it is paused while its packets are not read, and loses none', async (t) => {
  const wire = new Wire({ objectMode: true });
  const device = fromDuplex(wire, { limit: 4 });
  const user = new Collector(device);
  user.budget = 0;
  device.start(user);
  for (let i = 0; i < 40; i++) wire.push(Buffer.from(udpPacket(`${i}`)));
  await settle();
  t.true(wire.isPaused());
  user.budget = 2;
  user.drain();
  await until(() => user.packets.length >= 40, '40 packets');
  t.deepEqual(
    user.payloads,
    Array.from({ length: 40 }, (_, i) => `${i}`),
  );
});

test('stream: a write waits for the drain of the stream', async (t) => {
  const wire = new Wire({ highWaterMark: 100 });
  wire.hold = true;
  const device = fromDuplex(wire);
  const user = new Collector(device);
  device.start(user);
  t.true(user.write(udpPacket('a'.repeat(200))));
  t.false(user.write(udpPacket('b')));
  await settle();
  t.is(user.writables, 0);
  wire.release();
  await until(() => user.writables > 0, 'writable');
  t.true(user.write(udpPacket('b')));
  await until(() => wire.written.length === 2, 'both chunks');
});

test('stream: the memory may be reused as soon as a write gave true', async (t) => {
  const wire = new Wire();
  wire.hold = true;
  const device = fromDuplex(wire);
  const user = new Collector(device);
  device.start(user);
  user.write(udpPacket('first'));
  user.write(udpPacket('other'));
  wire.release();
  await until(() => wire.written.length === 2, 'both chunks');
  t.deepEqual(
    wire.written.map((chunk) => payloadOf(chunk)),
    ['first', 'other'],
  );
});

test('stream: its error ends the device with it', async (t) => {
  const wire = new Wire();
  const device = fromDuplex(wire);
  const user = new Collector(device);
  device.start(user);
  const reason = new Error('pulled the plug');
  wire.destroy(reason);
  await until(() => user.ends.length > 0, 'closed');
  t.deepEqual(user.ends, [reason]);
});

test('stream: its end is the end of the device', async (t) => {
  const wire = new Wire();
  const device = fromDuplex(wire, { name: 'short' });
  const user = new Collector(device);
  device.start(user);
  wire.push(null);
  await until(() => user.ends.length > 0, 'closed');
  t.is((user.ends[0] as NodeJS.ErrnoException).code, 'ENODEV');
  t.regex(String(user.ends[0]), /short/);
  t.is(user.ends.length, 1);
});

test('stream: chunks that are no packets are counted', async (t) => {
  const wire = new Wire({ objectMode: true });
  const device = fromDuplex(wire);
  const user = new Collector(device);
  device.start(user);
  wire.push('text');
  wire.push({ no: 'packet' });
  wire.push(Buffer.from(udpPacket('packet')));
  await until(() => user.packets.length > 0, 'the packet');
  t.is(device.refused, 2);
});
