/** Tests of src/device/pipe.ts: two devices back to back. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import type { DeviceUser } from '../../src/device/device.ts';
import { createPipe } from '../../src/device/pipe.ts';
import { deviceSuite, type Link } from './suite.ts';
import { Collector, settle, udpPacket, until } from './support.ts';

function pipeLink(options: Parameters<typeof createPipe>[0]): Promise<Link> {
  const [device, other] = createPipe(options);
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
}

deviceSuite(test, 'pipe', () => pipeLink({}));
deviceSuite(test, 'pipe with offload', () => pipeLink({ offload: true }));
deviceSuite(test, 'pipe in microtasks', () => pipeLink({ schedule: queueMicrotask }));

test('pipe: a full pipe gives false, and writable when there is room', async (t) => {
  const [left, right] = createPipe({ limit: 4 });
  const sender = new Collector(left);
  const receiver = new Collector(right);
  left.start(sender);
  for (let i = 0; i < 4; i++) t.true(sender.write(udpPacket(`${i}`)));
  t.false(sender.write(udpPacket('4')));
  t.is(right.queued, 4);
  right.start(receiver);
  await until(() => sender.writables > 0, 'writable');
  t.true(sender.write(udpPacket('4')));
  await until(() => receiver.packets.length >= 5, 'five packets');
  t.deepEqual(receiver.payloads, ['0', '1', '2', '3', '4']);
});

test('pipe: a packet above the MTU is refused and counted', async (t) => {
  const [left, right] = createPipe({ mtu: 100 });
  const receiver = new Collector(right);
  const sender = new Collector(left);
  left.start(sender);
  right.start(receiver);
  t.true(sender.write(udpPacket('z'.repeat(73))));
  t.is(left.refused, 1);
  t.true(sender.write(udpPacket('z'.repeat(72))));
  await until(() => receiver.packets.length > 0, 'the packet of the MTU');
  t.is(left.refused, 1);
});

test('pipe: with offload it carries packets of 64 KiB behind a virtio header', async (t) => {
  const [left, right] = createPipe({ offload: true });
  t.is(left.headerLength, 10);
  t.is(left.maxPacket, 65_535);
  t.true(left.offload.tso4);
  const receiver = new Collector(right);
  const sender = new Collector(left);
  left.start(sender);
  right.start(receiver);
  t.true(sender.write(udpPacket('q'.repeat(65_535 - 28))));
  await until(() => receiver.packets.length > 0, 'the packet');
  t.is(receiver.packets[0]?.length, 65_545);
});

test('pipe: nothing happens but by its scheduler', async (t) => {
  const due: (() => void)[] = [];
  const [left, right] = createPipe({ schedule: (fn) => due.push(fn) });
  const receiver = new Collector(right);
  const sender = new Collector(left);
  left.start(sender);
  right.start(receiver);
  for (let i = 0; i < 5; i++) sender.write(udpPacket(`${i}`));
  await settle();
  t.is(receiver.packets.length, 0);
  t.is(due.length, 1, 'one call for five packets');
  due.shift()?.();
  t.is(receiver.packets.length, 5);
  t.is(due.length, 0);
});

test('pipe: options that cannot be meant are refused', (t) => {
  t.throws(() => createPipe({ mtu: 67 }), { code: 'ERR_OUT_OF_RANGE', message: /mtu/ });
  t.throws(() => createPipe({ mtu: 1.5 }), { instanceOf: RangeError });
  t.throws(() => createPipe({ limit: 0 }), { code: 'ERR_OUT_OF_RANGE', message: /limit/ });
});

test('pipe: what is gathered follows the bytes of the next write, in order, and no other one', async (t) => {
  const [left, right] = createPipe();
  const sender = new Collector(left);
  const receiver = new Collector(right);
  left.start(sender);
  right.start(receiver);
  const text = new TextEncoder().encode('--world, hello--');
  t.true(left.gather(text, 9, 5));
  t.true(left.gather(text, 2, 5));
  t.true(sender.write(udpPacket('>')));
  t.true(sender.write(udpPacket('alone')));
  await until(() => receiver.packets.length === 2, 'two packets');
  const [first, second] = receiver.packets.map((packet) => Buffer.from(packet).toString('latin1'));
  t.true(first?.endsWith('>helloworld'));
  t.true(second?.endsWith('alone'));
});

test('pipe: pieces beyond sixteen are refused with those before, and so is a packet that they make too long', async (t) => {
  const [left, right] = createPipe({ mtu: 100 });
  const sender = new Collector(left);
  const receiver = new Collector(right);
  left.start(sender);
  right.start(receiver);
  const text = new Uint8Array(80);
  for (let i = 0; i < 16; i++) t.true(left.gather(text, i, 1));
  t.false(left.gather(text, 0, 1));
  t.true(sender.write(udpPacket('whole')));
  t.true(left.gather(text, 0, 80));
  t.true(sender.write(udpPacket('long')));
  t.is(left.refused, 1);
  t.throws(() => left.gather(text, 70, 11), { code: 'ERR_OUT_OF_RANGE' });
  t.true(sender.write(udpPacket('next')));
  await until(() => receiver.packets.length === 2, 'two packets');
  t.deepEqual(receiver.payloads, ['whole', 'next']);
});

test('pipe: a prompt one tells from within flush, and later of what was left', async (t) => {
  const [left, right] = createPipe({ prompt: true });
  const sender = new Collector(left);
  const receiver = new Collector(right);
  left.start(sender);
  right.start(receiver);
  receiver.budget = 2;
  for (const text of ['1', '2', '3']) t.true(sender.write(udpPacket(text)));
  t.is(receiver.readables, 0);
  left.flush();
  t.deepEqual(receiver.payloads, ['1', '2']);
  await until(() => receiver.packets.length === 3, 'the third');
  t.is(receiver.readables, 2);
  left.flush();
  t.is(receiver.readables, 2, 'there is nothing to tell');
});

test('pipe: an end that is closed holds nothing of who had it, whoever has the other one', async (t) => {
  const [left, right] = createPipe();
  const start = (): WeakRef<Uint8Array> => {
    const memory = new Uint8Array(4096);
    left.start({ memory, readable: () => memory, writable: () => {}, closed: () => {} });
    return new WeakRef(memory);
  };
  const held = start();
  await left.close();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 10 && held.deref() !== undefined; i++) {
    await new Promise((done) => setImmediate(done));
    collect();
  }
  t.is(held.deref(), undefined);
  t.is(right.queued, 0);
});

test('pipe: a prompt one offers each packet as it is written, and tells of the batch at its flush', (t) => {
  const [left, right] = createPipe({ prompt: true, offload: true });
  const sender = new Collector(left);
  const receiver = new Collector(right);
  let takes = true;
  right.start(
    Object.assign(receiver, { packet: () => takes && receiver.drain() }) satisfies DeviceUser,
  );
  left.start(sender);
  t.true(left.gather(Buffer.from('from elsewhere'), 5, 9));
  t.true(sender.write(udpPacket('one ')));
  t.is(receiver.packets.length, 1, 'while it is written');
  t.is(
    Buffer.from(receiver.packets[0] ?? [])
      .subarray(-13)
      .toString(),
    'one elsewhere',
  );
  takes = false;
  for (const text of ['two', 'three']) t.true(sender.write(udpPacket(text)));
  takes = true;
  t.true(sender.write(udpPacket('four')));
  t.is(receiver.packets.length, 1, 'what was written before is not overtaken');
  t.is(receiver.readables, 0);
  left.flush();
  t.deepEqual(receiver.payloads.slice(1), ['two', 'three', 'four']);
  t.is(receiver.readables, 1);
  t.true(sender.write(udpPacket('five')));
  left.flush();
  t.is(receiver.readables, 2, 'the batch has an end, though nothing is left');
  left.flush();
  t.is(receiver.readables, 2);
  t.deepEqual(receiver.payloads.slice(4), ['five']);
});

test('pipe: a packet that is too long for who is offered it is cut later, as any other', (t) => {
  const [left, right] = createPipe({ prompt: true });
  const sender = new Collector(left);
  const receiver = Object.assign(new Collector(right), { packet: () => void receiver.drain() });
  receiver.room = 100;
  left.start(sender);
  right.start(receiver);
  t.true(sender.write(udpPacket('x'.repeat(100))));
  t.deepEqual(receiver.cut, []);
  left.flush();
  t.deepEqual(receiver.cut, [128]);
});
