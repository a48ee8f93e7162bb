/**
 * Back-pressure, both ways: a reader that stops stops the sender within the stated buffers, and
 * nothing is lost when it goes on.
 * @module
 */
import test from 'ava';
import type { Socket } from '../../../src/index.ts';
import { makePair, next, type Pair, RIGHT, rounds, until } from '../worlds.ts';

const KIB = 1024;
const MARK = 16 * KIB;
/** All that may be on its way: stream, send buffer, receive buffer, stream. */
const BUFFERS = { sendBuffer: 64 * KIB, receiveBuffer: 64 * KIB };
const BOUND = MARK + BUFFERS.sendBuffer + BUFFERS.receiveBuffer + MARK + 64 * KIB;

interface Ends {
  readonly pair: Pair;
  readonly client: Socket;
  readonly accepted: Socket;
}

async function ends(): Promise<Ends> {
  const { sendBuffer, receiveBuffer } = BUFFERS;
  const pair = makePair({
    tcp: { ...BUFFERS, sendBufferMax: sendBuffer, receiveBufferMax: receiveBuffer },
  });
  const server = pair.right.net
    .createServer({ highWaterMark: MARK, allowHalfOpen: true })
    .listen(7);
  const options = { port: 7, host: RIGHT, highWaterMark: MARK, allowHalfOpen: true };
  const client = pair.left.net.connect(options);
  const [accepted] = (await next(server, 'connection')) as [Socket];
  return { pair, client, accepted };
}

/** Write until there is no room, as a well-behaved sender does; gives what it counted. */
function pour(socket: Socket, total: number): { sent: number } {
  const state = { sent: 0 };
  const piece = Buffer.alloc(4 * KIB);
  const go = (): void => {
    while (state.sent < total) {
      for (let i = 0; i < piece.length; i += 4) piece.writeInt32LE(state.sent + i, i);
      state.sent += piece.length;
      if (!socket.write(Buffer.from(piece))) {
        socket.once('drain', go);
        return;
      }
    }
    socket.end();
  };
  go();
  return state;
}

/** Read to the end; gives the length, and whether every byte was in its place. */
async function check(socket: Socket): Promise<[number, boolean]> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece)); // a `for await` would destroy it
  await next(socket, 'end');
  return verify(pieces);
}

function verify(pieces: Buffer[]): [number, boolean] {
  const all = Buffer.concat(pieces);
  for (let at = 0; at < all.length; at += 4) {
    if (all.readInt32LE(at) !== at) return [all.length, false];
  }
  return [all.length, true];
}

const TOTAL = 2 << 20;

for (const direction of ['to the server', 'to the client'] as const) {
  test(`pressure: a reader that never began stops the sender, ${direction}`, async (t) => {
    const { pair, client, accepted } = await ends();
    const [from, to] = direction === 'to the server' ? [client, accepted] : [accepted, client];
    const state = pour(from, TOTAL);
    await rounds(500);
    const before = state.sent;
    t.true(before <= BOUND, `${before} were taken, ${BOUND} may be`);
    await rounds(100);
    t.is(state.sent, before);
    t.deepEqual(await check(to), [TOTAL, true]);
    await pair.close();
  });
}

test('pressure: a reader that pauses in the middle stops the sender, and loses nothing', async (t) => {
  const { pair, client, accepted } = await ends();
  const state = pour(client, TOTAL);
  const pieces: Buffer[] = [];
  let length = 0;
  let pauses = 0;
  accepted.on('data', (piece: Buffer) => {
    pieces.push(piece);
    length += piece.length;
    if (length < (pauses + 1) * 1_000_000) return;
    pauses++;
    accepted.pause();
    void rounds(100).then(() => {
      t.true(state.sent - length <= BOUND, `${state.sent - length} are on their way`);
      accepted.resume();
    });
  });
  await next(accepted, 'end');
  t.deepEqual([...verify(pieces), pauses], [TOTAL, true, 2]);
  await pair.close();
});

test('pressure: a reader that rests after each piece has 64 KiB at most, as of Node, and is given little more', async (t) => {
  const pair = makePair({ tcp: { receiveBuffer: 2 * TOTAL } }, { offload: true });
  const server = pair.right.net.createServer().listen(7);
  const client = pair.left.net.connect({ port: 7, host: RIGHT });
  const [accepted] = (await next(server, 'connection')) as [Socket];
  const state = pour(client, 4 * TOTAL);
  await rounds(300);
  t.true(state.sent > TOTAL, 'much waits');
  const pieces: Buffer[] = [];
  let longest = 0;
  let most = 0;
  accepted.on('data', (piece: Buffer) => {
    pieces.push(piece);
    longest = Math.max(longest, piece.length);
    accepted.pause();
    void rounds(2).then(() => {
      most = Math.max(most, accepted.readableLength);
      accepted.resume();
    });
  });
  await next(accepted, 'end');
  t.deepEqual(verify(pieces), [4 * TOTAL, true]);
  t.true(longest <= 64 * KIB, `a piece of ${longest}`);
  // 1 MiB, the piece that passes it, and what the stream had.
  t.true(most <= 1024 * KIB + 2 * 64 * KIB, `${most} were given and not asked for`);
  await pair.close();
});

test('pressure: both directions at once, each stopped and let go by itself', async (t) => {
  const { pair, client, accepted } = await ends();
  pour(client, TOTAL);
  const there = check(accepted);
  await rounds(200);
  pour(accepted, TOTAL);
  t.deepEqual(await there, [TOTAL, true]);
  t.deepEqual(await check(client), [TOTAL, true]);
  await pair.close();
});

test('pressure: a write is called back when it was taken, and not before', async (t) => {
  const { pair, client, accepted } = await ends();
  let taken = false;
  client.write(Buffer.alloc(1 << 20), () => {
    taken = true;
  });
  await rounds(200);
  t.false(taken);
  t.is(client.writableLength, 1 << 20);
  t.is(client.bytesWritten, 1 << 20);
  accepted.resume();
  await until(() => taken);
  t.is(client.writableLength, 0);
  t.is(client.bytesWritten, 1 << 20);
  await pair.close();
});

test('pressure: a write that waits is called back when the socket is destroyed', async (t) => {
  const { pair, client } = await ends();
  const called = new Promise((done) => client.write(Buffer.alloc(1 << 20), done));
  await rounds(100);
  client.destroy();
  await next(client, 'close');
  await called;
  t.is(pair.left.connections().length <= 1, true);
  await pair.close();
});

test('pressure: cork and uncork make one write of many', async (t) => {
  const { pair, client, accepted } = await ends();
  accepted.setEncoding('utf8');
  const received = next(accepted, 'data');
  client.cork();
  for (let i = 0; i < 100; i++) client.write(`${i} `);
  process.nextTick(() => client.uncork());
  const [text] = await received;
  t.is((text as string).trim().split(' ').length, 100);
  await pair.close();
});

test('pressure: what is left of a packet slot when all is over', async (t) => {
  const { pair, client, accepted } = await ends();
  accepted.pipe(accepted);
  const state = pour(client, TOTAL);
  t.deepEqual(await check(client), [TOTAL, true]);
  t.is(state.sent, TOTAL);
  const { drops } = pair.right.stats();
  t.deepEqual(drops['noSlot'] ?? 0, 0);
  await pair.close();
});
