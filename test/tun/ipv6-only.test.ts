/**
 * An interface that has only IPv6, on a TUN and on a TAP: all works, and what is for IPv4 fails as on the kernel of a
 * host that has no way there (ENETUNREACH). And one that has only IPv4, and one that has both.
 * @module
 */
import dgram, { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { createStack, openTap, openTun, type Stack } from '../../src/index.ts';
import { pinged } from '../support/pinged.ts';
import { run, tunstack } from '../support/process.ts';
import { tunTest } from './namespace.ts';
import { testWith } from './serving.ts';

const curlTest = testWith('curl', 'ping');

async function only(t: ExecutionContext, medium: string, host: string): Promise<Stack> {
  const six = host.includes(':');
  const options = { name: 'only0', hostAddress: `${host}1/${six ? 64 : 24}` };
  const device = await (medium === 'TAP' ? openTap(options) : openTun(options));
  const stack = createStack({ device, address: `${host}2/${six ? 64 : 24}`, gateway: `${host}1` });
  t.teardown(() => stack.close());
  await stack.settled();
  return stack;
}

type Failure = Pick<NodeJS.ErrnoException, 'code' | 'syscall' | 'message' | 'errno'>;
const told = ({ code, syscall, message, errno }: NodeJS.ErrnoException): Failure => {
  return { ...(code && { code }), ...(syscall && { syscall }), message, ...(errno && { errno }) };
};

async function refusal(socket: Socket): Promise<Failure> {
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return told(error);
}

function sendTo(from: Stack['dgram'] | typeof dgram, address: string): Promise<Failure> {
  const socket = from.createSocket('udp4') as dgram.Socket; // of both the same is asked
  return new Promise((done) => {
    socket.send('x', 9, address, (error) => {
      socket.close();
      done(told(error as NodeJS.ErrnoException));
    });
  });
}

for (const medium of ['TUN', 'TAP']) {
  curlTest(
    `only IPv6, ${medium}: ping both ways, curl by [address], connect out, udp`,
    async (t) => {
      const stack = await only(t, medium, 'fd98::');
      t.true(stack.addresses.every((address) => address.includes(':')));
      const { out } = await run('ping', '-6', '-c', '5', '-i', '0.01', '-w', '10', '-q', 'fd98::2');
      t.true(pinged(out).received >= 5, out);
      t.true((await stack.ping('fd98::1')).rtt > 0);

      // Node documentation, "server.listen()": without a host it is `::`.
      const server = stack.http.createServer((request, response) => {
        response.end(`hello ${request.socket.remoteAddress}`);
      });
      server.listen(80);
      await once(server, 'listening');
      const { out: page } = await run('curl', '-sS', '-g', 'http://[fd98::2]/');
      t.is(page.trimEnd(), 'hello fd98::1');

      const outside = createServer((socket) => socket.end(`${socket.remoteAddress}`)).listen(
        0,
        '::',
      );
      t.teardown(() => void outside.close());
      await once(outside, 'listening');
      const { port } = outside.address() as { port: number };
      const [text] = await once(stack.net.connect(port, 'fd98::1'), 'data');
      t.is(String(text), 'fd98::2');

      const echo = stack.dgram.createSocket('udp6').bind(7);
      echo.on('message', (message, from) => echo.send(message, from.port, from.address));
      await once(echo, 'listening');
      const client = createSocket('udp6');
      client.send('datagram', 7, 'fd98::2');
      const [message, from] = await once(client, 'message');
      t.is(`${message} from ${from.address}`, 'datagram from fd98::2');
      client.close();
    },
  );

  tunTest(`only IPv6, ${medium}: what is for IPv4 fails as on the kernel`, async (t) => {
    const stack = await only(t, medium, 'fd98::');
    const ours = await refusal(stack.net.connect({ host: '192.0.2.1', port: 80 }));
    t.deepEqual(ours, await refusal(connect({ host: '192.0.2.1', port: 80 })));
    t.is(ours.code, 'ENETUNREACH');
    const sent = await sendTo(stack.dgram, '192.0.2.1');
    t.deepEqual(sent, await sendTo(dgram, '192.0.2.1'));
    t.is(sent.code, 'ENETUNREACH');
    await t.throwsAsync(stack.ping('192.0.2.1'), { code: 'ENETUNREACH' });
    // RFC 1122 §3.2.1.3: 127.0.0.1 every host has, whatever its devices speak.
    const local = await refusal(stack.net.connect({ host: '127.0.0.1', port: 81 }));
    t.deepEqual(local, await refusal(connect({ host: '127.0.0.1', port: 81 })));
  });

  tunTest(
    `only IPv4, ${medium}: listens, and what is for IPv6 fails in Node's words`,
    async (t) => {
      const stack = await only(t, medium, '10.98.0.');
      t.deepEqual(stack.addresses, ['10.98.0.2']);
      const server = stack.net.createServer((socket) => socket.end(`${socket.remoteAddress}`));
      server.listen(80);
      await once(server, 'listening');
      const [text] = await once(connect(80, '10.98.0.2'), 'data');
      t.is(String(text), '10.98.0.1');
      const refused = await refusal(stack.net.connect({ host: '2001:db8::1', port: 80 }));
      t.true(['ENETUNREACH', 'EAFNOSUPPORT'].includes(refused.code ?? ''), refused.message);
    },
  );
}

curlTest(
  'both: curl reaches a server without a host by address and by name, over each',
  async (t) => {
    const hostAddress = ['10.98.0.1/24', 'fd98::1/64'];
    const device = await openTun({ name: 'only2', hostAddress });
    const stack = createStack({ device, address: ['10.98.0.2/24', 'fd98::2/64'] });
    t.teardown(() => stack.close());
    const server = stack.http.createServer((request, response) => {
      response.end(`${request.headers.host} ${request.socket.remoteAddress}`);
    });
    server.listen(80);
    await once(server, 'listening');
    const name = ['--resolve', 'stack.example:80:[fd98::2],10.98.0.2', 'http://stack.example/'];
    for (const [words, answer] of [
      [['http://10.98.0.2/'], '10.98.0.2 ::ffff:10.98.0.1'],
      [['-g', 'http://[fd98::2]/'], '[fd98::2] fd98::1'],
      [['-4', ...name], 'stack.example ::ffff:10.98.0.1'],
      [['-6', ...name], 'stack.example fd98::1'],
    ] as const) {
      t.is((await run('curl', '-sS', ...words)).out.trimEnd(), answer);
    }
  },
);

curlTest('only IPv6: the commands serve and ping run with no address of IPv4', async (t) => {
  for (const device of ['--tun', '--tap']) {
    const words = [device, 'only1', '--host-address', 'none', '--host-address6', 'fd99::1/64'];
    const running = tunstack('serve', ...words);
    t.teardown(() => running.stop('SIGKILL').then(() => {}));
    t.regex(
      await running.line(),
      /^ready t[un|ap]+=only1 mtu=1500 host6=fd99::1\/64 address6=fd99::2$/,
    );
    const { out } = await run('curl', '-sS', '-g', 'http://[fd99::2]/stats.json');
    t.regex(out, /"Ip6InReceives":[1-9]/);
    const { code } = await running.stop();
    t.is(code, 0);
  }
  const ping = tunstack('ping', 'fd83::1', '-c', '2', '-i', '0.05', '--host-address', 'none');
  const { code, out, err } = await ping.ended;
  t.is(code, 0, err);
  t.regex(out, /2 packets transmitted, 2 received/);
});
