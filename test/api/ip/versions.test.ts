/**
 * What stands on the internet layer is there for both versions of IP by the same calls: protocols of one's own, raw
 * packets, ICMP, hooks, flows to any address. RFC 8200, RFC 4443.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import {
  createPipe,
  createStack,
  type IcmpMessage,
  type RawPacket,
  type Stack,
} from '../../../src/index.ts';
import * as wire from '../../../src/wire.ts';

/** Two stacks on a pipe, 10.9.0.1 and fd89::1, 10.9.0.2 and fd89::2. */
function pair(t: ExecutionContext): readonly [a: Stack, b: Stack] {
  const [left, right] = createPipe();
  const address = (n: number): string[] => [`10.9.0.${n}/24`, `fd89::${n}/64`];
  const a = createStack({ device: left, address: address(1) });
  const b = createStack({ device: right, address: address(2), gateway: ['10.9.0.1', 'fd89::1'] });
  t.teardown(() => Promise.all([a.close({ linger: 0 }), b.close({ linger: 0 })]));
  return [a, b];
}

const BOTH = [
  ['IPv4', '10.9.0.1', '10.9.0.2'],
  ['IPv6', 'fd89::1', 'fd89::2'],
] as const;

for (const [family, one, two] of BOTH) {
  test(`versions: a protocol of one's own passes over ${family}`, async (t) => {
    const [a, b] = pair(t);
    const got = new Promise<RawPacket>((done) => b.protocol(253, done));
    a.protocol(253, () => {}).send(Buffer.from('hello'), two, { ttl: 9, tos: 8 });
    const { source, destination, ttl, tos, data } = await got;
    t.deepEqual(
      { source, destination, ttl, tos },
      { source: one, destination: two, ttl: 9, tos: 8 },
    );
    t.is(data.toString(), 'hello');
  });

  test(`versions: ICMP of ${family} is shown, taken and sent`, async (t) => {
    const [a, b] = pair(t);
    const [to, from] = family === 'IPv4' ? [b.icmp, a.icmp] : [b.icmp6, a.icmp6];
    const got = new Promise<IcmpMessage>((done) =>
      to.handle((message) => done(message) === undefined),
    );
    const type = family === 'IPv4' ? 8 : 128;
    from.send({ type, rest: 77, data: Buffer.from('hi') }, two);
    const { source, rest, data } = await got;
    t.deepEqual([source, rest, data.toString()], [one, 77, 'hi']);
    t.throws(() => from.send({ type }, family === 'IPv4' ? 'fd89::2' : '10.9.0.2'), {
      code: 'ERR_INVALID_IP_ADDRESS',
    });
  });

  test(`versions: connections use ECN over ${family} (RFC 3168 §6.1)`, async (t) => {
    const [left, right] = createPipe();
    const marks = new Set<number>();
    const tcp = { ecn: true };
    const a = createStack({
      device: left,
      address: [`${one}/${family === 'IPv4' ? 24 : 64}`],
      tcp,
    });
    const b = createStack({
      device: right,
      address: [`${two}/${family === 'IPv4' ? 24 : 64}`],
      tcp,
    });
    t.teardown(() => Promise.all([a.close({ linger: 0 }), b.close({ linger: 0 })]));
    b.hook('input', ({ tos }) => {
      marks.add(tos & 3);
    });
    const server = b.net.createServer((peer) => peer.pipe(peer)).listen(7);
    await once(server, 'listening');
    const socket = a.net.connect(7, two);
    socket.write('x');
    await once(socket, 'data');
    t.true(socket.info()?.options.includes('ecn'));
    t.true(marks.has(2), 'ECT(0) on what has text');
    socket.destroy();
  });

  test(`versions: a hook sees and rewrites packets of ${family}`, async (t) => {
    const [a, b] = pair(t);
    const seen: unknown[] = [];
    const other = family === 'IPv4' ? '10.9.0.2' : 'fd89::2';
    const nowhere = family === 'IPv4' ? '203.0.113.7' : '2001:db8::7';
    a.addRoute(family === 'IPv4' ? '203.0.113.0/24' : '2001:db8::/32', { gateway: other });
    b.hook('input', (packet) => {
      if (packet.protocol !== 17) return;
      seen.push(packet.version, wire.formatAddress(packet.source), packet.destinationPort);
      packet.setDestination(other, 7);
    });
    const texts = new Promise<string>((done) => {
      b.udp.createSocket(
        { port: 7, address: family === 'IPv4' ? '0.0.0.0' : '::' },
        { message: (_s, bytes, at, n) => done(Buffer.from(bytes.subarray(at, at + n)).toString()) },
      );
    });
    const socket = a.udp.createSocket({ address: family === 'IPv4' ? '0.0.0.0' : '::' }, {});
    const to = wire.parseAddress(nowhere);
    t.true(socket.send(Buffer.from('over'), 0, 4, to, 53));
    t.is(await texts, 'over');
    t.deepEqual(seen, [family === 'IPv4' ? 4 : 6, one, 53]);
  });

  test(`versions: flows to any address are taken over ${family}`, async (t) => {
    const [a, b] = pair(t);
    const nowhere = family === 'IPv4' ? '203.0.113.7' : '2001:db8::7';
    const asked: string[] = [];
    const interceptor = a.tcp.intercept((flow) => {
      asked.push(`${flow.remoteAddress} > ${flow.localAddress}:${flow.localPort}`);
      flow.refuse();
    });
    t.teardown(() => interceptor.close());
    const closed = new Promise<string | undefined>((done) => {
      b.tcp.createConnection(
        { address: nowhere, port: 443 },
        { close: (_c, error) => done(error?.code) },
      );
    });
    t.is(await closed, 'ECONNREFUSED');
    t.deepEqual(asked, [`${two} > ${nowhere}:443`]);
  });

  test(`versions: UDP flows to any address are answered and refused over ${family}`, async (t) => {
    const [a, b] = pair(t);
    const nowhere = family === 'IPv4' ? '203.0.113.7' : '2001:db8::7';
    const asked: string[] = [];
    const interceptor = a.udp.intercept((flow) => {
      asked.push(`${flow.remoteAddress} > ${flow.localAddress}:${flow.localPort}`);
      if (flow.localPort === 9) return flow.refuse();
      const socket = flow.accept();
      t.is(socket.address().family, family);
      socket.on('message', (message) => socket.send(`re: ${message}`));
    });
    const ask = async (port: number): Promise<string> => {
      const client = b.dgram.createSocket(family === 'IPv4' ? 'udp4' : 'udp6');
      const said = new Promise<string>((done) => {
        client.on('message', (message, { address }) => done(`${message} from ${address}`));
        client.on('error', (error: NodeJS.ErrnoException) => done(`${error.code}`));
      });
      client.connect(port, nowhere, () => client.send('hello'));
      return said.finally(() => client.close());
    };
    t.is(await ask(53), `re: hello from ${nowhere}`);
    t.is(await ask(9), 'ECONNREFUSED');
    t.deepEqual(asked, [`${two} > ${nowhere}:53`, `${two} > ${nowhere}:9`]);
    interceptor.close();
  });

  test(`versions: a connection over ${family} knows its ends after it is gone`, async (t) => {
    const [a, b] = pair(t);
    b.tcp.createListener({ port: 80, address: '::' }, () => ({ end: (c) => c.close() }));
    const ends = await new Promise<string[]>((done) => {
      const connection = a.tcp.createConnection(
        { address: two, port: 80 },
        {
          open: (c) => c.end(),
          close: (c) => setTimeout(() => done([c.family, c.localAddress, c.remoteAddress]), 50),
        },
      );
      t.is(connection.remoteAddress, two);
    });
    t.deepEqual(ends, [family, one, two]);
  });
}

test('versions: raw packets of both are seen, header and all', async (t) => {
  const [a, b] = pair(t);
  const seen = new Set<number>();
  const both = new Promise<void>((done) => {
    b.raw((packet) => {
      seen.add((packet[0] ?? 0) >> 4);
      if (seen.has(4) && seen.has(6)) done();
    });
  });
  const protocol = a.protocol(253, () => {});
  for (const [, , two] of BOTH) protocol.send(Buffer.from('x'), two);
  await both;
  t.pass();
});

test('versions: addresses and routes of both are added, shown and taken back', (t) => {
  const [a] = pair(t);
  const before = a.routes.length;
  a.addAddress('2001:db8:1::5/64');
  t.true(a.addresses.includes('2001:db8:1::5'));
  const route = a.addRoute('2001:db8:2::/48', { gateway: 'fd89::2' });
  t.true(
    a.routes.some(({ network, gateway }) => network === '2001:db8:2::/48' && gateway === 'fd89::2'),
  );
  route.remove();
  a.removeAddress('2001:db8:1::5');
  t.is(a.routes.length, before);
});
