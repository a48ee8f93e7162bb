/**
 * Dials of `tunstack forward` that fail, and proxies that mean no good: nothing stays open, and nothing is sent
 * where the proxy says.
 *
 * One after the other, because each looks at what the process holds open.
 * @module
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { blockOfOne } from '../../../src/services/block.ts';
import {
  callerOf,
  type Exit,
  openConnection,
  openDatagrams,
} from '../../../src/services/gateway/exit.ts';
import { OwnSockets } from '../../../src/services/gateway/own-sockets.ts';
import { associate, connectThrough } from '../../../src/services/gateway/socks5.ts';

const HOME = '127.0.0.1';
const never = new AbortController().signal;
const makeExit = (): Exit => ({ from: [], own: new OwnSockets() });

/** Sockets of this thread that are open. */
function held(): number {
  const kinds =
    /^(TCPSocketWrap|TCPWRAP|UDPWRAP|UDPWrap|TCPServerWrap|ConnectWrap|TCPConnectWrap)$/i;
  return process.getActiveResourcesInfo().filter((kind) => kinds.test(kind)).length;
}

/** Fails unless as much is open after `work`, and a moment for closing, as before. */
async function leavesNothing(t: ExecutionContext, work: () => Promise<void>): Promise<void> {
  const before = held();
  await work();
  for (let i = 0; i < 100 && held() > before; i++) await pause(10);
  t.true(held() <= before, process.getActiveResourcesInfo().join(' '));
}

interface Proxy {
  readonly port: number;
  /** Connections that came. */
  readonly clients: Socket[];
}

/** A proxy that answers the greeting, and each request by `reply`; no reply: never. */
async function makeProxy(
  t: ExecutionContext,
  reply: (command: number) => number[] | undefined,
): Promise<Proxy> {
  const clients: Socket[] = [];
  const server = createServer((client) => {
    clients.push(client);
    client.on('error', () => {});
    client.once('data', () => {
      client.write(Uint8Array.of(5, 0));
      client.once('data', (request) => {
        const bytes = reply(request[1] as number);
        if (bytes) client.write(Uint8Array.from(bytes));
      });
    });
  });
  server.listen(0, HOME);
  await once(server, 'listening');
  t.teardown(async () => {
    for (const client of clients) client.destroy();
    await new Promise((done) => server.close(done));
  });
  return { port: (server.address() as { port: number }).port, clients };
}

/** A socket on which datagrams can be waited for. */
async function makeEar(t: ExecutionContext, address: string, port = 0): Promise<DatagramSocket> {
  const ear = createSocket('udp4');
  ear.bind(port, address);
  await once(ear, 'listening');
  t.teardown(() => new Promise<void>((done) => ear.close(done)));
  return ear;
}

const portBytes = (port: number): number[] => [port >> 8, port & 0xff];
const nobody = { received: () => {}, closed: () => {} };

test.serial('exit: a connection that is refused, or aborted, leaves nothing open', async (t) => {
  const server = createServer().listen(0, HOME);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  await leavesNothing(t, async () => {
    const refused = openConnection(makeExit(), { host: HOME, port }, callerOf(never));
    await t.throwsAsync(refused, { code: 'ECONNREFUSED' });
    const aborted = openConnection(makeExit(), { host: HOME, port }, callerOf(AbortSignal.abort()));
    await t.throwsAsync(aborted, { name: 'AbortError' });
  });
});

test.serial('exit: a socket for datagrams that cannot be connected is closed', async (t) => {
  await leavesNothing(t, async () => {
    // Linux, ip(7): a broadcast address is refused unless it was asked for.
    await t.throwsAsync(openDatagrams(makeExit(), '255.255.255.255', 9), { code: 'EACCES' });
    const from = { ...makeExit(), from: ['198.51.100.99'] }; // not an address of this host
    await t.throwsAsync(openDatagrams(from, HOME, 9), { code: 'EADDRNOTAVAIL' });
  });
});

test.serial(
  'own-sockets: each is known while it is open, from before its first packet',
  async (t) => {
    const exit = makeExit();
    const server = createServer().listen(0, HOME);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const opening = openConnection(exit, { host: HOME, port }, callerOf(never));
    const [far] = (await once(server, 'connection')) as [Socket];
    t.true(exit.own.has('tcp', HOME, far.remotePort ?? 0));
    t.false(exit.own.has('udp', HOME, far.remotePort ?? 0));
    const socket = await opening;
    const { localPort = 0 } = socket;
    far.destroy();
    socket.destroy();
    await once(socket, 'close');
    t.false(exit.own.has('tcp', HOME, localPort));
    await new Promise((done) => server.close(done));
    const datagrams = await openDatagrams(exit, HOME, 9);
    const bound = datagrams.address();
    t.true(exit.own.has('udp', bound.address, bound.port));
    await new Promise<void>((done) => datagrams.close(done));
    t.false(exit.own.has('udp', bound.address, bound.port));
  },
);

