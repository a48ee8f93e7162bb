/**
 * Text between a guest and this host past both streams: what comes is what was sent, whichever way it took, and no
 * faster than it is taken. RFC 9293 §3.8.6: whoever takes nothing closes his window.
 * @module
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { loadLibc } from '../../../src/device/linux/libc.ts';
import { prepareWrites, writeNow } from '../../../src/device/linux/socket-write.ts';
import { HostReads } from '../../../src/services/gateway/host-reads.ts';
import { shorten } from '../../../src/services/gateway/shortcut.ts';
import { hashOf, MIB, make, pieces, send } from './flows.ts';

const hasCalls = await loadLibc().then(
  () => true,
  () => false,
);
prepareWrites();

for (const by of ['shortcut', 'crossing'] as const) {
  for (const way of ['out', 'in'] as const) {
    test(`${by}: text ${way} comes whole and in order, and the other way stays open`, async (t) => {
      const { gateway, open, upstreams } = await make(t, by === 'shortcut');
      const { guest, server } = await open();
      const [from, to] = way === 'out' ? [guest, server] : [server, guest];
      const list = pieces(6 * MIB);
      const expected = createHash('sha256');
      for (const piece of list) expected.update(piece);
      const [found] = await Promise.all([hashOf(to), send(from, list)]);
      t.is(found, expected.digest('hex'));
      to.end('an answer');
      const heard = await once(from, 'data');
      t.is(String(heard[0]), 'an answer');
      while (gateway.counters.tcpOpen > 0) await pause(5);
      const { bytesOut, bytesIn } = gateway.carried();
      t.deepEqual(way === 'out' ? [bytesOut, bytesIn] : [bytesIn, bytesOut], [6 * MIB, 9]);
      const [known] = upstreams;
      if (way === 'in') t.is(known?.streamed, 0, 'none by the stream');
      else if (hasCalls) {
        const byStream = known?.socket.bytesWritten ?? 0;
        t.true(byStream < 6 * MIB, 'some of it not by the stream');
      } else t.log('without koffi all of it goes by the stream');
    });

    test(`${by}: text ${way} that nobody takes is held up, and comes when it is taken`, async (t) => {
      const { gateway, open } = await make(t, by === 'shortcut');
      const { guest, server } = await open();
      const [from, to] = way === 'out' ? [guest, server] : [server, guest];
      to.pause();
      const list = pieces(32 * MIB);
      const sent = send(from, list);
      const carried = (): number => {
        const { bytesOut, bytesIn } = gateway.carried();
        return way === 'out' ? bytesOut : bytesIn;
      };
      let before = -1;
      while (carried() !== before || before === 0) {
        before = carried();
        await pause(200);
      }
      t.true(before < 24 * MIB, `${before} bytes were taken for one who takes none`);
      const expected = createHash('sha256');
      for (const piece of list) expected.update(piece);
      const [found] = await Promise.all([hashOf(to), sent]);
      t.is(found, expected.digest('hex'));
    });

    test(`${by}: a reset in the middle of text ${way} goes on as a reset`, async (t) => {
      const { gateway, open } = await make(t, by === 'shortcut');
      const { guest, server } = await open();
      const [from, to] = way === 'out' ? [guest, server] : [server, guest];
      to.pause();
      void send(from, pieces(32 * MIB)).catch(() => {});
      while (gateway.carried()[way === 'out' ? 'bytesOut' : 'bytesIn'] < MIB) await pause(5);
      const failed = once(from, 'error');
      to.resetAndDestroy();
      const [error] = await failed;
      t.regex(error.code, /^(ECONNRESET|EPIPE)$/);
      while (gateway.counters.tcpOpen > 0) await pause(5);
      t.pass();
    });
  }

  test(`${by}: many flows at once keep apart`, async (t) => {
    const { open } = await make(t, by === 'shortcut');
    const ends: Awaited<ReturnType<typeof open>>[] = [];
    for (let i = 0; i < 10; i++) ends.push(await open());
    const all = ends.flatMap(({ guest, server }, i) =>
      [
        [guest, server],
        [server, guest],
      ].map(async ([from, to], k) => {
        const list = [Buffer.alloc(200_000 + i, 2 * i + k)];
        const [found] = await Promise.all([hashOf(to as Socket), send(from as Socket, list)]);
        const expected = createHash('sha256').update(list[0] as Buffer);
        t.is(found, expected.digest('hex'));
      }),
    );
    await Promise.all(all);
  });
}

/** A socket of this host and one of a stack, as far as a short way in needs them. */
function stubs() {
  const told: string[] = [];
  const kept: [Uint8Array, unknown][] = [];
  let room = Number.POSITIVE_INFINITY;
  const reads = new HostReads();
  const from = new Duplex({ read() {} });
  reads.belongTo(from as Socket);
  const to = new Duplex({
    read() {},
    write: (piece, _encoding, done) => {
      told.push(`stream ${piece.length}`);
      setImmediate(done);
    },
  });
  const connection = {
    handler: {} as {
      release?(connection: unknown, token: unknown): void;
      writable?(connection: unknown): void;
    },
    closed: false,
    writeCopy: (_bytes: Uint8Array, _at: number, length: number) => {
      told.push(`copy ${Math.min(length, room)}`);
      return Math.min(length, room);
    },
    write: (bytes: Uint8Array, _at: number, length: number, token: unknown) => {
      told.push(`keep ${Math.min(length, room)}`);
      if (room > 0) kept.push([bytes, token]);
      return Math.min(length, room);
    },
    setNoDelay: (on: boolean) => told.push(`no delay ${on}`),
  };
  shorten(from, Object.assign(to, { connection }));
  const { buffer, callback } = reads.onread as {
    buffer: () => Uint8Array;
    callback: (length: number, bytes: Uint8Array) => boolean;
  };
  let place = buffer();
  return {
    ...{ told, from, kept },
    /** A read that brings `length` bytes; whether the next may follow. */
    read: (length: number) => {
      const more = callback(length, place);
      place = buffer();
      return more;
    },
    place: () => place,
    /** The other side has all that was kept. */
    acknowledge: () => {
      for (const [, token] of kept.splice(0)) connection.handler.release?.(connection, token);
    },
    writable: () => connection.handler.writable?.(connection),
    shut: () => from.emit('close'),
    room: (bytes: number) => {
      room = bytes;
    },
    all: place.length,
  };
}

