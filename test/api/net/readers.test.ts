/**
 * What received text costs by who reads it: nothing where nobody does, memory that is used again where the reader
 * copies it, and a buffer for ever for a listener.
 *
 * Node documentation: "Readable Streams": `readable.resume()` ("consumes all data ... without ... processing"),
 * `readable.setEncoding()`, "Event: 'data'"; "new net.Socket([options])", `onread`.
 */
import { Duplex } from 'node:stream';
import test from 'ava';
import type { Socket } from '../../../src/index.ts';
import { Spares } from '../../../src/stack/host/spares.ts';
import { PERIOD, pour, text } from '../placed.ts';
import { makePair, next, type Pair, RIGHT, rounds, until } from '../worlds.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const TOTAL = 8 * MIB;
/** What a socket may have waiting for it, beyond which all memory has to be used again. */
const TURN = 2 * MIB;

let asked = 0;
/** Counts what large memory is asked for, but for the blocks of senders, which are powers of two. */
for (const name of ['allocUnsafe', 'allocUnsafeSlow'] as const) {
  const allocate = Buffer[name];
  Buffer[name] = (size: number): Buffer<ArrayBuffer> => {
    if (size >= 16 * KIB && (size & (size - 1)) !== 0) asked += size;
    return allocate.call(Buffer, size);
  };
}
/** Readers have such too. */
const spares = new WeakSet<ArrayBufferLike>();
const { take } = Spares.prototype;
Spares.prototype.take = function count(this: Spares): Buffer {
  const spare = take.call(this);
  if (!spares.has(spare.buffer)) asked += spare.length;
  spares.add(spare.buffer);
  return spare;
};

interface Ends {
  readonly pair: Pair;
  readonly client: Socket;
  readonly accepted: Socket;
}

async function ends(options: object = {}): Promise<Ends> {
  const pair = makePair({}, { offload: true });
  const server = pair.right.net.createServer().listen(7);
  const client = pair.left.net.connect({ port: 7, host: RIGHT, ...options });
  const [accepted] = (await next(server, 'connection')) as [Socket];
  await until(() => !client.connecting);
  return { pair, client, accepted };
}

const sendFrom = (zeroCopy: boolean): object => ({ zeroCopy, highWaterMark: MIB });

test.serial('readers: what nobody listens to is counted, and not copied', async (t) => {
  const { pair, client, accepted } = await ends(sendFrom(true));
  accepted.resume();
  await pour(client, text.length);
  await until(() => accepted.bytesRead === text.length);
  const before = asked;
  const ended = next(accepted, 'end');
  await pour(client, TOTAL);
  client.end();
  await ended;
  t.is(accepted.bytesRead, text.length + TOTAL);
  t.true(accepted.readableDidRead);
  t.is(asked - before, 0);
  await pair.close();
});

test.serial('readers: a listener that comes later has all that comes from then on', async (t) => {
  const { pair, client, accepted } = await ends();
  accepted.resume();
  for (const word of ['lost', 'too']) {
    client.write(word);
    await rounds(20);
  }
  t.is(accepted.bytesRead, 7);
  const heard: string[] = [];
  accepted.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
  client.write('heard');
  await until(() => heard.length > 0);
  t.deepEqual(heard, ['heard']);
  await pair.close();
});

for (const name of ['push', 'emit', 'read'] as const) {
  test.serial(
    `readers: who has put a ${name} of their own on a socket sees what it flows past`,
    async (t) => {
      const { pair, client, accepted } = await ends();
      const seen: string[] = [];
      const own = Duplex.prototype[name] as (...args: unknown[]) => unknown;
      const tap = function tap(this: Socket, ...args: unknown[]): unknown {
        const result = own.apply(this, args);
        for (const one of [...args, result]) if (one instanceof Uint8Array) seen.push(`${one}`);
        return result;
      };
      Object.assign(accepted, { [name]: tap });
      accepted.resume();
      for (const word of ['one', 'two', 'three']) {
        client.write(word);
        await rounds(20);
      }
      t.deepEqual(seen, ['one', 'two', 'three']);
      await pair.close();
    },
  );
}

/** How many ticks there are while `client` sends 20 pieces one after the other, whoever makes them. */
async function ticks(client: Socket, accepted: Socket): Promise<number> {
  const { nextTick } = process;
  let count = 0;
  process.nextTick = ((...args: Parameters<typeof nextTick>) => {
    count++;
    nextTick(...args);
  }) as typeof nextTick;
  const before = accepted.bytesRead;
  for (let i = 1; i <= 20; i++) {
    client.write('x');
    await until(() => accepted.bytesRead === before + i);
  }
  process.nextTick = nextTick;
  return count;
}

