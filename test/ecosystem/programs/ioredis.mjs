/** ioredis, of redis-server: commands one by one and in pipelines, transactions, large values, channels. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Redis } from 'ioredis';

/** How ioredis takes a socket of somebody else's. */
const connectorOf = (stack, host, port) =>
  class {
    check = () => true;
    disconnect() {
      this.stream?.end();
    }
    async connect() {
      this.stream = stack.net.connect({ port, host });
      return this.stream;
    }
  };

export async function call(host, port, stack) {
  const options = stack ? { Connector: connectorOf(stack, host, port) } : { host, port };
  const [redis, listener] = [new Redis(options), new Redis(options)];
  await redis.flushall();
  for (let i = 0; i < 500; i++) assert.equal(await redis.incr('count'), i + 1);
  const pipeline = redis.pipeline();
  for (let i = 0; i < 5000; i++) pipeline.set(`key ${i}`, i);
  assert.equal((await pipeline.exec()).length, 5000);
  const large = Buffer.alloc(5_000_000, 'large ');
  await redis.set('large', large);
  assert.ok(large.equals(await redis.getBuffer('large')));
  const [, [, list]] = await redis.multi().rpush('list', 'a', 'b').lrange('list', 0, -1).exec();
  assert.deepEqual(list, ['a', 'b']);
  await listener.subscribe('news');
  const heard = once(listener, 'message');
  await redis.publish('news', 'today');
  assert.deepEqual(await heard, ['news', 'today']);
  await Promise.all([redis.quit(), listener.quit()]);
}
