/**
 * When what is written between turns leaves: one answer before the ticks of the stream that tell of it, and what is written
 * on and on together.
 *
 * Node documentation: `process.nextTick()`; `writable.write()`, `callback`.
 */
import test, { type ExecutionContext } from 'ava';
import { Wrapper } from '../../src/device/wrap/wrapper.ts';
import { createPipe, createStack, type Socket } from '../../src/index.ts';
import { next, until } from '../api/worlds.ts';

/** Notes what leaves. */
class Noting extends Wrapper {
  readonly notes: string[] = [];

  override write(at: number, length: number): boolean {
    this.notes.push('left');
    return super.write(at, length);
  }
}

/** A connection, and the device that notes what leaves it. Nothing waits any more. */
async function connected(t: ExecutionContext): Promise<{ socket: Socket; notes: string[] }> {
  const [a, b] = createPipe();
  const device = new Noting(a);
  const left = createStack({ device, address: '10.0.0.1/24' });
  const right = createStack({ device: b, address: '10.0.0.2/24' });
  t.teardown(() => Promise.all([left.close({ linger: 0 }), right.close({ linger: 0 })]));
  right.net.createServer((socket) => socket.resume()).listen(7);
  const socket = left.net.connect({ port: 7, host: '10.0.0.2', noDelay: true });
  await next(socket, 'connect');
  await new Promise((done) => setTimeout(done, 20));
  device.notes.length = 0;
  return { socket, notes: device.notes };
}

test('soon: an answer leaves before its stream tells that it was written', async (t) => {
  const { socket, notes } = await connected(t);
  setImmediate(() => socket.write('answer', () => notes.push('told')));
  await until(() => notes.length === 2);
  t.deepEqual(notes, ['left', 'told']);
});

test('soon: what is written whenever the last was taken leaves together, but for the first', async (t) => {
  const { socket, notes } = await connected(t);
  let left = 20;
  const write = (): void => {
    if (left-- > 0) socket.write('more', write);
  };
  setImmediate(write);
  await until(() => left < 0);
  await new Promise((done) => setImmediate(done));
  t.deepEqual(notes, ['left', 'left']);
});

test('soon: what is written leaves though promises go on being kept', async (t) => {
  const { socket, notes } = await connected(t);
  await null;
  socket.write('text');
  for (let i = 0; i < 100; i++) await null;
  t.deepEqual(notes, ['left']);
});