test.serial('readers: to tell a listener takes no tick', async (t) => {
  const { pair, client, accepted } = await ends();
  accepted.resume();
  await ticks(client, accepted);
  const unheard = await ticks(client, accepted);
  let heard = 0;
  accepted.on('data', ({ length }: Buffer) => {
    heard += length;
  });
  t.is(await ticks(client, accepted), unheard);
  t.is(heard, 20);
  await pair.close();
});

test.serial(
  'readers: who has put a _read of their own on a socket is asked for more',
  async (t) => {
    const { pair, client, accepted } = await ends();
    accepted.on('data', () => {});
    await ticks(client, accepted);
    let asked = 0;
    Object.assign(accepted, {
      _read(this: Socket, size: number): void {
        asked++;
        (Object.getPrototypeOf(this) as Duplex)._read.call(this, size);
      },
    });
    await ticks(client, accepted);
    t.is(asked, 20);
    await pair.close();
  },
);

test.serial(
  'readers: what comes while a listener has paused the stream waits, in order',
  async (t) => {
    const { pair, client, accepted } = await ends();
    const heard: string[] = [];
    accepted.on('data', (chunk: Buffer) => {
      heard.push(`${chunk}`);
      if (heard.length % 2 === 0) accepted.pause();
    });
    for (const word of ['a', 'b', 'c', 'd', 'e', 'f']) {
      client.write(word);
      await rounds(20);
    }
    t.deepEqual(heard, ['a', 'b']);
    t.is(accepted.readableLength, 4);
    accepted.resume();
    await rounds(20);
    t.is(heard.join(''), 'abcdef'.slice(0, heard.length));
    for (let i = 0; i < 4; i++) {
      accepted.resume();
      await rounds(20);
    }
    t.is(heard.join(''), 'abcdef');
    client.write('g');
    await until(() => heard.length === 7);
    t.is(heard[6], 'g');
    await pair.close();
  },
);

test.serial(
  'readers: a stream that flows with nobody there is kept from no time-out',
  async (t) => {
    const { pair, client, accepted } = await ends();
    accepted.resume();
    let isIdle = false;
    accepted.setTimeout(400, () => {
      isIdle = true;
    });
    for (let i = 0; i < 12; i++) {
      client.write('x');
      await new Promise((done) => setTimeout(done, 60));
    }
    t.false(isIdle);
    await until(() => isIdle);
    await pair.close();
  },
);

test.serial('readers: a listener has each buffer for ever, in memory of its own', async (t) => {
  const { pair, client, accepted } = await ends(sendFrom(true));
  const kept: Buffer[] = [];
  accepted.on('data', (chunk: Buffer) => kept.push(chunk));
  const ended = next(accepted, 'end');
  await pour(client, TOTAL);
  client.end();
  await ended;
  let place = 0;
  let wrong = 0;
  for (const chunk of kept) {
    for (const byte of chunk) if (byte !== place++ % PERIOD) wrong++;
  }
  t.deepEqual([place, wrong], [TOTAL, 0]);
  const large = kept.filter(({ length }) => length >= 16 * KIB);
  t.true(large.length > 0);
  t.true(large.every(({ buffer, length }) => buffer.byteLength === length));
  t.is(new Set(large.map(({ buffer }) => buffer)).size, large.length);
  await pair.close();
});

test.serial(
  'readers: a decoder has its memory used again, and every character right',
  async (t) => {
    const { pair, client, accepted } = await ends(sendFrom(true));
    accepted.setEncoding('latin1');
    let place = 0;
    let wrong = 0;
    accepted.on('data', (piece: string) => {
      for (let i = 0; i < piece.length; i++) {
        if (piece.charCodeAt(i) !== place++ % PERIOD) wrong++;
      }
    });
    const ended = next(accepted, 'end');
    const before = asked;
    await pour(client, TOTAL);
    client.end();
    await ended;
    t.deepEqual([place, wrong], [TOTAL, 0]);
    t.true(asked - before <= TURN, `${asked - before} bytes`);
    await pair.close();
  },
);

test.serial('readers: `onread` has its memory used again, and every byte right', async (t) => {
  let place = 0;
  let wrong = 0;
  const callback = (length: number, buffer: Uint8Array): boolean => {
    for (let i = 0; i < length; i++) {
      if (buffer[i] !== place++ % PERIOD) wrong++;
    }
    return true;
  };
  const { pair, client, accepted } = await ends({
    onread: { buffer: Buffer.alloc(10_000), callback },
  });
  const ended = next(client, 'end');
  const before = asked;
  await pour(accepted, TOTAL);
  accepted.end();
  await ended;
  t.deepEqual([place, wrong], [TOTAL, 0]);
  t.true(asked - before <= TURN, `${asked - before} bytes`);
  await pair.close();
});
