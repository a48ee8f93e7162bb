/**
 * A stack as its user sees it: options, addresses, ping, protocols, counters, and its end.
 * @module
 */
import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import test from 'ava';
import {
  capture,
  createPipe,
  createStack,
  type Device,
  impair,
  type StackOptions,
} from '../../src/index.ts';
import { LEFT, makePair, next, RIGHT, RIGHT6, rounds, until } from './worlds.ts';

const [device] = createPipe();
const address = '10.9.0.2/24';

/** Options that are wrong, and what the message must say. */
const WRONG: readonly [string, object, RegExp][] = [
  ['nothing', {}, /"options.device" or "options.devices"/],
  ['no address', { device }, /"options.address"/],
  ['a device that is none', { device: {}, address }, /an instance of Device/],
  ['an address without a prefix', { device, address: '10.9.0.2' }, /like 10.83.0.2\/24/],
  ['an address that is none', { device, address: '10.9.0.256/24' }, /like 10.83.0.2\/24/],
  ['a prefix of 33 bits', { device, address: '10.9.0.2/33' }, /like 10.83.0.2\/24/],
  ['an IPv6 group', { device, address: 'ff02::1/64' }, /no host's address/],
  ['an IPv6 prefix that is too long', { device, address: 'fd83::2/129' }, /length of its prefix/],
  ['two routers of one family', { device, address, gateway: ['10.9.0.1', '10.9.0.3'] }, /too many/],
  ['a multicast address', { device, address: '224.0.0.5/24' }, /no host's address/],
  ['a broadcast address', { device, address: '10.9.0.255/24' }, /no host's address/],
  ['a loopback address', { device, address: '127.0.0.1/8' }, /which every stack has/],
  ['a gateway elsewhere', { device, address, gateway: '10.8.0.1' }, /not on the network/],
  ['a gateway that is a name', { device, address, gateway: 'gw' }, /Invalid IP address: gw/],
  ['an MTU above the device’s', { device, address, mtu: 9000 }, /<= 1500/],
  ['an MTU that is too small', { device, address, mtu: 100 }, />= 576/],
  ['slots that are too few', { device, address, slots: 1 }, />= 64/],
  ['a limit that is no number', { device, address, limits: { memory: '1' } }, /of type number/],
  ['a limit that is part of one', { device, address, limits: { resets: 0.5 } }, /an integer/],
  ['a limit that leaves nothing', { device, address, limits: { memory: 1000 } }, />= 65536/],
  ['devices that are no list', { devices: {} }, /an instance of Array/],
];

for (const [what, options, message] of WRONG) {
  test(`stack: ${what} is refused with the way out`, (t) => {
    const error = t.throws(() => createStack(options as StackOptions), { message });
    t.is(typeof (error as NodeJS.ErrnoException).code, 'string');
  });
}

test('stack: a hardware address is one station’s, and of a device of frames alone (IEEE 802 §8.2)', (t) => {
  const [tap] = createPipe({ medium: 'ethernet' });
  const [tun] = createPipe();
  const code = 'ERR_INVALID_ARG_VALUE';
  for (const mac of ['', '02:00', '01:00:5e:00:00:01', '00:00:00:00:00:00']) {
    t.throws(() => createStack({ device: tap, address: '10.0.0.1/24', mac }), { code });
  }
  const mac = '02:00:5e:00:53:01';
  t.throws(() => createStack({ device: tun, address: '10.0.0.1/24', mac }), { code });
  t.notThrows(() => createStack({ device: tap, address: '10.0.0.1/24', mac }));
});

test('stack: a device that does not say what it carries carries packets', async (t) => {
  const plain: Device = {
    name: 'plain',
    mtu: 1500,
    headerLength: 0,
    maxPacket: 1500,
    offload: { checksum: false, tso4: false, uso4: false },
    start: () => {},
    read: () => 0,
    write: () => true,
    flush: () => {},
    close: async () => {},
  };
  const wrapped = impair(plain);
  t.is(wrapped.medium, 'ip');
  await createStack({ device: plain, address }).close();
  await createStack({ device: wrapped, address }).close();
});

test('stack: it tells its devices and addresses', async (t) => {
  const pair = makePair();
  t.is(pair.left.address, LEFT);
  t.deepEqual(pair.left.addresses, [LEFT]);
  t.is(pair.left.devices.length, 1);
  await pair.close();
});

test('ping: the other side answers', async (t) => {
  const pair = makePair();
  const reply = await pair.left.ping(RIGHT, { size: 100 });
  t.is(reply.address, RIGHT);
  t.is(reply.size, 100);
  t.is(reply.ttl, 64);
  t.true(reply.rtt > 0 && reply.rtt < 5000);
  await pair.close();
});

test('ping: the stack itself answers, by any name of its own', async (t) => {
  const pair = makePair();
  for (const name of ['127.0.0.1', 'localhost', LEFT]) {
    const { rtt } = await pair.left.ping(name);
    t.true(rtt > 0);
  }
  await pair.close();
});

test('ping: 65 507 bytes go there and back in fragments', async (t) => {
  const pair = makePair();
  t.is((await pair.left.ping(RIGHT, { size: 65_507 })).size, 65_507);
  await pair.close();
});

test('ping: nobody there is ETIMEDOUT', async (t) => {
  const pair = makePair();
  const error = await t.throwsAsync(pair.left.ping('10.0.0.77', { timeout: 30 }));
  t.is(error.message, 'ping ETIMEDOUT 10.0.0.77');
  await pair.close();
});

test('ping: no way there is ENETUNREACH', async (t) => {
  const pair = makePair();
  await t.throwsAsync(pair.left.ping('192.0.2.1'), { code: 'ENETUNREACH' });
  await pair.close();
});

test('ping: an abort signal gives up', async (t) => {
  const pair = makePair();
  const controller = new AbortController();
  const asked = pair.left.ping('10.0.0.77', { signal: controller.signal });
  controller.abort();
  await t.throwsAsync(asked, { name: 'AbortError', code: 'ABORT_ERR' });
  await t.throwsAsync(pair.left.ping(RIGHT, { signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
  await pair.close();
});

test('ping: bad options throw what Node would', async (t) => {
  const pair = makePair();
  await t.throwsAsync(pair.left.ping(RIGHT, { size: 65_508 }), { code: 'ERR_OUT_OF_RANGE' });
  await t.throwsAsync(pair.left.ping(RIGHT, { ttl: 256 }), { code: 'ERR_OUT_OF_RANGE' });
  await t.throwsAsync(pair.left.ping(5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
  await pair.close();
});

test('pings: a series, with what was lost in its place', async (t) => {
  const pair = makePair();
  const seen: (number | string)[] = [];
  for await (const { seq, error } of pair.left.pings(RIGHT, { count: 3, interval: 1 })) {
    seen.push(error ? error.code : seq);
  }
  for await (const { error } of pair.left.pings('10.0.0.9', { count: 1, timeout: 10 })) {
    seen.push(error ? error.code : 'reply');
  }
  t.deepEqual(seen, [1, 2, 3, 'ETIMEDOUT']);
  await pair.close();
});

test('protocol: packets of one’s own go both ways', async (t) => {
  const pair = makePair();
  const answered = new Promise((done) => {
    const asker = pair.left.protocol(253, ({ data, source, ttl, tos }) =>
      done([data.toString(), source, ttl, tos]),
    );
    const server = pair.right.protocol(253, ({ data, source }) =>
      server.send(Buffer.from(`${data}!`), source, { ttl: 9, tos: 8 }),
    );
    asker.send(Buffer.from('hello'), RIGHT);
  });
  t.deepEqual(await answered, ['hello!', RIGHT, 9, 8]);
  await pair.close();
});

test('protocol: one that has a handler is taken', async (t) => {
  const pair = makePair();
  const handler = (): void => {};
  t.throws(() => pair.left.protocol(6, handler), {
    code: 'EADDRINUSE',
    message: /the stack itself/,
  });
  const mine = pair.left.protocol(254, handler);
  t.throws(() => pair.left.protocol(254, handler), { code: 'EADDRINUSE' });
  mine.close();
  t.notThrows(() => pair.left.protocol(254, handler).close());
  t.throws(() => pair.left.protocol(256, handler), { code: 'ERR_OUT_OF_RANGE' });
  await pair.close();
});

// RFC 1112 §7.2: what is for a group that nobody joined is discarded without a word, so it is no drop.
test('stats: packets in are packets used, ignored and dropped', async (t) => {
  const pair = makePair();
  await pair.left.ping(RIGHT);
  await new Promise((done) => pair.left.dgram.createSocket('udp4').send('x', 9, RIGHT, done));
  await new Promise((done) => pair.left.dgram.createSocket('udp4').send('x', 9, '239.1.2.3', done));
  await rounds(10);
  const stats = pair.right.stats();
  t.deepEqual(stats.drops, { udpNoPort: 1 });
  t.deepEqual(stats.ignored, { ipNotMember: 1 });
  t.is(stats.packetsIn, stats.packetsUsed + 2);
  t.is(stats.IcmpInEchos, 1);
  t.is(stats.connections, 0);
  await pair.close();
});

test('stats: packets out are those of both families', async (t) => {
  const pair = makePair({}, {}, 0);
  const before = pair.left.stats().packetsOut;
  await pair.left.ping(RIGHT);
  await pair.left.ping(RIGHT6);
  t.is(pair.left.stats().packetsOut, before + 2);
  await pair.close();
});

test('a socket that is printed whole shows itself, and nothing of its stack', async (t) => {
  const pair = makePair();
  pair.right.net.createServer((socket) => socket.resume()).listen(7);
  const socket = pair.left.net.connect(7, RIGHT);
  await next(socket, 'connect');
  // As `assert` prints it when it fails.
  const printed = inspect(socket, { depth: 1000, maxArrayLength: Number.POSITIVE_INFINITY });
  t.true(printed.length < 10_000, `${printed.length} characters`);
  t.notRegex(printed, /Uint8Array/);
  socket.destroy();
  await pair.close();
});

test('connections: each with its state, until TIME-WAIT is over', async (t) => {
  const pair = makePair({ tcp: { timeWait: 300_000 } });
  const server = pair.right.net.createServer((socket) => socket.resume()).listen(7);
  await next(server, 'listening');
  const socket = await pair.left.tcp.connect(7, RIGHT);
  t.deepEqual(
    pair.left.connections().map(({ state, remotePort }) => [state, remotePort]),
    [['ESTABLISHED', 7]],
  );
  socket.resume().end();
  await next(socket, 'close');
  t.is(pair.left.connections()[0]?.state, 'TIME-WAIT');
  t.is(pair.left.connections(1).length, 1);
  t.deepEqual(pair.left.connections(0), []);
  t.throws(() => pair.left.connections(-1), { code: 'ERR_OUT_OF_RANGE' });
  await until(() => pair.left.connections().length === 0);
  t.deepEqual(pair.right.connections(), []);
  await pair.close();
});

test('close: everything that is open ends, without an error', async (t) => {
  const pair = makePair();
  const events: string[] = [];
  const server = pair.right.net.createServer().listen(7);
  server.on('close', () => events.push('server'));
  const client = pair.left.net.connect(7, RIGHT);
  const [accepted] = (await next(server, 'connection')) as [NodeJS.EventEmitter];
  accepted.on('close', (hadError) => events.push(`accepted ${hadError}`));
  client.on('error', ({ code }: NodeJS.ErrnoException) => events.push(`client ${code}`));
  const socket = pair.right.dgram.createSocket('udp4').bind(53);
  await next(socket, 'listening');
  socket.on('close', () => events.push('dgram'));
  pair.right.on('close', () => events.push('stack'));
  await pair.right.close();
  await rounds();
  t.deepEqual(events.sort(), ['accepted false', 'client ECONNRESET', 'dgram', 'server', 'stack']);
  t.deepEqual(pair.right.connections(), []);
  await pair.right.close();
  await pair.close();
});

test('close: what closed sockets have still to say is said first', async (t) => {
  const pair = makePair();
  const server = pair.right.net.createServer().listen(7);
  const client = pair.left.net.connect(7, RIGHT);
  const [accepted] = (await next(server, 'connection')) as [AsyncIterable<Buffer>];
  client.end(Buffer.alloc(200_000));
  client.on('finish', () => client.destroy());
  await next(client, 'close');
  const closing = pair.left.close();
  let length = 0;
  for await (const piece of accepted) length += piece.length;
  t.is(length, 200_000);
  await closing;
  await pair.close();
});

test('stack: a device that goes away ends every connection, in one error', async (t) => {
  const [a, b] = createPipe();
  let lose: (error?: Error) => void = () => {};
  const fragile = new Proxy(a, {
    get: (target, name) => {
      if (name === 'start') {
        return (user: Parameters<typeof a.start>[0]) => {
          lose = (error) => user.closed(error);
          target.start(user);
        };
      }
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const left = createStack({ device: fragile, address: `${LEFT}/24` });
  const right = createStack({ device: b, address: `${RIGHT}/24` });
  right.net.createServer((socket) => socket.resume()).listen(7);
  const socket = await left.tcp.connect(7, RIGHT);
  const failed = next(socket.resume(), 'error');
  const told = next(left, 'error');
  const closed = next(left, 'close');
  lose(new Error('the device is gone'));
  const [[error], [reason]] = await Promise.all([failed, told, closed]);
  t.is((error as Error).message, 'read ENETDOWN');
  t.is((reason as Error).message, 'the device is gone');
  await Promise.all([left.close(), right.close()]);
});

test('stack: await using closes it', async (t) => {
  const [a] = createPipe();
  const stack = createStack({ device: a, address });
  await stack[Symbol.asyncDispose]();
  t.deepEqual(stack.devices, []);
});

test('route: what is on no network of ours needs a gateway', async (t) => {
  const pair = makePair();
  t.throws(() => pair.left.net && pair.left.addRoute('10.5.0.0/16', { gateway: '10.4.0.1' }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
  pair.left.addRoute('10.5.0.0/16', { gateway: RIGHT });
  await t.throwsAsync(pair.left.ping('10.5.0.1', { timeout: 20 }), { code: 'ETIMEDOUT' });
  await t.throwsAsync(pair.left.ping('10.6.0.1', { timeout: 5000 }), { code: 'ENETUNREACH' });
  await pair.close();
});

// RFC 1122 §3.3.1.1: what is not on a connected network goes to a gateway; a link to one host has only one.
test('stack: the host at the other end of its only device is its gateway, unless told', async (t) => {
  const gateways = (options: object, hostAddress: string | undefined, many = false) => {
    const [a, b] = createPipe();
    const [c] = createPipe();
    const device = Object.assign(a, { hostAddress });
    const place = { device, address: '10.0.0.2/24', ...options };
    const devices = [place, { device: c, address: '10.1.0.2/24' }];
    const stack = createStack(many ? { devices } : place);
    t.teardown(() => Promise.all([stack.close(), b.close()]));
    return stack.routes.filter(({ network }) => network === '0.0.0.0/0').map((r) => r.gateway);
  };
  t.deepEqual(gateways({}, '10.0.0.1'), ['10.0.0.1']);
  t.deepEqual(gateways({ gateway: '10.0.0.9' }, '10.0.0.1'), ['10.0.0.9']);
  t.deepEqual(gateways({ gateway: false }, '10.0.0.1'), []);
  t.deepEqual(gateways({}, undefined), []);
  t.deepEqual(gateways({}, '10.9.0.1'), [], 'it is on no network of ours');
  t.deepEqual(gateways({}, '10.0.0.2'), [], 'it is us');
  t.deepEqual(gateways({}, '10.0.0.1', true), [], 'there is another device');
  const [a] = createPipe();
  const device = capture(
    Object.assign(a, { hostAddress: '10.0.0.1' }),
    new PassThrough().resume() as PassThrough,
  );
  t.is(device.hostAddress, '10.0.0.1');
  await device.close();
});

test('stack: a device that is refused leaves the others to be used by another stack', async (t) => {
  const [a, b] = createPipe();
  const [c] = createPipe();
  const good = { device: a, address: '10.0.0.2/24' };
  const bad = { device: c, address: '10.1.0.255/24' };
  t.throws(() => createStack({ devices: [good, bad] }), { instanceOf: RangeError });
  const stack = createStack(good);
  t.is(stack.address, '10.0.0.2');
  await Promise.all([stack.close(), b.close(), c.close()]);
});

// RFC 4862 §5.4: an address is asked for before it is used, whether or not anybody else says something.
test('stack: addresses of IPv6 are ours after a second on a link where nobody speaks', async (t) => {
  const [near, far] = createPipe({ medium: 'ethernet' });
  const stack = createStack({ device: far, address: 'fd91::1/64', autoconf: false });
  t.teardown(() => Promise.all([stack.close(), near.close()]));
  for (let i = 0; i < 100 && stack.addresses.length < 2; i++) {
    await new Promise((done) => setTimeout(done, 50));
  }
  t.true(stack.addresses.includes('fd91::1'));
  stack.addAddress('fd91::2/64');
  for (let i = 0; i < 100 && stack.addresses.length < 3; i++) {
    await new Promise((done) => setTimeout(done, 50));
  }
  t.true(stack.addresses.includes('fd91::2'));
});
