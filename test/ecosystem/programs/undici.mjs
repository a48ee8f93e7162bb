/** undici: requests, pipelining, streams, fetch and a WebSocket, of express as the server. */
import assert from 'node:assert/strict';
import { Agent, fetch, request, stream } from 'undici';

export { serve } from './express.mjs';

export async function call(host, port, stack) {
  const url = `http://${host}:${port}`;
  const options = { pipelining: 4, connections: 4 };
  const dispatcher = stack
    ? new Agent({ ...options, connect: stack.connector() })
    : new Agent(options);
  const headers = { 'content-type': 'application/json' };
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const { statusCode, body } = await request(`${url}/hello/${i}`, { dispatcher });
      assert.deepEqual([statusCode, await body.text()], [200, `hello ${i}`]);
    }),
  );
  const sent = JSON.stringify({ text: 'y'.repeat(500_000) });
  const echoed = await fetch(`${url}/echo`, { method: 'POST', headers, body: sent, dispatcher });
  assert.equal(JSON.stringify(await echoed.json()), sent);
  let length = 0;
  const { Writable } = await import('node:stream');
  await stream(
    `${url}/large`,
    { method: 'GET', dispatcher },
    () =>
      new Writable({
        write(chunk, _encoding, done) {
          length += chunk.length;
          done();
        },
      }),
  );
  assert.equal(length, 1 << 20);
  await dispatcher.close();
}
