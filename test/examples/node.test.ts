/**
 * The examples of what of Node runs on a stack, each between two stacks over a pipe.
 * @module
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, type Stack } from 'tunstack';
import { fetch } from 'undici';
import type { WebSocket } from 'ws';
import { cert } from '../../examples/certificate.ts';
import { serveApp } from '../../examples/express-app.ts';
import { fetchText } from '../../examples/fetch.ts';
import { serveHttp } from '../../examples/http-server.ts';
import { serveHttp2 } from '../../examples/http2-server.ts';
import { serveHttps } from '../../examples/https-server.ts';
import { serveCapitals } from '../../examples/tls-echo.ts';
import { joinChat, serveChat } from '../../examples/websocket-chat.ts';

const SERVER = '192.0.2.2';

/** Two stacks, back to back, on addresses that are nobody's (RFC 5737): 192.0.2.1 and 192.0.2.2. */
function twoStacks(t: ExecutionContext): [Stack, Stack] {
  const [here, there] = createPipe();
  const client = createStack({ device: here, address: '192.0.2.1/24' });
  const server = createStack({ device: there, address: `${SERVER}/24` });
  t.teardown(() => Promise.all([client.close(), server.close()]));
  return [client, server];
}

async function everything(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
}

test('examples: fetch reads from the http server', async (t) => {
  const [client, server] = twoStacks(t);
  serveHttp(server, 80);
  const text = await fetchText(client, `http://${SERVER}/there`);
  t.is(text, 'Hello 192.0.2.1, this is /there.\n');
});

test('examples: the https server answers', async (t) => {
  const [client, server] = twoStacks(t);
  serveHttps(server, 443);
  const request = client.https.get(`https://${SERVER}/safe`, { ca: cert });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  t.is(await everything(response), 'Hello 192.0.2.1, this is /safe by TLSv1.3.\n');
});

test('examples: the http2 server answers by HTTP/2', async (t) => {
  const [client, server] = twoStacks(t);
  serveHttp2(server, 443);
  const session = client.http2.connect(`https://${SERVER}`, { ca: cert });
  const text = await everything(session.request({ ':path': '/' }));
  t.is(text, 'Hello 192.0.2.1, this is HTTP/2.0.\n');
  session.close();
});

test('examples: the TLS server answers in capitals', async (t) => {
  const [client, server] = twoStacks(t);
  serveCapitals(server, 7443);
  const socket = client.tls.connect({ port: 7443, host: SERVER, ca: cert });
  socket.end('hello');
  t.is(await everything(socket), 'HELLO');
});

test('examples: who is in the chat hears what is said', async (t) => {
  const [client, server] = twoStacks(t);
  serveChat(server, 80);
  const heard = async (socket: WebSocket): Promise<string> => {
    const [message] = await once(socket, 'message');
    return String(message);
  };
  const one = joinChat(client, `ws://${SERVER}/`);
  const two = joinChat(client, `ws://${SERVER}/`);
  await Promise.all([once(one, 'open'), once(two, 'open')]);
  one.send('hello');
  t.deepEqual(await Promise.all([heard(one), heard(two)]), Array(2).fill('192.0.2.1: hello'));
  one.close();
  two.close();
  await Promise.all([once(one, 'close'), once(two, 'close')]);
});

test('examples: the express application answers', async (t) => {
  const [client, server] = twoStacks(t);
  serveApp(server, 80);
  const dispatcher = client.dispatcher();
  const hello = await fetch(`http://${SERVER}/hello/you`, { dispatcher });
  t.deepEqual(await hello.json(), { hello: 'you', from: '192.0.2.1' });
  const sum = await fetch(`http://${SERVER}/sum`, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[1, 2, 39]',
  });
  t.deepEqual(await sum.json(), { sum: 42 });
  await dispatcher.close();
});
