/**
 * What the programs of http frameworks share: requests by Node's client, small, large, and many at once.
 * @module
 */
import assert from 'node:assert/strict';
import * as http from 'node:http';

/** One request; gives status, headers and body. */
export function ask(agent, url, { body, ...options } = {}) {
  return new Promise((done, fail) => {
    const request = http.request(url, { agent, ...options }, async (response) => {
      const pieces = [];
      for await (const piece of response) pieces.push(piece);
      const { statusCode: status, headers } = response;
      done({ status, headers, body: Buffer.concat(pieces) });
    });
    request.on('error', fail).end(body);
  });
}

/** The routes that each framework serves: a parameter, JSON both ways, a megabyte, and one that is missing. */
export async function askAll(host, port, stack) {
  const agent = stack
    ? stack.agent({ keepAlive: true, maxSockets: 8 })
    : new http.Agent({ keepAlive: true, maxSockets: 8 });
  const url = `http://${host}:${port}`;
  const json = { 'content-type': 'application/json' };
  await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const greeting = await ask(agent, `${url}/hello/${i}`);
      assert.equal(String(greeting.body), `hello ${i}`);
      const body = JSON.stringify({ i, text: 'x'.repeat(i * 100) });
      const echoed = await ask(agent, `${url}/echo`, { method: 'POST', headers: json, body });
      assert.deepEqual(JSON.parse(echoed.body), JSON.parse(body));
    }),
  );
  const { body } = await ask(agent, `${url}/large`);
  assert.equal(body.length, 1 << 20);
  assert.equal((await ask(agent, `${url}/missing`)).status, 404);
  agent.destroy();
}