// RFC 9293 §3.7.4: the end of a read that more follows is no segment of its own; it is sent when nothing does.
test('shortcut: a read that fills its place is sent without its end, which goes with the next or soon', async (t) => {
  const { told, read, all } = stubs();
  t.true(read(100));
  t.deepEqual(told.splice(0), ['copy 100']);
  t.true(read(all));
  t.true(read(all));
  t.true(read(10));
  t.deepEqual(told.splice(0), ['no delay false', `copy ${all}`, `keep ${all}`, 'copy 10']);
  await new Promise(setImmediate);
  t.deepEqual(told.splice(0), ['no delay true']);
});

test('shortcut: what does not fit waits in the stream, and nothing is read until it has gone', async (t) => {
  const { told, read, room, from } = stubs();
  let resumed = 0;
  from.resume = () => {
    resumed++;
    return from;
  };
  room(30);
  t.false(read(100));
  t.deepEqual(told.splice(0), ['copy 30', 'stream 70']);
  t.is(resumed, 0);
  t.true(read(5), 'the stream may take it');
  t.deepEqual(told.splice(0), [], 'it does not overtake what waits');
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  t.is(resumed, 1);
});

test('shortcut: memory of which all was read is kept until it is acknowledged, and used again then', (t) => {
  const { told, read, kept, all, place, acknowledge, shut } = stubs();
  const common = place();
  t.true(read(all));
  const first = place();
  t.not(first, common, 'of its own, since much comes');
  t.true(read(all));
  t.deepEqual(told.slice(1), [`copy ${all}`, `keep ${all}`]);
  t.is(kept[0]?.[0], first);
  const second = place();
  t.not(second, first, 'that is not written over');
  t.true(read(10));
  t.is(place(), common, 'little comes: it has gone back');
  t.true(read(all));
  t.is(place(), second);
  acknowledge();
  t.true(read(all));
  t.is(place(), first);
  shut();
  const other = stubs();
  t.true(other.read(all));
  t.is(other.place(), first, 'whose socket has gone');
  other.shut();
});

