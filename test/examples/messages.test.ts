/**
 * The protocol of examples/reliable-messages.ts between two stacks, over links that lose, double, damage
 * and disorder.
 * @module
 */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, type Impairment, impair, type Stack } from 'tunstack';
import { Messages } from '../../examples/reliable-messages.ts';
import { until } from '../api/worlds.ts';
import { pattern } from '../support/packets.ts';
import { run } from '../support/process.ts';
import { root } from '../support/root.ts';

const LEFT = '192.0.2.1';
const RIGHT = '192.0.2.2';

function linked(t: ExecutionContext, link: Impairment): { left: Stack; right: Stack } {
  const [here, there] = createPipe();
  const device = impair(here, { seed: 3, both: link });
  const left = createStack({ device, address: `${LEFT}/24` });
  const right = createStack({ device: there, address: `${RIGHT}/24` });
  t.teardown(() => Promise.all([left, right].map((s) => s.close({ linger: 0 }))));
  return { left, right };
}

const SIZES = [0, 1, 1400, 1401, 30_000, 5, 200_000, 2800, 0, 17];

/** Send messages of all sizes, and see what arrives. */
async function exchange(t: ExecutionContext, link: Impairment): Promise<[Messages, Messages]> {
  const { left, right } = linked(t, link);
  const heard: Buffer[] = [];
  const from = new Messages(left, () => {});
  const to = new Messages(right, (message, source) => {
    t.is(source, LEFT);
    heard.push(message);
  });
  const messages = SIZES.map((size, i) => pattern(size).map((byte) => byte ^ i));
  await Promise.all(messages.map((message) => from.send(message, RIGHT)));
  t.deepEqual(
    heard.map((message) => message.length),
    SIZES,
  );
  t.deepEqual(
    heard.map((message) => Uint8Array.from(message)),
    messages,
  );
  return [from, to];
}

test('examples: messages arrive whole and in their order over a good link', async (t) => {
  const [from, to] = await exchange(t, {});
  t.deepEqual([from.dropped, to.dropped], [0, 0]);
});

test('examples: messages arrive whole, once and in order over a link that loses', async (t) => {
  const [from] = await exchange(t, { loss: 0.1, delay: 500 });
  t.true(from.resent > 0);
});

test('examples: messages arrive so over one that doubles and disorders too', async (t) => {
  await exchange(t, { loss: 0.05, duplicate: 0.1, reorder: 0.2, delay: 500 });
});

test('examples: messages that were damaged are dropped, and sent again', async (t) => {
  const [from, to] = await exchange(t, { corrupt: 0.1 });
  t.true(from.resent > 0);
  t.true(to.dropped > 0);
});

test('examples: both sides send messages at the same time', async (t) => {
  const { left, right } = linked(t, { loss: 0.1 });
  const heard: string[] = [];
  const one = new Messages(left, (message) => heard.push(`${message}`));
  const other = new Messages(right, (message) => heard.push(`${message}`));
  await Promise.all([one.send(Buffer.from('ping'), RIGHT), other.send(Buffer.from('pong'), LEFT)]);
  t.deepEqual(heard.sort(), ['ping', 'pong']);
});

test('examples: a message to nobody fails, and the next begins a new session', async (t) => {
  const { left, right } = linked(t, {});
  const from = new Messages(left, () => {}, 2);
  const error = await t.throwsAsync(() => from.send(Buffer.from('lost'), RIGHT));
  t.is((error as NodeJS.ErrnoException).code, 'ETIMEDOUT');
  const heard: string[] = [];
  new Messages(right, (message) => heard.push(`${message}`));
  await from.send(Buffer.from('found'), RIGHT);
  t.deepEqual(heard, ['found']);
});

test('examples: who hears messages may begin anew, and who sends them too', async (t) => {
  const { left, right } = linked(t, {});
  const heard: string[] = [];
  new Messages(right, (message) => heard.push(`${message}`));
  const first = new Messages(left, () => {});
  await first.send(Buffer.from('one'), RIGHT);
  first.close();
  const began = Date.now();
  await until(() => Date.now() > began);
  await new Messages(left, () => {}).send(Buffer.from('two'), RIGHT);
  t.deepEqual(heard, ['one', 'two']);
});

test('examples: a message that is too long is refused at once', async (t) => {
  const { left } = linked(t, {});
  const messages = new Messages(left, () => {});
  await t.throwsAsync(() => messages.send(new Uint8Array((1 << 20) + 1), RIGHT), {
    instanceOf: RangeError,
  });
});

test('examples: reliable-messages runs by itself and ends', async (t) => {
  const program = join(root, 'dist/examples/reliable-messages.js');
  const { code, out, err } = await run(process.execPath, program);
  t.is(code, 0, err);
  const sizes = [5, 50_000, 0, 500_000, 1].map((size) => `10.0.0.1: ${size} B\n`);
  t.true(out.startsWith(sizes.join('')), out);
  t.regex(out, /\d+ pieces were sent again\n$/);
});
