/**
 * `stack.net` and `stack.dgram` beside Node's: what a bad call throws.
 * @module
 */
import { type Side, same, told, type World } from '../worlds.ts';

type Call = (side: Side, host: string, udp: World['udp']) => unknown;

/** The calls; each is wrong in one way. */
const CALLS: Record<string, Call> = {
  'connect()': ({ net }) => (net.connect as () => unknown)(),
  'connect with a port that is no number': ({ net }) => net.connect({ port: true as never }),
  'connect with a port that is too high': ({ net }) => net.connect(70_000),
  'connect with a negative port': ({ net }) => net.connect({ port: -1 }),
  'connect with a port that is a word': ({ net }) => net.connect({ port: 'x' as never }),
  'connect with a fraction of a port': ({ net }) => net.connect({ port: 1.5 }),
  'connect from a name': ({ net }) => net.connect({ port: 1, localAddress: 'x' }),
  'connect from a port that is a word': ({ net }) =>
    net.connect({ port: 1, localPort: 'x' as never }),
  'connect with a lookup that is no function': ({ net }) =>
    net.connect({ port: 1, host: 'x', lookup: 3 as never }),
  'connect with a host that is no string': ({ net }) => net.connect({ port: 1, host: 5 as never }),
  'connect with autoSelectFamily that is no boolean': ({ net }) =>
    net.connect({ port: 1, autoSelectFamily: 'x' as never }),
  'connect with an attempt timeout of 0': ({ net }) =>
    net.connect({ port: 1, autoSelectFamilyAttemptTimeout: 0 }),
  'a socket in object mode': ({ net }) => new net.Socket({ objectMode: true } as object),
  'a socket readable in object mode': ({ net }) =>
    new net.Socket({ readableObjectMode: true } as object),
  'a socket with a delay that is no number': ({ net }) =>
    new net.Socket({ keepAliveInitialDelay: 'x' as never }),
  'a socket with a signal that is none': ({ net }) => new net.Socket({ signal: 5 as never }),
  'setTimeout with a word': ({ net }) => new net.Socket().setTimeout('x' as never),
  'setTimeout with a negative time': ({ net }) => new net.Socket().setTimeout(-1),
  'setTimeout without end': ({ net }) => new net.Socket().setTimeout(Number.POSITIVE_INFINITY),
  'setTimeout with a callback that is none': ({ net }) =>
    new net.Socket().setTimeout(1, 'x' as never),
  'write of a number': ({ net }) => new net.Socket().write(5 as never),
  'write of null': ({ net }) => new net.Socket().write(null as never),
  'new Server(5)': ({ net }) => new net.Server(5 as never),
  'a server with a delay that is no number': ({ net }) =>
    net.createServer({ keepAliveInitialDelay: 'x' as never }),
  'a server with a mark that is no number': ({ net }) =>
    net.createServer({ highWaterMark: 'x' as never }),
  'listen to a port that is too high': ({ net }) => net.createServer().listen(70_000),
  'listen to a negative port': ({ net }) => net.createServer().listen({ port: -1 }),
  'listen({})': ({ net }) => net.createServer().listen({}),
  'listen(true)': ({ net }) => net.createServer().listen(true as never),
  'listen with a signal that is none': ({ net }) =>
    net.createServer().listen({ port: 0, signal: 5 as never }),
  'setDefaultAutoSelectFamily with a word': ({ net }) =>
    net.setDefaultAutoSelectFamily('x' as never),
  'createSocket()': ({ dgram }) => (dgram.createSocket as () => unknown)(),
  'createSocket of an unknown type': ({ dgram }) => dgram.createSocket('tcp' as never),
  'a datagram socket with a lookup that is no function': ({ dgram }, _host, udp) =>
    dgram.createSocket({ type: udp, lookup: 'x' as never }),
  'a datagram socket with a size that is no number': ({ dgram }, _host, udp) =>
    dgram.createSocket({ type: udp, recvBufferSize: 'x' as never }),
  'send()': ({ dgram }, _host, udp) => (dgram.createSocket(udp).send as () => unknown)(),
  'send without a port': ({ dgram }, _host, udp) => dgram.createSocket(udp).send('x'),
  'send to port 0': ({ dgram }, _host, udp) => dgram.createSocket(udp).send('x', 0),
  'send of a list with a number': ({ dgram }, _host, udp) => dgram.createSocket(udp).send([5], 1),
  'send of a number': ({ dgram }, _host, udp) => dgram.createSocket(udp).send(5 as never, 1),
  'send past the end': ({ dgram }, _host, udp) => dgram.createSocket(udp).send('x', 0, 5, 1),
  'send from past the end': ({ dgram }, _host, udp) => dgram.createSocket(udp).send('x', 2, 0, 1),
  'send to an address that is a number': ({ dgram }, _host, udp) =>
    dgram.createSocket(udp).send('x', 1, 5 as never),
  'setTTL with a word': ({ dgram }, _host, udp) => dgram.createSocket(udp).setTTL('x' as never),
  'setTTL of 300': ({ dgram }, _host, udp) => dgram.createSocket(udp).setTTL(300),
  'disconnect without connect': ({ dgram }, _host, udp) => dgram.createSocket(udp).disconnect(),
  'remoteAddress without connect': ({ dgram }, _host, udp) =>
    dgram.createSocket(udp).remoteAddress(),
  'address without bind': ({ dgram }, _host, udp) => dgram.createSocket(udp).address(),
  'addMembership()': ({ dgram }, _host, udp) =>
    (dgram.createSocket(udp).addMembership as () => unknown)(),
  'addMembership of a host': ({ dgram }, _host, udp) =>
    dgram.createSocket(udp).addMembership('1.2.3.4'),
  'a buffer size that is a word': ({ dgram }, _host, udp) =>
    dgram.createSocket(udp).setRecvBufferSize('x' as never),
  'connect without a port': ({ dgram }, _host, udp) =>
    (dgram.createSocket(udp).connect as () => unknown)(),
  'bind twice': ({ dgram }, host, udp) => {
    const socket = dgram.createSocket(udp).unref();
    socket.bind(0, host);
    try {
      socket.bind(0, host);
    } finally {
      socket.on('listening', () => socket.close());
    }
  },
  'close twice': ({ dgram }, _host, udp) => {
    const socket = dgram.createSocket(udp);
    socket.close();
    socket.close();
  },
};

for (const [title, call] of Object.entries(CALLS)) {
  same(`arguments: ${title}`, async (world) => {
    try {
      const result = call(world.client, world.host, world.udp);
      return ['nothing thrown', typeof result];
    } catch (error) {
      return told(error);
    }
  });
}
