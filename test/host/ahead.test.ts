/**
 * Packets that a stack reads while they are written, before the turn that takes them in: in order, as many as there
 * is room for, and no slot is kept. `DeviceUser.packet`: "who reads it at once has it from where it lies, and who
 * does not, later".
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, type Stack, type StackOptions } from '../../src/index.ts';
import { until } from '../api/worlds.ts';

const MANY = 300;

async function count(t: ExecutionContext, options: Partial<StackOptions>): Promise<Stack> {
  const [a, b] = createPipe({ prompt: true, limit: 1000 });
  const left = createStack({ device: a, address: '10.0.0.1/24' });
  const right = createStack({ ...options, device: b, address: '10.0.0.2/24' });
  t.teardown(() => Promise.all([left.close({ linger: 0 }), right.close({ linger: 0 })]));
  const heard: number[] = [];
  right.udp.createSocket(
    { port: 7 },
    {
      message: (_socket, bytes, at) => {
        heard.push(new DataView(bytes.buffer).getUint16(bytes.byteOffset + at));
      },
    },
  );
  const sender = left.dgram.createSocket('udp4').unref();
  await new Promise<void>((done) => sender.connect(7, '10.0.0.2', done));
  const numbers = Array.from({ length: MANY }, (_, i) => i);
  for (const i of numbers) sender.send(Buffer.from([i >> 8, i & 255]));
  await until(() => heard.length === MANY);
  t.deepEqual(heard, numbers);
  return right;
}

test('ahead: what is read as it is written comes in order, more than are read ahead too', async (t) => {
  const { slots, slotsFree, drops } = (await count(t, {})).stats();
  t.is(slotsFree, slots);
  t.deepEqual(drops, {});
});

test('ahead: where slots are few packets wait in the pipe, and none is lost', async (t) => {
  const { slots, slotsFree, drops } = (await count(t, { slots: 64 })).stats();
  t.is(slots, 64);
  t.is(slotsFree, 64);
  t.deepEqual(drops, {});
});
