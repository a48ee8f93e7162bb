/**
 * What connections are told beyond Node's options: the settings of the stack, of a listener or of one connection, by the
 * callback interface (`settings`) and by `net` (`tcp`) alike. Linux's names of them: TCP_MAXSEG, TCP_NOTSENT_LOWAT, TCP_DEFER_ACCEPT (tcp(7)).
 * @module
 */
import test from 'ava';
import { createPipe, createStack, type Socket } from '../../../src/index.ts';
import { LEFT, makePair, next, RIGHT, rounds, until } from '../worlds.ts';

const LOW = 16_384;

test('settings: maxSegment of the stack, a listener or a connection is what its segments hold', async (t) => {
  for (const where of ['stack', 'connect', 'listen', 'createConnection', 'createListener']) {
    const settings = { maxSegment: 600 };
    const pair = makePair(where === 'stack' ? { tcp: settings } : {});
    const mine = (place: string): object => (where === place ? { settings, tcp: settings } : {});
    const sizes: (number | undefined)[] = [];
    if (where === 'createListener' || where === 'createConnection') {
      pair.right.tcp.createListener({ port: 7, ...mine('createListener') }, (connection) => {
        sizes.push(connection.info()?.sndMss);
        return {};
      });
      const connection = pair.left.tcp.createConnection(
        { address: RIGHT, port: 7, ...mine('createConnection') },
        {},
      );
      await until(() => !connection.opening && sizes.length === 1); // the listener's
      sizes.push(connection.info()?.sndMss);
    } else {
      const server = pair.right.net.createServer().listen({ port: 7, ...mine('listen') });
      const client = pair.left.net.connect({ port: 7, host: RIGHT, ...mine('connect') });
      const [accepted] = (await next(server, 'connection')) as [Socket];
      sizes.push(accepted.info()?.sndMss, client.info()?.sndMss);
    }
    t.deepEqual(sizes, [588, 588], where); // timestamps take 12
    await pair.close();
  }
});

test('settings: a writer is no further ahead than notSentLowWater, and its callbacks and drain say so', async (t) => {
  const pair = makePair({ tcp: { receiveBuffer: 65_536, receiveBufferMax: 65_536 } });
  const server = pair.right.net.createServer({ pauseOnConnect: true }).listen(7);
  const total = 2 ** 20;
  for (const tcp of [{ notSentLowWater: LOW }, {}]) {
    const client = pair.left.net.connect({ port: 7, host: RIGHT, tcp });
    const [accepted] = (await next(server, 'connection')) as [Socket];
    let called = 0;
    const more = (): void => {
      if (called === total) return;
      client.write(Buffer.alloc(4096), () => {
        called += 4096;
        more();
      });
    };
    more();
    await rounds(100);
    // The reader reads nothing: what is called back waits here, or in its window.
    const { notsent = 0, unacked = 0, bytesAcked = 0 } = client.info() ?? {};
    if ('notSentLowWater' in tcp) {
      t.true(notsent > 0 && notsent <= LOW, `${notsent} not sent`);
      t.true(called <= bytesAcked + unacked + LOW, `${called} called back`);
    } else t.true(notsent > 8 * LOW, `${notsent} not sent without it`);
    let received = 0;
    accepted.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    client.write(Buffer.alloc(LOW));
    accepted.resume();
    await next(client, 'drain');
    await until(() => received === total + LOW);
    t.is(called, total);
    client.destroy();
  }
  await pair.close();
});

test('settings: the low water of one connection may be set, and is no more than a wish for whole segments', async (t) => {
  const pair = makePair();
  let received = 0;
  pair.right.tcp.createListener({ port: 7 }, () => ({
    data: (_connection, _bytes, _at, length) => {
      received += length;
    },
  }));
  const bytes = Buffer.alloc(1_000_000);
  let sent = 0;
  let most = 0;
  const connection = pair.left.tcp.createConnection(
    { address: RIGHT, port: 7 },
    {
      writable: (it) => {
        sent += it.write(bytes, sent);
        most = Math.max(most, it.info()?.notsent ?? 0);
      },
    },
  );
  connection.setNotSentLowWater(LOW);
  sent += connection.write(bytes, sent);
  t.is(sent, LOW);
  await until(() => received === bytes.length);
  t.true(most <= LOW, `${most}`);
  t.throws(() => connection.setNotSentLowWater(-1), { code: 'ERR_OUT_OF_RANGE' });
  await pair.close();
});

test('settings: deferAccept of a listener gives sockets with their first text', async (t) => {
  const pair = makePair();
  const server = pair.right.net.createServer();
  server.listen({ port: 7, tcp: { deferAccept: 60e6 } });
  let accepted: Socket | undefined;
  server.on('connection', (socket: Socket) => {
    accepted = socket;
  });
  const client = pair.left.net.connect(7, RIGHT);
  await next(client, 'connect');
  await rounds(20);
  t.is(accepted, undefined);
  client.write('hello');
  await until(() => accepted !== undefined);
  t.is(String((await next(accepted as Socket, 'data'))[0]), 'hello');
  await pair.close();
});

test('settings: after deferAccept the socket comes without text, and may speak first', async (t) => {
  const pair = makePair();
  const server = pair.right.net.createServer((socket) => socket.end('welcome'));
  server.listen({ port: 7, tcp: { deferAccept: 20_000 } });
  const client = pair.left.net.connect(7, RIGHT);
  t.is(String((await next(client, 'data'))[0]), 'welcome');
  await pair.close();
});

test('settings: one that is no setting, or out of its range, is refused wherever it is given', async (t) => {
  const [device] = createPipe();
  const address = `${LEFT}/24`;
  const bad: [object, string][] = [
    [{ nodelay: true }, 'ERR_INVALID_ARG_VALUE'],
    [{ noDelay: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ congestion: 'bbr' }, 'ERR_INVALID_ARG_VALUE'],
    [{ maxSegment: 40 }, 'ERR_OUT_OF_RANGE'],
    [{ maxSegment: 65_536 }, 'ERR_OUT_OF_RANGE'],
    [{ notSentLowWater: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ sendBuffer: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ deferAccept: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ minRto: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ keepAliveIdle: 0 }, 'ERR_OUT_OF_RANGE'],
  ];
  for (const [settings, code] of bad) {
    t.throws(() => createStack({ device, address, tcp: settings }), { code });
  }
  const pair = makePair({ tcp: { maxSegment: 0, mss: 0, retries: undefined as never } });
  const settings = { maxSegment: 1 };
  const error = { code: 'ERR_OUT_OF_RANGE' };
  const { tcp, net } = pair.left;
  t.throws(() => tcp.createConnection({ address: RIGHT, port: 7, settings }, {}), error);
  t.throws(() => tcp.createListener({ port: 7, settings }, () => undefined), error);
  t.throws(() => tcp.listen({ port: 7, settings }), error);
  t.throws(() => tcp.intercept(() => {}, { settings }), error);
  t.throws(() => net.connect({ port: 7, host: RIGHT, tcp: settings }), error);
  t.throws(() => net.createServer().listen({ port: 7, tcp: settings }), error);
  await t.throwsAsync(tcp.connect({ port: 7, host: RIGHT, settings }), error);
  await pair.close();
});
