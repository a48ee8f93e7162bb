/**
 * Sockets for both families beside Node's: who listens on `::` hears IPv4 too, and sees it mapped; who says
 * `ipv6Only` does not; a name with addresses of both is dialled in both.
 *
 * RFC 3493 §3.7, §5.3; RFC 8305 §4; Node documentation: "server.listen()", "socket.connect()",
 * "dgram.createSocket()".
 * @module
 */
import type { LookupAddress } from 'node:dns';
import { type AddressInfo, isIP, type LookupFunction, type Socket } from 'node:net';
import test from 'ava';
import { listening, next, portOf, record, sameDual, stackWorld, told } from '../worlds.ts';

const seen = (socket: Socket): unknown => [
  socket.remoteAddress,
  socket.remoteFamily,
  socket.localAddress,
  socket.localFamily,
];

/** Listens as the arguments say; `[address, family]`, or the error. */
function listen(
  server: NodeJS.EventEmitter & { listen(...args: never[]): unknown },
  ...args: unknown[]
): Promise<unknown> {
  return new Promise((done) => {
    server.once('error', (error) => done(told(error)));
    server.once('listening', () => {
      const { address, family } = (server as unknown as { address(): AddressInfo }).address();
      done([address, family]);
    });
    (server.listen as (...all: unknown[]) => unknown)(...args);
  });
}

sameDual(
  'dual: who listens without a host is reached over both',
  async ({ client, server, host, other }) => {
    const peers: unknown[] = [];
    const listener = server.net.createServer((peer) => {
      peers.push(seen(peer));
      peer.resume().end();
    });
    const place = await listen(listener, 0);
    const clients: unknown[] = [];
    for (const to of [host, other]) {
      const socket = client.net.connect(portOf(listener), to);
      await next(socket, 'connect');
      clients.push(seen(socket));
      socket.resume().end();
      await next(socket, 'close');
    }
    listener.close();
    return [place, peers, clients];
  },
);

// RFC 3493 §3.7: ::ffff:a.b.c.d is IPv4, as a socket of IPv6 has it.
sameDual('dual: an address of IPv4 in its mapped form', async ({ client, server, host, other }) => {
  const results: unknown[] = [];
  for (const at of ['0.0.0.0', '::', `::ffff:${other}`]) {
    const peers: unknown[] = [];
    const listener = server.net.createServer((peer) => {
      peers.push(seen(peer));
      peer.resume().end();
    });
    const place = await listen(listener, { port: 0, host: at });
    results.push(place);
    for (const to of [other, `::ffff:${other}`, host]) {
      const socket = client.net.connect(portOf(listener), to);
      const outcome = await new Promise((done) => {
        socket.on('error', (error) => done((error as NodeJS.ErrnoException).code));
        socket.on('connect', () => done(seen(socket)));
      });
      results.push(outcome);
      socket.resume().end();
      if (Array.isArray(outcome)) await next(socket, 'close');
    }
    results.push(peers);
    listener.close();
  }
  return results;
});

/** Which of the addresses that every host has; the kernel's world has no other. */
const isOwn = (address: string | undefined): number => ['127.0.0.1', '::1'].indexOf(address ?? '');

// ip(7), ipv6(7): to a socket 0.0.0.0 and `::` are this host, whatever RFC 1122 §3.2.1.3 has of packets.
sameDual('dual: who connects or sends to 0.0.0.0 or :: reaches this host', async ({ server }) => {
  const listener = server.net.createServer((peer) => peer.resume().end());
  await listen(listener, 0);
  const results: unknown[] = [];
  for (const to of ['0.0.0.0', '::']) {
    const socket = server.net.connect(portOf(listener), to);
    await next(socket, 'connect');
    results.push(isOwn(socket.remoteAddress), isOwn(socket.localAddress), socket.remoteFamily);
    socket.resume().end();
    await next(socket, 'close');
  }
  listener.close();
  for (const [type, to] of [
    ['udp4', '0.0.0.0'],
    ['udp6', '::'],
  ] as const) {
    const echo = server.dgram.createSocket(type);
    echo.bind(0);
    await next(echo, 'listening');
    const { port } = echo.address();
    const sender = server.dgram.createSocket(type);
    sender.send('x', port, to);
    const [, { address }] = (await next(echo, 'message')) as [Buffer, { address: string }];
    sender.close();
    const connected = server.dgram.createSocket(type);
    connected.connect(port, to);
    await next(connected, 'connect');
    results.push(isOwn(address), isOwn(connected.remoteAddress().address));
    connected.close();
    echo.close();
  }
  return results;
});

sameDual('dual: ipv6Only is there for IPv6 alone', async ({ client, server, host, other }) => {
  const listener = server.net.createServer((peer) => peer.resume().end());
  const place = await listen(listener, { port: 0, host: '::', ipv6Only: true });
  const port = portOf(listener);
  const results: unknown[] = [];
  for (const to of [host, other]) {
    const socket = client.net.connect(port, to);
    results.push(
      await new Promise((done) => {
        socket.on('error', (error) => done(told(error)));
        socket.on('connect', () => done('connected'));
      }),
    );
    socket.destroy();
  }
  listener.close();
  return [place, results];
});

