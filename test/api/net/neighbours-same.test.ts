/**
 * `stack.net` and `stack.dgram` beside Node's: what is seldom asked. Arguments that contradict each other,
 * counters of a second connection, prototypes that are looked through, a `dns.lookup` that was replaced,
 * and Node's own channels.
 *
 * Node documentation: "Net", "UDP/datagram sockets", "dns.lookup()", "Diagnostics Channel".
 * @module
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { isIP, type Socket } from 'node:net';
import {
  type Log,
  listening,
  next,
  portOf,
  type Scenario,
  same,
  sameAlone,
  told,
  type World,
} from '../worlds.ts';

let turn: Promise<unknown> = Promise.resolve();

/** One world after the other, where a scenario changes what both have. */
function inTurn(title: string, scenario: Scenario): void {
  sameAlone(title, (world, log) => {
    const mine = turn.then(() => scenario(world, log));
    turn = mine.catch(() => {});
    return mine;
  });
}

/** What a call throws. */
function thrown(call: () => unknown): unknown {
  try {
    call();
    return 'nothing';
  } catch (error) {
    return told(error);
  }
}

same('neighbours: the getters of the prototypes do not throw', async ({ client }) => {
  const { Socket, Server } = client.net;
  const read = (proto: object, names: readonly string[]): unknown =>
    names.map((name) => [name, thrown(() => (proto as Record<string, unknown>)[name])]);
  return [
    read(Socket.prototype, ['bytesRead', 'bytesWritten', 'pending', 'readyState', 'bufferSize']),
    read(Socket.prototype, ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress']),
    read(Server.prototype, ['listening', '_connections']),
  ];
});

same('neighbours: a socket counts its second connection anew', async ({ client, server, host }) => {
  const listener = server.net.createServer((peer) => peer.resume().end('hello'));
  const port = await listening(listener, host);
  const socket = new client.net.Socket();
  const counts: number[][] = [];
  for (const text of ['first', 'x']) {
    socket.connect(port, host);
    socket.resume().write(text);
    await next(socket, 'close');
    counts.push([socket.bytesRead, socket.bytesWritten]);
  }
  await new Promise((done) => listener.close(done));
  return counts;
});

same('neighbours: onread calls back with the socket', async ({ client, server, host }) => {
  const listener = server.net.createServer((peer) => peer.resume().end('hello'));
  const port = await listening(listener, host);
  const seen: boolean[] = [];
  const socket: Socket = client.net.connect({
    port,
    host,
    onread: {
      buffer: Buffer.alloc(16),
      callback(this: unknown) {
        seen.push(this === socket);
        return true;
      },
    },
  });
  await next(socket, 'close');
  await new Promise((done) => listener.close(done));
  return seen;
});

same('neighbours: a local port that a listener has', async ({ client, clientHost }, log) => {
  const listener = client.net.createServer();
  const port = await listening(listener, clientHost);
  const socket = client.net.connect({ port: 9, host: clientHost, localPort: port });
  log.push(told((await next(socket, 'error'))[0]));
  await new Promise((done) => listener.close(done));
});

same('neighbours: listen with a port and a path looks at the port', async ({ server }) => {
  const listener = server.net.createServer();
  const error = thrown(() => listener.listen({ port: -1, path: '/nowhere' }));
  listener.listen({ port: 0, path: '/nowhere' });
  await next(listener, 'listening');
  const where = typeof listener.address();
  await new Promise((done) => listener.close(done));
  return [error, where];
});

same('neighbours: hints that do not exist', async ({ client }) => {
  const socket = new client.net.Socket();
  const error = thrown(() => socket.connect({ port: 9, host: 'localhost', hints: 0x10000 }));
  socket.destroy();
  return error;
});

same('neighbours: attempted addresses are told where there are several', async (world) => {
  const { client, server, host, family } = world;
  const listener = server.net.createServer((peer) => peer.end());
  const port = await listening(listener, host);
  const tried: unknown[] = [];
  const answers = [[host], [host, family === 4 ? '127.0.0.99' : '::99']].map((list) =>
    list.map((address) => ({ address, family })),
  );
  for (const list of answers) {
    const socket = client.net.connect({
      port,
      host: 'some.test',
      lookup: (_name, _options, done) => done(null, list),
    });
    socket.resume();
    await next(socket, 'close');
    tried.push(socket.autoSelectFamilyAttemptedAddresses?.length);
  }
  await new Promise((done) => listener.close(done));
  return tried;
});

const major = Number.parseInt(process.versions.node, 10);

inTurn('neighbours: a dns.lookup that was replaced is asked', async (world, log) => {
  const { client, server, host, family, udp } = world;
  const listener = server.net.createServer((peer) => peer.end());
  const port = await listening(listener, host);
  const native = dns.lookup;
  const ask = (name: string, options: unknown, done: (...answer: unknown[]) => void): void => {
    const all = typeof options === 'object' && (options as { all?: boolean } | null)?.all;
    // From some version of Node 24 on dgram asks for names only.
    if (isIP(name) === 0 || major < 24) log.push([name, options]);
    const address = isIP(name) === 0 ? host : name;
    process.nextTick(done, null, all ? [{ address, family }] : address, family);
  };
  Object.assign(dns, { lookup: ask });
  try {
    for (const options of [{ host: 'some.test' }, {}, { host: 'some.test', family }]) {
      const socket = client.net.connect({ port, ...options });
      await next(socket.resume(), 'close');
    }
    const receiver = server.dgram.createSocket(udp);
    await new Promise<void>((done) => receiver.bind(0, host, done));
    const sender = client.dgram.createSocket(udp);
    sender.send('text', portOf(receiver), host);
    log.push(String((await next(receiver, 'message'))[0]));
    for (const socket of [sender, receiver]) socket.close();
  } finally {
    Object.assign(dns, { lookup: native });
  }
  await new Promise((done) => listener.close(done));
});

/** What Node's channels tell while `scenario` runs. */
async function channels(scenario: () => Promise<unknown>, log: Log): Promise<void> {
  const heard = (message: unknown, name: string | symbol): void => {
    const { server, socket, options, error } = message as Record<string, object | undefined>;
    const about = (server ?? socket)?.constructor.name;
    log.push([name, about, options && Object.keys(options).toSorted(), told(error)]);
  };
  const names = ['net.client.socket', 'net.server.socket', 'udp.socket'].concat(
    ['asyncStart', 'asyncEnd', 'error'].map((what) => `tracing:net.server.listen:${what}`),
  );
  for (const name of names) subscribe(name, heard);
  try {
    await scenario();
  } finally {
    for (const name of names) unsubscribe(name, heard);
  }
}

inTurn('neighbours: the channels that Node has', async (world: World, log) => {
  const { client, server, host, udp } = world;
  await channels(async () => {
    const listener = server.net.createServer((peer) => peer.end());
    const port = await listening(listener, host);
    await next(client.net.connect(port, host).resume(), 'close');
    const second = server.net.createServer().listen(port, host);
    await next(second, 'error');
    client.dgram.createSocket(udp).close();
    await new Promise((done) => listener.close(done));
  }, log);
});

const SENDS: Record<string, readonly unknown[]> = {
  'an address': ['text', 0, 4, 0, '127.0.0.1'],
  'an address in the short form': ['text', 9, '127.0.0.1'],
  'a callback where an address belongs': ['text', 0, 4, undefined, () => {}],
  'a callback where a port belongs': ['text', 'x', 'y', () => {}],
  'a callback behind a slice': ['text', 0, 4, () => {}],
  'a callback alone': ['text', () => {}],
};

for (const [name, args] of Object.entries(SENDS)) {
  same(`neighbours: a connected datagram socket that is given ${name}`, async (world) => {
    const { client, host, udp } = world;
    const socket = client.dgram.createSocket(udp);
    socket.connect(9, host);
    socket.on('error', () => {}); // nobody is there
    await next(socket, 'connect');
    const error = thrown(() => (socket.send as (...args: unknown[]) => void)(...args));
    await new Promise((done) => socket.close(() => done(undefined)));
    return error;
  });
}

same('neighbours: datagram sockets are made in odd ways', async ({ client, udp }) => {
  const { dgram } = client;
  const make = dgram.createSocket as unknown as new (type: unknown) => { close(): void };
  return [
    thrown(() => new make(udp).close()),
    thrown(() => dgram.createSocket({ type: udp, lookup: null as never })),
    thrown(() => dgram.createSocket(udp).getRecvBufferSize()),
    Object.assign(
      {},
      infoOf(() => dgram.createSocket(udp).getSendBufferSize()),
    ),
  ];
});

function infoOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as { info?: unknown }).info;
  }
}

