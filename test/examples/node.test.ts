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
import { inUrl } from '../api/worlds.ts';

/** Addresses that are nobody's: RFC 5737 and, of IPv6, those that the certificate is for. */
const FAMILIES = [
  { family: 'IPv4', here: '192.0.2.1', there: '192.0.2.2', bits: 24 },
  { family: 'IPv6', here: 'fd83::1', there: 'fd83::2', bits: 64 },
] as const;

/** Two stacks, back to back. */
function twoStacks(
  t: ExecutionContext,
  { here, there, bits }: (typeof FAMILIES)[number],
): [Stack, Stack] {
  const [one, other] = createPipe();
  const client = createStack({ device: one, address: `${here}/${bits}` });
  const server = createStack({ device: other, address: `${there}/${bits}` });
  t.teardown(() => Promise.all([client.close(), server.close()]));
  return [client, server];
}

async function everything(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
}

for (const names of FAMILIES) {
  const { family, here, there } = names;
  const site = inUrl(there);

  test(`examples: fetch reads from the http server, over ${family}`, async (t) => {
    const [client, server] = twoStacks(t, names);
    serveHttp(server, 80);
    const text = await fetchText(client, `http://${site}/there`);
    t.is(text, `Hello ${here}, this is /there.\n`);
  });

  test(`examples: the https server answers, over ${family}`, async (t) => {
    const [client, server] = twoStacks(t, names);
    serveHttps(server, 443);
    const request = client.https.get(`https://${site}/safe`, { ca: cert });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    t.is(await everything(response), `Hello ${here}, this is /safe by TLSv1.3.\n`);
  });

  test(`examples: the http2 server answers by HTTP/2, over ${family}`, async (t) => {
    const [client, server] = twoStacks(t, names);
    serveHttp2(server, 443);
    const session = client.http2.connect(`https://${site}`, { ca: cert });
    const text = await everything(session.request({ ':path': '/' }));
    t.is(text, `Hello ${here}, this is HTTP/2.0.\n`);
    session.close();
  });

  test(`examples: the TLS server answers in capitals, over ${family}`, async (t) => {
    const [client, server] = twoStacks(t, names);
    serveCapitals(server, 7443);
    const socket = client.tls.connect({ port: 7443, host: there, ca: cert });
    socket.end('hello');
    t.is(await everything(socket), 'HELLO');
  });

  test(`examples: who is in the chat hears what is said, over ${family}`, async (t) => {
    const [client, server] = twoStacks(t, names);
    serveChat(server, 80);
    const heard = async (socket: WebSocket): Promise<string> => {
      const [message] = await once(socket, 'message');
      return String(message);
    };
    const one = joinChat(client, `ws://${site}/`);
    const two = joinChat(client, `ws://${site}/`);
    await Promise.all([once(one, 'open'), once(two, 'open')]);
    one.send('hello');
    t.deepEqual(await Promise.all([heard(one), heard(two)]), Array(2).fill(`${here}: hello`));
    one.close();
    two.close();
    await Promise.all([once(one, 'close'), once(two, 'close')]);
  });

  test(`examples: the express application answers, over ${family}`, async (t) => {
    const [client, server] = twoStacks(t, names);
    serveApp(server, 80);
    const dispatcher = client.dispatcher();
    const hello = await fetch(`http://${site}/hello/you`, { dispatcher });
    t.deepEqual(await hello.json(), { hello: 'you', from: here });
    const sum = await fetch(`http://${site}/sum`, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '[1, 2, 39]',
    });
    t.deepEqual(await sum.json(), { sum: 42 });
    await dispatcher.close();
  });
}