sameDual('dual: one port, two listeners, by family or not at all', async ({ server }) => {
  const make = (): ReturnType<typeof server.net.createServer> => server.net.createServer();
  const first = make();
  const results: unknown[] = [await listen(first, { port: 0, host: '::' })];
  const port = portOf(first);
  const all = [...[{ port, host: '0.0.0.0' }, { port, host: '::', ipv6Only: true }, { port }]];
  for (const options of all) results.push(await listen(make(), options));
  first.close();
  await next(first, 'close');
  const six = make();
  results.push(await listen(six, { port, host: '::', ipv6Only: true }));
  const four = make();
  results.push(await listen(four, { port, host: '0.0.0.0' }));
  six.close();
  four.close();
  return results;
});

sameDual(
  'dual: a name is dialled in both families in turn',
  async ({ client, server, host, other }, log) => {
    const listener = server.net.createServer((peer) => peer.resume().end());
    const port = await listening(listener, other);
    const lookup = ((_name, _options, callback) => {
      const found: LookupAddress[] = [
        { address: host, family: 6 },
        { address: host, family: 6 },
        { address: other, family: 4 },
      ];
      (callback as (error: null, found: LookupAddress[]) => void)(null, found);
    }) as LookupFunction;
    // Refusals come at once: on a busy machine no attempt is to be given up for its time (RFC 8305 §5).
    const patience = { autoSelectFamilyAttemptTimeout: 10_000 };
    const socket = client.net.connect({ port, host: 'both.example', lookup, ...patience });
    socket.on('connectionAttemptFailed', (address, _port, family, error) => {
      log.push([address, family, told(error)]);
    });
    record(log, 'socket', socket, ['lookup', 'connect', 'error']);
    await next(socket, 'connect');
    const attempted = socket.autoSelectFamilyAttemptedAddresses;
    const ends = seen(socket);
    socket.resume().end();
    await next(socket, 'close');
    listener.close();
    return [attempted, ends];
  },
);

sameDual(
  'dual: an own address of the other family cannot be bound',
  async ({ client, clientHost, other }) => {
    const socket = client.net.connect({ port: 9, host: other, localAddress: clientHost });
    const [error] = await next(socket, 'error');
    return told(error);
  },
);

sameDual(
  'dual: a udp6 socket hears IPv4, and sees it mapped',
  async ({ client, server, host, other }) => {
    const listener = server.dgram.createSocket('udp6');
    const heard: unknown[] = [];
    listener.on('message', (message, { address, family, size }) => {
      heard.push([String(message), address, family, size]);
    });
    listener.bind(0);
    await next(listener, 'listening');
    const { port, ...place } = listener.address();
    const answers: unknown[] = [];
    for (const [type, to] of [
      ['udp6', host],
      ['udp4', other],
      ['udp6', `::ffff:${other}`],
    ] as const) {
      const socket = client.dgram.createSocket(type);
      const turn = next(listener, 'message');
      socket.send(type, port, to);
      const [, sender] = (await turn) as [Buffer, { address: string; port: number }];
      const back = next(socket, 'message');
      listener.send('back', sender.port, sender.address);
      const [, from] = (await back) as [Buffer, { address: string; family: string }];
      answers.push([from.address, from.family]);
      socket.close();
    }
    listener.close();
    return [place, heard, answers];
  },
);

sameDual('dual: a udp6 socket that is ipv6Only leaves the port to udp4', async ({ server }) => {
  const six = server.dgram.createSocket({ type: 'udp6', ipv6Only: true });
  six.bind(0);
  await next(six, 'listening');
  const four = server.dgram.createSocket('udp4');
  four.bind(six.address().port);
  await next(four, 'listening');
  const places = [six.address(), four.address()].map(({ address, family }) => [address, family]);
  six.close();
  four.close();
  return places;
});

sameDual(
  'dual: no socket sends to, binds to or connects to the other family',
  async ({ client, host, other }) => {
    const results: unknown[] = [];
    for (const [type, address] of [
      ['udp4', host],
      ['udp6', other],
    ] as const) {
      const sender = client.dgram.createSocket(type);
      results.push(
        await new Promise((done) => sender.send('x', 9, address, (error) => done(told(error)))),
      );
      sender.close();
      const bound = client.dgram.createSocket(type);
      const failed = next(bound, 'error');
      bound.bind(0, address);
      results.push(told((await failed)[0]));
      const connected = client.dgram.createSocket(type);
      results.push(
        await new Promise((done) =>
          connected.connect(9, address, ((error?: Error) => done(told(error))) as () => void),
        ),
      );
      connected.close();
    }
    return results;
  },
);

