/**
 * What programs put on sockets and servers, in both worlds: properties by any name, and methods of classes that
 * extend them. Node keeps what is its own under symbols and `_` names, so all others are free.
 *
 * Node documentation: "Class: net.Socket", "Class: net.Server", "Class: dgram.Socket".
 * @module
 */
import { listening, next, record, SOCKET_EVENTS, same } from '../worlds.ts';

/** Words that a stack could think of, too. */
const NAMES = (
  'host carrier live idle scope options udp connection info local tell adopt state id port name context ' +
  'handler outside alive opened openedSoon revive queue buffer flow dial peer stack inScope beginReading ' +
  'socketGone listener device timer key send_ user data session'
).split(' ');

const values = Object.fromEntries(NAMES.map((name) => [name, `mine: ${name}`]));
const kept = (object: object): string[] =>
  NAMES.filter((name) => (object as Record<string, unknown>)[name] === values[name]);

same('names: properties that a program puts on sockets and servers', async (world, log) => {
  const { client, server, host } = world;
  class Mine extends client.net.Socket {
    constructor() {
      super();
      Object.assign(this, values);
    }
  }
  const listener = server.net.createServer((socket) => {
    Object.assign(socket, values);
    socket.resume().end('hello');
  });
  Object.assign(listener, values);
  const port = await listening(listener, host);
  const socket = new Mine();
  record(log, 'socket', socket, SOCKET_EVENTS);
  socket.connect(port, host).resume();
  await next(socket, 'connect');
  socket.setTimeout(1000).setKeepAlive(true, 1000).setNoDelay().unref().ref();
  await next(socket, 'close');
  await new Promise((done) => listener.close(done));
  return [kept(socket), kept(listener), socket.bytesRead];
});

same('names: properties that a program puts on a datagram socket', async (world) => {
  const { client, server, host, udp } = world;
  const sockets = [client, server].map(({ dgram }) =>
    Object.assign(dgram.createSocket(udp), values),
  );
  const [one, other] = sockets as [(typeof sockets)[0], (typeof sockets)[0]];
  await new Promise<void>((done) => other.bind(0, host, done));
  one.send('text', other.address().port, host);
  const [text] = await next(other, 'message');
  other.setTTL(9);
  for (const socket of sockets) socket.close();
  return [String(text), sockets.map(kept)];
});

same(
  'names: methods of classes that extend sockets and servers are called by nobody',
  async (world, log) => {
    const { client, server, host } = world;
    class Mine extends client.net.Socket {}
    class Its extends server.net.Server {}
    for (const { prototype } of [Mine, Its]) {
      for (const name of NAMES) {
        const value = (): unknown => log.push(`${name} was called`);
        Object.defineProperty(prototype, name, { value });
      }
    }
    const listener = new Its((socket) => socket.resume().end('hello'));
    const port = await listening(listener, host);
    const socket = new Mine();
    await next(socket.connect(port, host).resume(), 'close');
    await new Promise((done) => listener.close(done));
    return socket.bytesRead;
  },
);
