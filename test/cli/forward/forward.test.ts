/**
 * `tunstack forward` and `traceroute` without a TUN: their command lines, rules, and how two
 * connections become one.
 * @module
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { forwardedLine } from '../../../src/cli/forward/forward.ts';
import { netnsPath } from '../../../src/cli/netns.ts';
import { parse } from '../../../src/cli/options.ts';
import { hopLine } from '../../../src/cli/traceroute.ts';
import { relay } from '../../../src/services/gateway/relay.ts';

function options(line: string): Record<string, unknown> {
  const request = parse(line.split(' '), '1.2.3');
  if (!('options' in request)) throw new Error(JSON.stringify(request));
  return { ...request.options };
}

function refusal(line: string): string {
  const request = parse(line.split(' '), '1.2.3');
  return request.command === 'refuse' ? request.reason : `taken: ${JSON.stringify(request)}`;
}

test('forward: the command line is read, with what is usual filled in', (t) => {
  t.like(options('forward'), {
    ...{ hostAddress: '10.83.0.1/24', socks5: undefined, netns: undefined, from: undefined },
    ...{ rules: [], flows: 20_000, udpIdle: 120 },
  });
  t.like(options('forward --socks5 proxy.example:1080 --netns box --from 192.0.2.1 --flows 9'), {
    socks5: { host: 'proxy.example', port: 1080 },
    ...{ netns: 'box', from: ['192.0.2.1'], flows: 9 },
  });
  t.regex(refusal('forward --socks5 1080'), /Give HOST:PORT/);
  t.regex(refusal('forward --netns a;b'), /Give a process id/);
  t.regex(refusal('forward --allow 10.0.0.0/33'), /Give CIDR/);
  t.regex(refusal('forward --flows 0'), /from 1 to 60000/);
});

test('forward: rules keep the order of the command line', (t) => {
  const line = 'forward --deny 10.0.0.0/8:25 --allow 10.0.0.0/8 --deny 0.0.0.0/0/udp';
  const { rules } = options(line) as { rules: { allow: boolean }[] };
  t.deepEqual(
    rules.map(({ allow }) => allow),
    [false, true, false],
  );
});

test('forward: a namespace is named by a process, a name or a path', (t) => {
  t.is(netnsPath('42'), '/proc/42/ns/net');
  t.is(netnsPath('box'), '/run/netns/box');
  t.is(netnsPath('/some/where'), '/some/where');
});

test('forward: the last line says what was carried and what was not', (t) => {
  const counters = { tcp: 1, udp: 2, tcpOpen: 0, udpOpen: 0, denied: 3, failed: 4, full: 5 };
  const all = { ...counters, looped: 0, displaced: 0, cut: 0, bytesOut: 1500, bytesIn: 2e6 };
  const line =
    'forwarded 1 TCP flow, 2 UDP flows, 1.5 kB out, 2.0 MB in, ' +
    'refused 3 by rule, 4 at the far end, 5 for want of room';
  t.is(forwardedLine(all), line);
  t.is(forwardedLine({ ...all, looped: 6 }), `${line}, 6 that came back by the TUN`);
});

test('traceroute: the command line is read', (t) => {
  t.like(options('traceroute 192.0.2.1'), { method: 'udp', maxHops: 30, queries: 3, wait: 3 });
  t.like(options('traceroute -I -m 5 -q 1 host.example'), {
    ...{ method: 'icmp', maxHops: 5, queries: 1, host: 'host.example' },
  });
  t.regex(refusal('traceroute -m 256 h'), /from 1 to 255/);
});

test('traceroute: a hop is a line, each address once, with what was said', (t) => {
  const answer = (address: string, rtt: number, type = 11, code = 0) => ({
    ...{ address, rtt, type, code },
  });
  const silence = { address: undefined, rtt: undefined, type: undefined, code: undefined };
  t.is(
    hopLine({
      hop: 1,
      probes: [answer('10.0.0.1', 0.1234), answer('10.0.0.1', 2)],
      reached: false,
    }),
    ' 1  10.0.0.1  0.123 ms  2.000 ms',
  );
  t.is(
    hopLine({
      hop: 12,
      probes: [silence, answer('10.0.0.1', 1), answer('10.0.0.2', 1, 3, 1)],
      reached: false,
    }),
    '12  * 10.0.0.1  1.000 ms 10.0.0.2  1.000 ms !H',
  );
  t.is(
    hopLine({ hop: 3, probes: [answer('10.0.0.2', 1, 3, 13)], reached: false }),
    ' 3  10.0.0.2  1.000 ms !X',
  );
});

/** A relay between the sockets that a client and a server see. */
async function relayed(
  t: ExecutionContext,
): Promise<{ client: Socket; server: Socket; done: Promise<void> }> {
  const servers: Server[] = [];
  const pair = async (): Promise<[Socket, Socket]> => {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const [far] = (await once(server, 'connection')) as [Socket];
    return [near, far];
  };
  const [client, one] = await pair();
  const [other, server] = await pair();
  for (const socket of [client, server]) socket.on('error', () => {});
  t.teardown(() => {
    for (const socket of [client, server]) socket.destroy();
    for (const each of servers) each.close();
  });
  const done = new Promise<void>((resolve) => relay(one, other, resolve, { lookEvery: 20 }));
  return { client, server, done };
}

