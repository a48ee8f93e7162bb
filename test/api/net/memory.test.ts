/**
 * Memory that its owner transfers away, or makes smaller, while it waits to be sent: the stream would have
 * a hole, so the connection ends with an error, and the peer is reset. It is never cut in silence.
 * @module
 */
import test from 'ava';
import type { Socket } from '../../../src/index.ts';
import { makePair, next, type Pair, RIGHT, rounds, until } from '../worlds.ts';

const KIB = 1024;
const BUFFER = 64 * KIB;

async function ends(): Promise<{ pair: Pair; client: Socket; accepted: Socket }> {
  const pair = makePair({ tcp: { sendBuffer: BUFFER, sendBufferMax: BUFFER } });
  const server = pair.right.net.createServer().listen(7);
  const client = pair.left.net.connect({ port: 7, host: RIGHT });
  const [accepted] = (await next(server, 'connection')) as [Socket];
  await rounds(5);
  return { pair, client, accepted };
}

/** Give `bytes` to somebody else: what is left of it has no length. */
const transfer = (bytes: Uint8Array): void => {
  structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
};

for (const [what, spoil] of [
  ['transferred away', transfer],
  [
    'made smaller',
    (bytes: Uint8Array): void => (bytes.buffer as ArrayBuffer & Resizable).resize(100 * KIB),
  ],
] as const) {
  test(`memory: a write whose memory is ${what} while it waits ends the socket with EFAULT`, async (t) => {
    const { pair, client, accepted } = await ends();
    const ended: string[] = [];
    accepted.on('end', () => ended.push('end')).on('error', ({ message }) => ended.push(message));
    const room = { maxByteLength: 1024 * KIB } as unknown as undefined;
    const bytes = new Uint8Array(new (ArrayBuffer as Growable)(1024 * KIB, room));
    const called = new Promise<Error | null | undefined>((done) => client.write(bytes, done));
    const failed = next(client, 'error');
    await rounds(20);
    spoil(bytes);
    accepted.resume();
    const [error] = (await failed) as [NodeJS.ErrnoException];
    t.is(error.code, 'EFAULT');
    t.regex(error.message, /^write EFAULT: the memory was transferred away/);
    t.is(await called, error);
    await until(() => ended.length > 0);
    t.deepEqual(ended, ['read ECONNRESET']);
    await pair.close();
  });
}

test('memory: a write that waits behind others, and is transferred away, is not passed over', async (t) => {
  const { pair, client, accepted } = await ends();
  const ended: string[] = [];
  accepted.on('end', () => ended.push('end')).on('error', ({ message }) => ended.push(message));
  client.write(Buffer.alloc(256 * KIB));
  const bytes = new Uint8Array(10 * KIB);
  client.write(bytes);
  client.write('the rest');
  client.end();
  transfer(bytes);
  const failed = next(client, 'error');
  accepted.resume();
  t.is(((await failed) as [NodeJS.ErrnoException])[0].code, 'EFAULT');
  await until(() => ended.length > 0);
  t.deepEqual(ended, ['read ECONNRESET']);
  await pair.close();
});

test('memory: an empty write is no lost memory', async (t) => {
  const { pair, client, accepted } = await ends();
  accepted.setEncoding('utf8');
  const received = next(accepted, 'data');
  client.write('');
  client.write(new Uint8Array(0));
  client.write('text');
  t.deepEqual(await received, ['text']);
  await pair.close();
});

test('memory: what was lent by reference and is transferred away ends the connection, whatever the device', async (t) => {
  const { pair } = await ends();
  const seen: string[] = [];
  pair.right.tcp.createListener({ port: 9 }, () => ({
    end: () => void seen.push('end'),
    close: (_connection, error) => void seen.push(`${error?.code}`),
  }));
  const bytes = new Uint8Array(BUFFER);
  const closed = new Promise<NodeJS.ErrnoException | undefined>((done) => {
    pair.left.tcp.createConnection(
      { address: RIGHT, port: 9 },
      {
        open: (connection) => {
          connection.write(bytes);
          transfer(bytes);
        },
        close: (_connection, error) => done(error),
      },
    );
  });
  const error = await closed;
  t.is(error?.code, 'EFAULT');
  await until(() => seen.length > 0);
  t.deepEqual(seen, ['ECONNRESET']);
  t.is(pair.left.stats().slotsFree, pair.left.stats().slots, 'no slot is left behind');
  await pair.close();
});

test('memory: a write from outside of its array is refused at once', async (t) => {
  const { pair } = await ends();
  const connection = pair.left.tcp.createConnection({ address: RIGHT, port: 7 }, {});
  const bytes = new Uint8Array(10);
  for (const [at, length] of [
    [0, 11],
    [5, 6],
    [-1, 5],
    [11, undefined],
  ] as const) {
    const error = { code: 'ERR_OUT_OF_RANGE' };
    t.throws(() => connection.write(bytes, at, length), error);
    t.throws(() => connection.writeCopy(bytes, at, length), error);
  }
  await pair.close();
});

/** Declared by ES2024, and had by Node 20. */
interface Resizable {
  resize(length: number): void;
}
type Growable = new (length: number, options: undefined) => ArrayBuffer;

// Node documentation, writable.write: the callback says that the chunk was processed, and it is the caller's again.
for (const zeroCopy of [false, true]) {
  const what = zeroCopy ? 'is sent from where it lies with zeroCopy' : 'is the caller’s again';
  test(`memory: what a write has been called back for ${what}`, async (t) => {
    const pair = makePair();
    const server = pair.right.net.createServer().listen(7);
    const client = pair.left.net.connect({ port: 7, host: RIGHT, zeroCopy });
    const [accepted] = (await next(server, 'connection')) as [Socket];
    await rounds(5);
    const bytes = new Uint8Array(20 * KIB).fill(1);
    client.write(bytes, () => bytes.fill(2)); // called when the buffer has all, and a first window has left
    client.write(Buffer.alloc(100, 3));
    const got: number[] = [];
    accepted.on('data', (piece: Buffer) => got.push(...piece));
    await until(() => got.length === bytes.length + 100);
    t.deepEqual([got[0], got[bytes.length - 1], got.at(-1)], zeroCopy ? [1, 2, 3] : [1, 1, 3]);
    await pair.close();
  });
}
