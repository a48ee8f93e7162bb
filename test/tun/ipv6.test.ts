/**
 * IPv6 against the kernel's, over a real TUN, with offload and without: echoes, datagrams of every length,
 * and text. RFC 8200, RFC 4443; RFC 8504 §5.
 * @module
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext, type TestFn } from 'ava';
import {
  type Connection,
  type ConnectionHandler,
  createStack,
  openTun,
  type Stack,
} from '../../src/index.ts';
import { pattern } from '../support/packets.ts';
import { pinged } from '../support/pinged.ts';
import { tunTest } from './namespace.ts';

const run = promisify(execFile);
const hasPing = spawnSync('ping', ['-V']).error === undefined;
if (!hasPing) console.log('skipped, no ping: sudo apt-get install iputils-ping');
const pingTest: TestFn = hasPing ? tunTest : (test.skip as unknown as TestFn);

/** How many echoes were answered; what was on its way when `ping` ended is given two seconds to come. */
async function answered(stack: Stack, sent: number): Promise<number> {
  for (let i = 0; i < 200 && stack.stats().Icmp6OutEchoReplies < sent; i++) await pause(10);
  return stack.stats().Icmp6OutEchoReplies;
}

/** What could not be written at once waits as the connection's context, and nothing more is read. */
const echo: ConnectionHandler = {
  data(connection, bytes, at, length) {
    const taken = connection.writeCopy(bytes, at, length);
    if (taken === length) return;
    connection.context = bytes.slice(at + taken, at + length);
    connection.pause();
  },
  writable(connection) {
    const rest = connection.context as Uint8Array | undefined; // only `data` sets it
    if (rest === undefined) return;
    const taken = connection.writeCopy(rest, 0, rest.length);
    connection.context = taken < rest.length ? rest.subarray(taken) : undefined;
    if (connection.context === undefined) connection.resume();
  },
  end: (connection) => connection.close(),
};

/** A stack at fd84::2 and 10.84.0.2 on a TUN whose other side is the kernel, and echoes on port 7. */
async function served(
  t: ExecutionContext,
  offload: boolean,
  accepted: (connection: Connection) => void = () => {},
): Promise<Stack> {
  const hostAddress = ['10.84.0.1/24', 'fd84::1/64'];
  const tun = await openTun({ name: 'six0', hostAddress, offload });
  const stack = createStack({
    device: tun,
    address: ['10.84.0.2/24', 'fd84::2/64'],
    poison: true,
  });
  t.teardown(() => stack.close());
  stack.tcp.createListener({ port: 7, address: '::', backlog: 64 }, (connection) => {
    accepted(connection);
    return echo;
  });
  stack.udp.createSocket(
    { port: 7, address: '::' },
    {
      message(socket, bytes, at, length, address, port) {
        socket.send(bytes, at, length, address, port);
      },
    },
  );
  return stack;
}

async function kernelSocket(): Promise<Socket> {
  const socket = createSocket('udp6');
  socket.bind(0, 'fd84::1');
  await once(socket, 'listening');
  return socket;
}