test('own-sockets: what is not from this host is asked nothing about, and addresses may come and go', (t) => {
  let blocks = [blockOfOne('address', HOME)];
  const own = new OwnSockets(() => blocks);
  let asked = 0;
  const socket = Object.defineProperties(new Socket(), {
    localAddress: {
      get: () => {
        asked++;
        return '192.0.2.1';
      },
    },
    localPort: { get: () => 5000 },
  });
  own.watch(socket);
  socket.emit('connectionAttempt', '192.0.2.2', 80, 4);
  t.false(own.has('tcp', '192.0.2.1', 5000));
  t.is(asked, 0);
  blocks = [...blocks, blockOfOne('address', '192.0.2.1')];
  t.true(own.has('tcp', '192.0.2.1', 5000));
  t.false(own.has('tcp', '192.0.2.1', 5001));
  socket.emit('close');
  t.false(own.has('tcp', '192.0.2.1', 5000));
});

test.serial('socks5: a proxy that never answers is given up, and nothing stays open', async (t) => {
  const { port, clients } = await makeProxy(t, () => undefined);
  const proxy = { host: HOME, port };
  const exit = makeExit();
  const connecting = connectThrough(exit, proxy, '192.0.2.1', 80, AbortSignal.timeout(50));
  await t.throwsAsync(connecting);
  const associating = associate(exit, proxy, '192.0.2.1', 53, nobody, AbortSignal.timeout(50));
  await t.throwsAsync(associating);
  t.is(clients.length, 2);
  await Promise.all(clients.map((client) => client.destroyed || once(client.resume(), 'close')));
  t.pass('both were closed by our side');
});

test.serial('socks5: port 0 for datagrams is an error, and nothing stays open', async (t) => {
  const { port, clients } = await makeProxy(t, () => [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const proxy = { host: HOME, port };
  const associating = associate(makeExit(), proxy, '192.0.2.1', 53, nobody, never);
  await t.throwsAsync(associating, { code: 'EPROTO' });
  await Promise.all(clients.map((client) => client.destroyed || once(client.resume(), 'close')));
  t.pass();
});

// RFC 1928 §6 lets a proxy name any place for datagrams; one that means ill names a service of this host.
test.serial('socks5: datagrams go to the proxy, whatever address it names', async (t) => {
  const victim = await makeEar(t, '127.0.0.9');
  const { port: relayPort } = victim.address();
  const relay = await makeEar(t, HOME, relayPort);
  const { port } = await makeProxy(t, () => [5, 0, 0, 1, 127, 0, 0, 9, ...portBytes(relayPort)]);
  let robbed = 0;
  victim.on('message', () => robbed++);
  const heard = once(relay, 'message');
  const proxy = { host: HOME, port };
  const through = await associate(makeExit(), proxy, '192.0.2.1', 53, nobody, never);
  through.send(Buffer.from('question'));
  const [message] = await heard;
  t.is(message.subarray(10).toString(), 'question');
  t.deepEqual([...message.subarray(0, 10)], [0, 0, 0, 1, 192, 0, 2, 1, 0, 53]);
  await pause(20);
  t.is(robbed, 0);
  through.close();
});

// RFC 1928 §7: the header says from whom a datagram is; a flow is with one place.
test.serial('socks5: a datagram that says to be from elsewhere is dropped', async (t) => {
  const relay = await makeEar(t, HOME);
  const { port } = await makeProxy(t, () => [
    ...[5, 0, 0, 1, 0, 0, 0, 0],
    ...portBytes(relay.address().port),
  ]);
  const got: string[] = [];
  const arrived = new Promise<void>((done) => {
    const received = (message: Buffer): void => {
      got.push(message.toString());
      if (message.toString() === 'right') done();
    };
    relay.once('message', (_message, from) => {
      const say = (head: number[], text: string): void => {
        relay.send(Buffer.from([...head, ...Buffer.from(text)]), from.port, from.address);
      };
      say([0, 0, 0, 1, 192, 0, 2, 2, 0, 53], 'another address');
      say([0, 0, 0, 1, 192, 0, 2, 1, 0, 54], 'another port');
      say([0, 0, 1, 1, 192, 0, 2, 1, 0, 53], 'a fragment');
      say([0, 0, 0, 3, 192, 0, 2, 1, 0, 53], 'a name');
      say([0, 0], '');
      say([0, 0, 0, 1, 192, 0, 2, 1, 0, 53], 'right');
    });
    const handler = { received, closed: () => {} };
    const proxy = { host: HOME, port };
    void associate(makeExit(), proxy, '192.0.2.1', 53, handler, never).then((through) => {
      t.teardown(() => through.close());
      through.send(Buffer.from('x'));
    });
  });
  await arrived;
  t.deepEqual(got, ['right']);
});

test.serial('socks5: a proxy that hangs up ends its datagrams, once', async (t) => {
  const relay = await makeEar(t, HOME);
  const { port, clients } = await makeProxy(t, () => [
    ...[5, 0, 0, 1, 0, 0, 0, 0],
    ...portBytes(relay.address().port),
  ]);
  let ends = 0;
  const handler = { received: () => {}, closed: () => ends++ };
  const proxy = { host: HOME, port };
  await associate(makeExit(), proxy, '192.0.2.1', 53, handler, never);
  clients[0]?.destroy();
  while (ends === 0) await pause(5);
  await pause(20);
  t.is(ends, 1);
});