test('shortcut: what does not fit of memory of its own goes from there when there is room, and is read no further till then', (t) => {
  const { told, read, all, place, room, kept, from, writable, acknowledge, shut } = stubs();
  let resumed = 0;
  from.resume = () => {
    resumed++;
    return from;
  };
  t.true(read(all));
  const own = place();
  room(30);
  t.false(read(all));
  for (const bytes of [0, 50]) {
    room(bytes);
    writable();
    t.is(resumed, 0);
  }
  room(Number.POSITIVE_INFINITY);
  writable();
  t.is(resumed, 1);
  t.deepEqual(told.slice(2), ['keep 30', 'keep 0', 'keep 50', `keep ${all - 80}`]);
  t.true(kept.every(([bytes]) => bytes === own));
  acknowledge();
  t.true(read(all));
  t.true(place() === own);
  shut();
});

test('shortcut: memory that is partly written is used again when its socket goes and what was written is acknowledged', (t) => {
  const { read, all, place, room, acknowledge, shut } = stubs();
  t.true(read(all));
  const own = place();
  room(30);
  t.false(read(all));
  shut();
  const [one, other] = [stubs(), stubs()];
  t.true(one.read(all));
  t.true(one.place() !== own);
  acknowledge();
  t.true(other.read(all));
  t.true(other.place() === own);
  one.shut();
  other.shut();
});

// A recording has what a stream is given: it must be given all.
test('shortcut: whoever looks at what a stream is given sees all of it', (t) => {
  const reads = new HostReads();
  const socket = new Socket();
  reads.belongTo(socket);
  t.is(HostReads.of(socket), reads);
  const { push } = socket;
  socket.push = push;
  t.is(HostReads.of(socket), undefined);
});

/** A connection over loopback. */
async function connected(t: ExecutionContext): Promise<[near: Socket, far: Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = new Socket().connect(server.address() as { port: number; address: string });
  const [far] = (await once(server, 'connection')) as [Socket];
  t.teardown(() => {
    for (const each of [near, far]) each.destroy();
    server.close();
  });
  if (near.connecting) await once(near, 'connect');
  return [near, far];
}

const BYTES = new Uint8Array(1000).fill(0x78);

test('socket-write: a socket gets the bytes that are named, and none beyond their end', async (t) => {
  const [near, far] = await connected(t);
  t.is(writeNow(near, BYTES, 990, 11), 0);
  t.is(writeNow(near, BYTES, -1, 10), 0);
  const bytes = Uint8Array.from(BYTES, (_, i) => i % 256);
  const taken = writeNow(near, bytes, 97, 3);
  if (!hasCalls) {
    t.is(taken, 0, 'without koffi nothing is taken');
    return;
  }
  t.is(taken, 3);
  const [piece] = await once(far, 'data');
  t.deepEqual([...piece], [97, 98, 99]);
});

test('socket-write: it overtakes nothing, and leaves a socket that is over alone', async (t) => {
  const [near] = await connected(t);
  near.write(Buffer.alloc(64 * MIB)); // more than the kernel takes: nobody reads
  t.true(near.writableLength > 0);
  t.is(writeNow(near, BYTES, 0, 1000), 0);
  const [ended] = await connected(t);
  ended.end();
  t.is(writeNow(ended, BYTES, 0, 1000), 0);
  ended.destroy();
  t.is(writeNow(ended, BYTES, 0, 1000), 0);
  const fresh = new Socket();
  t.is(writeNow(fresh, BYTES, 0, 1000), 0);
});

test('socket-write: whoever has put something around a socket’s writes sees all of them', async (t) => {
  const [near] = await connected(t);
  class Wrapped extends Socket {}
  Object.setPrototypeOf(near, Wrapped.prototype); // as TLS’s is one of its own class
  t.is(writeNow(near, BYTES, 0, 1000), 0);
  const [other] = await connected(t);
  const { write } = other;
  other.write = write;
  t.is(writeNow(other, BYTES, 0, 1000), 0);
});