same(
  'neighbours: sendto, and a close that follows a send',
  async ({ client, server, host, udp }, log) => {
    const receiver = server.dgram.createSocket(udp);
    await new Promise<void>((done) => receiver.bind(0, host, done));
    receiver.on('message', (message) => log.push(message.toString()));
    const port = portOf(receiver);
    type SendTo = (...args: unknown[]) => void;
    const sender = client.dgram.createSocket(udp) as unknown as { sendto: SendTo } & Socket;
    sender.sendto(Buffer.from('text'), 0, 4, port, host, (error: unknown) =>
      log.push(['sent', error]),
    );
    await next(receiver, 'message');
    const errors = [
      thrown(() => sender.sendto('text', 'x', 4, port, host)),
      thrown(() => sender.sendto('text', 0, 4, '9', host)),
      thrown(() => sender.sendto('text', 0, 4, port)),
    ];
    (sender as unknown as { close(): void }).close();
    const brief = client.dgram.createSocket(udp);
    brief.send('late', port, host, (error, bytes) => log.push(['late', error, bytes]));
    await new Promise((done) => brief.close(() => done(undefined)));
    await new Promise((done) => setTimeout(done, 100));
    receiver.close();
    return errors;
  },
);

same('neighbours: connect while it connects is EALREADY', async ({ client, server, host }, log) => {
  const listener = server.net.createServer((peer) => peer.resume());
  const port = await listening(listener, host);
  const socket = client.net.connect(port, host);
  for (const event of ['connect', 'error', 'close']) {
    socket.on(event, (value: unknown) => {
      const { code, syscall } = (value ?? {}) as NodeJS.ErrnoException;
      log.push([event, code, syscall]);
    });
  }
  log.push(socket.connect(port, host) === socket);
  await next(socket, 'close');
  await new Promise((done) => listener.close(done));
});