test('relay: text goes both ways, and each end by itself', async (t) => {
  const { client, server } = await relayed(t);
  client.end('question');
  const [question] = await once(server, 'data');
  t.is(question.toString(), 'question');
  await once(server, 'end');
  server.write('answer');
  t.is((await once(client, 'data'))[0].toString(), 'answer');
  server.end();
  client.resume();
  await once(client, 'close');
  t.pass();
});

test('relay: a reset goes on as a reset', async (t) => {
  const { client, server } = await relayed(t);
  client.write('x');
  await once(server, 'data');
  client.resetAndDestroy();
  const [error] = await once(server, 'error');
  t.is(error.code, 'ECONNRESET');
});

// RFC 9293 §3.6: a half-closed connection lives on; §3.10.7.4: a reset ends it, in CLOSE-WAIT too.
for (const [who, other] of [
  ['client', 'server'],
  ['server', 'client'],
] as const) {
  test(`relay: a reset of the ${who} after its FIN goes on to a silent ${other}`, async (t) => {
    const { done, ...ends } = await relayed(t);
    const ended = once(ends[other].resume(), 'end');
    ends[who].end();
    await ended;
    await new Promise<void>((done) => ends[other].write(Buffer.alloc(200_000), () => done()));
    await once(ends[who], 'readable');
    ends[who].destroy(); // closed with text unread: the kernel resets (RFC 2525 §2.17)
    await done; // both of the relay's own are gone
    ends[other].write('x'); // as it does not read any more, only this tells
    const [error] = await once(ends[other], 'error');
    t.is(error.code, 'EPIPE');
  });
}

test('relay: text that is cut off by a reset never looks like all of it', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [far] = (await once(server, 'connection')) as [Socket];
  far.on('error', () => {});
  // A client that takes its time over the first piece, and none over the rest.
  let first: (() => void) | undefined;
  let isEnded = false;
  const client = new Duplex({
    highWaterMark: 100_000,
    read() {},
    write(_piece, _encoding, taken) {
      if (first) taken();
      else first = taken;
    },
    final(done) {
      isEnded = true;
      done();
    },
  });
  const done = new Promise<void>((resolve) => relay(client, upstream, resolve, { lookEvery: 1e6 }));
  far.write(Buffer.alloc(1_000_000));
  await pause(50);
  far.resetAndDestroy();
  await pause(50);
  first?.();
  await done;
  t.true(client.destroyed);
  t.false(isEnded);
});

test('relay: looking after a half-closed end sends nothing', async (t) => {
  const { client, server } = await relayed(t);
  const ended = once(server.resume(), 'end');
  client.end();
  await ended;
  const heard: Buffer[] = [];
  client.on('data', (piece) => heard.push(piece));
  await pause(100); // five looks
  server.end('late');
  await once(client, 'end');
  t.is(Buffer.concat(heard).toString(), 'late');
});