for (const offload of [false, true]) {
  const how = offload ? 'with offload' : 'without offload';

  pingTest(`ipv6: the kernel's pings of 56 to 65 507 bytes are answered, ${how}`, async (t) => {
    const stack = await served(t, offload);
    let sent = 0;
    for (const size of [56, 1452, 1453, 65_507]) {
      const every = size > 1452 ? '0.05' : '0.005';
      const args = ['-6', '-c', '20', '-i', every, '-w', '10', '-s', String(size), 'fd84::2'];
      const { stdout } = await run('ping', args);
      sent += pinged(stdout).transmitted;
      t.true(pinged(stdout).received >= 20, stdout);
    }
    t.is(await answered(stack, sent), sent);
    t.is(stack.stats().Icmp6InCsumErrors, 0);
  });

  tunTest(`ipv6: the kernel's datagrams of 0 to 65 507 bytes come back, ${how}`, async (t) => {
    await served(t, offload);
    const socket = await kernelSocket();
    for (const size of [0, 1, 17, 1451, 1452, 1453, 9000, 65_507]) {
      const answered = once(socket, 'message');
      socket.send(pattern(size), 7, 'fd84::2');
      const [message] = (await answered) as [Buffer];
      t.deepEqual(Uint8Array.from(message), pattern(size));
    }
    socket.close();
  });

  tunTest(`ipv6: 100 MiB come back through TCP as they were, ${how}`, async (t) => {
    const peers: string[] = [];
    const stack = await served(
      t,
      offload,
      (c) => void peers.push(`${c.family} ${c.remoteAddress}`),
    );
    for (const host of ['fd84::2', '10.84.0.2']) {
      const socket = connect(7, host);
      const sent = createHash('sha256');
      const got = createHash('sha256');
      let back = 0;
      socket.on('data', (chunk) => {
        back += chunk.length;
        got.update(chunk);
      });
      const chunk = Buffer.from(pattern(1 << 20));
      for (let i = 0; i < 100; i++) {
        chunk.writeUInt32BE(i, 0);
        sent.update(chunk);
        if (!socket.write(Buffer.from(chunk))) await once(socket, 'drain');
      }
      socket.end();
      await once(socket, 'close');
      t.is(back, 100 << 20);
      t.is(got.digest('hex'), sent.digest('hex'));
    }
    t.deepEqual(peers, ['IPv6 fd84::1', 'IPv4 10.84.0.1']);
    t.is(stack.stats().TcpInCsumErrors, 0);
  });
}

pingTest('ipv6: of 1000 pings none is lost, nor of 20 000 in a flood', async (t) => {
  const stack = await served(t, false);
  let sent = 0;
  for (const [count, ...how] of [
    ['1000', '-i', '0.002'],
    ['20000', '-f'],
  ] as const) {
    const args = ['-6', '-q', '-w', '60', '-c', count, ...how, 'fd84::2'];
    const said = pinged((await run('ping', args)).stdout);
    t.true(said.received >= Number(count), JSON.stringify(said));
    sent += said.transmitted;
  }
  t.is(await answered(stack, sent), sent);
});

pingTest(
  'ipv6: the link-local address answers, and the kernel is the router of both families',
  async (t) => {
    const stack = await served(t, false);
    const gateways = stack.routes.filter(({ network }) => network.endsWith('/0'));
    t.deepEqual(gateways.map(({ gateway }) => gateway).sort(), ['10.84.0.1', 'fd84::1']);
    const [own] = stack.addresses.filter((address) => address.startsWith('fe80:'));
    t.not(own, undefined);
    const { stdout } = await run('ping', ['-6', '-c', '3', '-i', '0.01', '-w', '10', String(own)]);
    t.true(pinged(stdout).received >= 3, stdout);
  },
);

tunTest('ipv6: a closed port refuses, by TCP and by UDP', async (t) => {
  await served(t, false);
  const socket = connect(9, 'fd84::2');
  const [error] = (await once(socket, 'error').catch((e) => [e])) as [NodeJS.ErrnoException];
  t.is(error.code, 'ECONNREFUSED');
  const udp = createSocket('udp6');
  udp.connect(9, 'fd84::2');
  await once(udp, 'connect');
  const refused = once(udp, 'error');
  udp.send('x');
  const [why] = (await refused) as [NodeJS.ErrnoException];
  t.is(why.code, 'ECONNREFUSED');
  udp.close();
});

tunTest(
  "ipv6: the kernel's solicitations and listener reports are dropped without a word",
  async (t) => {
    const stack = await served(t, false);
    // RFC 4861 §6.3.7: up to three router solicitations, and reports of what the kernel listens to.
    await new Promise((done) => setTimeout(done, 1500));
    const { drops, ignored, Ip6InMcastPkts, Ip6InAddrErrors, Icmp6OutMsgs } = stack.stats();
    t.true(Ip6InMcastPkts > 0);
    t.is(ignored['ipNotMember'] ?? 0, Ip6InMcastPkts);
    t.deepEqual(drops, {});
    t.is(Ip6InAddrErrors, 0);
    t.is(Icmp6OutMsgs, 0);
  },
);
