/** Tests of src/device/wrap/tap.ts: who watches sees what passes, and who does not costs nothing. */
import { PassThrough } from 'node:stream';
import test from 'ava';
import type { Device } from '../../../src/device/device.ts';
import { createPipe } from '../../../src/device/pipe.ts';
import { Recorder } from '../../../src/device/wrap/recorder.ts';
import { tap } from '../../../src/device/wrap/tap.ts';
import { packetFilter } from '../../../src/filter/filter.ts';
import { deviceSuite } from '../suite.ts';
import { Collector, settle, udpPacket } from '../support.ts';

deviceSuite(test, 'tap', () => {
  const [inner, other] = createPipe();
  const device = tap(inner);
  device.watch(() => {});
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

test('tap: a watcher sees each packet with its direction, from when it begins until it ends', async (t) => {
  const [inner, other] = createPipe({ offload: true });
  const device = tap(inner);
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  const seen: string[] = [];
  const send = async (text: string): Promise<void> => {
    user.write(udpPacket(text));
    far.write(udpPacket(`${text}!`, '10.83.0.1', '10.83.0.2'));
    await settle();
  };
  await send('before');
  const end = device.watch((view, at, length, header, direction) => {
    t.is(header, 10);
    const text = Buffer.from(view.buffer, view.byteOffset + at + 28, length - 28).toString();
    seen.push(`${direction} ${text}`);
  });
  await send('during');
  end();
  await send('after');
  t.deepEqual(seen, ['2 during', '1 during!']);
  t.is(device.watchers, 0);
  t.deepEqual(far.payloads, ['before', 'during', 'after']);
  await Promise.all([device.close(), other.close()]);
});

test('tap: gathers as the device behind does, but not while somebody watches', (t) => {
  const [inner] = createPipe();
  let gathered = 0;
  const behind: Device = Object.assign(Object.create(inner) as Device, {
    gather: () => {
      gathered++;
      return true;
    },
  });
  const device = tap(behind);
  const bytes = new Uint8Array(8);
  t.true(device.gather?.(bytes, 0, 8));
  const end = device.watch(() => {});
  t.false(device.gather?.(bytes, 0, 8));
  end();
  t.true(device.gather?.(bytes, 0, 8));
  t.is(gathered, 2);
  const plain: Device = Object.assign(Object.create(inner) as Device, { gather: undefined });
  t.is(tap(plain).gather, undefined);
});

test('tap: reads several as the device behind does, but one by one while somebody watches', (t) => {
  const [inner] = createPipe();
  const several = { readMany: () => 2, readSplit: () => 2 };
  const device = tap(Object.assign(Object.create(inner) as Device, several));
  const two = new Int32Array(2);
  const read = (): unknown => [
    device.readMany?.(two, 2, 2048, two),
    device.readSplit?.(two, 2, 62, [], two),
  ];
  t.deepEqual(read(), [2, 2]);
  const end = device.watch(() => {});
  t.deepEqual(read(), [0, 0]);
  end();
  t.deepEqual(read(), [2, 2]);
  t.is(tap(inner).readMany, undefined);
  t.is(tap(inner).readSplit, undefined);
});

test('tap: who looks at headers alone takes nobody’s gathering away, and is told the whole length', async (t) => {
  const [inner, other] = createPipe();
  const device = tap(inner);
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  const seen: number[] = [];
  const count = (_view: DataView, _at: number, length: number): void => void seen.push(length);
  const end = device.watch(count, { headersOnly: true });
  const packet = udpPacket('text that is elsewhere');
  const text = packet.subarray(28);
  user.memory.set(packet.subarray(0, 28), 0);
  t.true(device.gather?.(text, 0, 10));
  t.true(device.gather?.(text, 10, text.length - 10));
  t.true(device.write(0, 28));
  user.write(packet); // nothing is left over for the next
  const endReader = device.watch(count);
  t.false(device.gather?.(text, 0, text.length), 'another needs it whole');
  user.write(packet);
  endReader();
  endReader();
  t.true(device.gather?.(text, 0, text.length), 'one end is one watcher less');
  t.is(device.watchers, 1);
  end();
  device.flush();
  await settle();
  t.deepEqual(seen, [packet.length, packet.length, packet.length, packet.length]);
  t.deepEqual(far.payloads.slice(0, 2), ['text that is elsewhere', 'text that is elsewhere']);
  await Promise.all([device.close(), other.close()]);
});

test('tap: no more than sixteen may watch', (t) => {
  const [inner] = createPipe();
  const device = tap(inner);
  const ends = Array.from({ length: 16 }, () => device.watch(() => {}));
  t.throws(() => device.watch(() => {}), { message: /16 watch pipe/ });
  for (const end of ends) end();
  t.notThrows(() => device.watch(() => {}));
});

test('tap: a recorder may watch, and writes what its filter means', async (t) => {
  const [inner, other] = createPipe();
  const device = tap(inner);
  device.start(new Collector(device));
  const far = new Collector(other);
  other.start(far);
  const stream = new PassThrough();
  const recorder = new Recorder(stream, 'ip', 'pipe', { filter: packetFilter('udp port 7000') });
  device.watch(recorder.record);
  far.write(udpPacket('meant', '10.83.0.1', '10.83.0.2'));
  far.write(new Uint8Array(20).fill(0x45));
  await settle();
  await recorder.finish();
  t.is(recorder.captured, 1);
  t.regex(Buffer.concat(await stream.toArray()).toString('latin1'), /meant/);
  await Promise.all([device.close(), other.close()]);
});