sameDual(
  'dual: what a udp6 socket says of groups, and what it takes for one',
  async ({ client }) => {
    const results: unknown[] = [];
    const attempt = (call: () => unknown): void => {
      try {
        results.push(call());
      } catch (error) {
        results.push(told(error));
      }
    };
    const six = client.dgram.createSocket('udp6');
    six.bind(0);
    await next(six, 'listening');
    attempt(() => six.addMembership('224.0.0.114'));
    attempt(() => six.addMembership('fd00::1'));
    attempt(() => six.setMulticastInterface('0.0.0.0'));
    attempt(() => six.setMulticastInterface('::'));
    attempt(() => six.setMulticastTTL(7));
    attempt(() => six.setTTL(7));
    six.close();
    return results;
  },
);

sameDual(
  'dual: what is of a link and does not name it is bound and connected to by nobody',
  async ({ client, server }, log) => {
    const results: unknown[] = [];
    const [own, group] = ['fe80::77', 'ff02::77'];
    for (const host of [own, group, 'ff0e::77']) {
      const listener = server.net.createServer().listen({ host, port: 0 });
      results.push(told((await next(listener, 'error'))[0]));
    }
    for (const options of [
      { host: own },
      { host: `${own}%nowhere` },
      { host: '::1', localAddress: own },
    ]) {
      const socket = client.net.connect({ port: 9, ...options });
      record(log, 'socket', socket, ['connectionAttempt', 'connectionAttemptFailed', 'error']);
      await next(socket, 'close');
    }
    for (const address of [own, group]) {
      const bound = client.dgram.createSocket('udp6').bind(0, address);
      results.push(told((await next(bound, 'error'))[0]));
    }
    const connected = client.dgram.createSocket('udp6');
    const why = await new Promise((done) => connected.connect(9, own, done as () => void));
    connected.close();
    return [results, told(why)];
  },
);

sameDual('dual: groups of one family are not joined by addresses of the other', async (world) => {
  const six = world.client.dgram.createSocket('udp6').bind(0);
  await next(six, 'listening');
  try {
    return six.addMembership('ff02::114', '127.0.0.1');
  } catch (error) {
    return told(error);
  } finally {
    six.close();
  }
});

test('dual: who does not answer is given up for the next address, and told of (RFC 8305 §5)', async (t) => {
  const { client, server, other, close } = stackWorld(0);
  t.teardown(close);
  const hole = 'fd83::99'; // of the link, and nobody's
  const listener = server.net.createServer((peer) => peer.resume().end());
  t.teardown(() => void listener.close());
  const port = await listening(listener, other);
  const lookup = ((_name, _options, callback) => {
    const found = [hole, other].map((address) => ({ address, family: isIP(address) }));
    setImmediate(callback as (error: null, found: LookupAddress[]) => void, null, found);
  }) as LookupFunction;
  const told: unknown[] = [];
  const dial = (to: number): Socket => {
    const options = { port: to, host: 'both.example', lookup, autoSelectFamily: true };
    const socket = client.net.connect({ ...options, autoSelectFamilyAttemptTimeout: 50 });
    for (const event of [
      'connectionAttempt',
      'connectionAttemptTimeout',
      'connectionAttemptFailed',
    ]) {
      socket.on(event, (address) => told.push([event, address]));
    }
    return socket;
  };
  const socket = dial(port);
  await next(socket, 'connect');
  t.is(socket.remoteAddress, other);
  const begun = [
    ['connectionAttempt', hole],
    ['connectionAttemptTimeout', hole],
    ['connectionAttempt', other],
  ];
  t.deepEqual(told.splice(0), begun);
  socket.resume().end();
  const [error] = await next(dial(port + 1), 'error');
  t.true(error instanceof AggregateError);
  t.like(error, { code: 'ETIMEDOUT' });
  t.deepEqual(told, [...begun, ['connectionAttemptFailed', other]]);
});

test('dual: sources of groups are refused in both families by the same words', async (t) => {
  const { client, close } = stackWorld(0);
  for (const [type, source, group] of [
    ['udp4', '10.0.0.9', '232.0.0.1'],
    ['udp6', 'fd83::9', 'ff3e::1'],
  ] as const) {
    const socket = client.dgram.createSocket(type);
    const join = (from: string): void => socket.addSourceSpecificMembership(from, group);
    t.throws(() => join(source), { code: 'ENOTSUP' });
    t.throws(() => join('x'), { code: 'EINVAL' });
    socket.close();
  }
  await close();
});

test('dual: localhost is both', async (t) => {
  const { server, close } = stackWorld(0);
  for (const any of ['::1', '127.0.0.1']) {
    const listener = server.net.createServer((peer) => peer.resume().end());
    const port = await listening(listener, any);
    const socket = server.net.connect(port, 'localhost');
    await next(socket, 'connect');
    t.is(socket.remoteAddress, any);
    socket.resume().end();
    await next(socket, 'close');
    listener.close();
  }
  await close();
});