same('neighbours: a signal that is nothing is none', async ({ client }) => {
  const { Socket } = client.net;
  return [null, false, 0, ''].map((signal) => new Socket({ signal } as never).destroyed);
});

same('neighbours: an address to come from that is none', async ({ client, host }) => {
  const codes = [true, 5, 'x', {}].map((localAddress) => {
    try {
      client.net.connect({ port: 1, host, localAddress } as never);
      return 'connects';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  });
  return codes;
});

same('neighbours: a server’s mark is a number, told or not', async ({ server }) => {
  const marks = [undefined, -1, 0, 7].map((highWaterMark) =>
    Reflect.get(server.net.createServer({ highWaterMark } as never), 'highWaterMark'),
  );
  return marks;
});

same(
  'neighbours: sizes, groups and interfaces of a datagram socket that are none',
  async (world) => {
    const { client, clientHost } = world;
    const { createSocket } = client.dgram;
    const codeOf = (run: () => unknown): unknown => {
      try {
        run();
        return 'taken';
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    };
    const sizes = [-1, 1.5, 2 ** 32].flatMap((size) => [
      codeOf(() => createSocket({ type: world.udp, sendBufferSize: size })),
      codeOf(() => createSocket({ type: world.udp, recvBufferSize: size })),
    ]);
    const socket = createSocket(world.udp);
    const [stranger, group] =
      world.family === 4 ? ['1.2.3.4', '224.0.0.1'] : ['fd77::1', 'ff02::1'];
    await new Promise<void>((done) => socket.bind(0, clientHost, done));
    const others = [
      codeOf(() => socket.dropMembership(stranger)),
      codeOf(() => socket.dropMembership(group, stranger)),
      codeOf(() => socket.addMembership(stranger)),
      codeOf(() => socket.addMembership(group, stranger)),
      codeOf(() => socket.setMulticastInterface(stranger)),
    ];
    socket.close();
    return [sizes, others];
  },
);
