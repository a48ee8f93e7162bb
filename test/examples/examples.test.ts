/**
 * The examples, each between two stacks over a pipe.
 * @module
 */
import { once } from 'node:events';
import { get } from 'node:http';
import type { Duplex } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, createSwitch, impair, type Stack } from 'tunstack';
import { Notes } from '../../examples/custom-protocol.ts';
import { serveEcho } from '../../examples/echo-server.ts';
import { serveHttp } from '../../examples/http-server.ts';
import { Hello } from '../../examples/link-protocol.ts';
import { ping } from '../../examples/ping.ts';
import { plugIn, read } from '../../examples/switched-stacks.ts';

/** Two stacks, back to back, on addresses that are nobody's (RFC 5737): 192.0.2.1 and 192.0.2.2. */
function twoStacks(t: ExecutionContext): [Stack, Stack] {
  const [here, there] = createPipe();
  const client = createStack({ device: here, address: '192.0.2.1/24' });
  const server = createStack({ device: there, address: '192.0.2.2/24' });
  t.teardown(() => Promise.all([client.close(), server.close()]));
  return [client, server];
}

/** All that comes, as text. */
async function everything(stream: Duplex | NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
}

test('examples: ping gives a round trip an answer', async (t) => {
  const [client] = twoStacks(t);
  const trips = await ping(client, '192.0.2.2', 3);
  t.is(trips.length, 3);
  t.true(trips.every((rtt) => rtt > 0 && rtt < 1000));
});

test('examples: the echo server echoes over TCP', async (t) => {
  const [client, server] = twoStacks(t);
  serveEcho(server, 7);
  const socket = client.net.connect({ port: 7, host: '192.0.2.2', allowHalfOpen: true });
  socket.end('hello');
  t.is(await everything(socket), 'hello');
});

test('examples: the echo server echoes over UDP', async (t) => {
  const [client, server] = twoStacks(t);
  serveEcho(server, 7);
  const socket = client.dgram.createSocket('udp4');
  socket.send('hello', 7, '192.0.2.2');
  const [answer] = await once(socket, 'message');
  t.is(answer.toString(), 'hello');
  socket.close();
});

test('examples: the http server answers a request', async (t) => {
  const [client, server] = twoStacks(t);
  serveHttp(server, 80);
  const request = get({
    // Without an agent, which would connect by itself, and by the kernel.
    ...{ path: '/here', headers: { host: 'server', connection: 'close' } },
    createConnection: () => client.net.connect(80, '192.0.2.2'),
  });
  const [response] = await once(request, 'response');
  t.is(response.statusCode, 200);
  t.is(await everything(response), 'Hello 192.0.2.1, this is /here.\n');
});

test('examples: notes of a custom protocol arrive once each, over a link that loses', async (t) => {
  const [here, there] = createPipe();
  const lossy = impair(here, { seed: 3, both: { loss: 0.3 } });
  const one = createStack({ device: lossy, address: '192.0.2.1/24' });
  const other = createStack({ device: there, address: '192.0.2.2/24' });
  t.teardown(() => Promise.all([one.close(), other.close()]));
  const heard: string[] = [];
  new Notes(other, (text, from) => heard.push(`${from}: ${text}`));
  const notes = new Notes(one, () => {});
  let times = 0;
  for (let i = 0; i < 20; i++) times += await notes.send(`note ${i}`, '192.0.2.2');
  t.deepEqual(
    heard,
    Array.from({ length: 20 }, (_, i) => `192.0.2.1: note ${i}`),
  );
  t.true(times > 20, 'some were sent again');
});

test('examples: machines on a switch read a page from each other, and none speaks for another', async (t) => {
  const bridge = createSwitch();
  const machines = [1, 2].map((n) => plugIn(bridge, `192.0.2.${n}`, `02:00:5e:00:53:0${n}`));
  const [one, two] = machines as [Stack, Stack];
  t.teardown(() => Promise.all([...machines.map((stack) => stack.close()), bridge.close()]));
  const server = two.http.createServer((request, response) => {
    response.end(request.socket.remoteAddress);
  });
  await once(server.listen(80), 'listening');
  t.is(await read(one, '192.0.2.2'), '192.0.2.1');
  t.is(bridge.stations().length, 2);
  const [port, device] = createPipe({ medium: 'ethernet' });
  bridge.plug(port, { ip: '192.0.2.3' });
  const liar = createStack({ device, address: '192.0.2.4/24' });
  await t.throwsAsync(() => liar.ping('192.0.2.2', { timeout: 200 }));
  await liar.close();
});

test('examples: stations of a home-made link protocol meet on a switch', async (t) => {
  const bridge = createSwitch();
  t.teardown(() => bridge.close());
  const stations = ['one', 'two', 'three'].map((name, i) => {
    const [near, far] = createPipe({ medium: 'ethernet' });
    bridge.plug(near);
    return new Hello(far, `02:00:5e:00:53:0${i + 1}`, name);
  });
  stations[0]?.greet();
  while (stations.some(({ others }) => others.size < 2)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.deepEqual([...(stations[2]?.others ?? [])].sort(), [
    ['02:00:5e:00:53:01', 'one'],
    ['02:00:5e:00:53:02', 'two'],
  ]);
});
