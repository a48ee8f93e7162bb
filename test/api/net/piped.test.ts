/**
 * Text that goes from one socket into another by `pipe` alone takes the short way, and nobody can tell but by the time:
 * order, back-pressure, counters and the end are those of the streams, and whoever looks sees all of it.
 *
 * Node documentation: `readable.pipe()`, `readable.unpipe()`, `writable.write()`, "Buffering".
 */
import test, { type ExecutionContext } from 'ava';
import type { Socket } from '../../../src/index.ts';
import { Inflow } from '../../../src/stack/host/inflow.ts';
import { Ear, pour, text } from '../placed.ts';
import { LEFT, makePair, next, RIGHT, rounds, until } from '../worlds.ts';

const KIB = 1024;
const TOTAL = 4 * KIB * KIB;

let buffered = 0;
const { add } = Inflow.prototype;
/** Counts the text that buffers are made of. */
Inflow.prototype.add = function count(this: Inflow, ...args): void {
  buffered += args[3];
  add.apply(this, args);
};

/** A client, the two sockets of who stands between, and the server at the far end. */
interface Way {
  readonly client: Socket;
  readonly from: Socket;
  readonly to: Socket;
  readonly far: Socket;
}

/** Buffers that are full before all is sent. */
const SMALL = { sendBufferMax: 512 * KIB, receiveBufferMax: 512 * KIB };
/** A send buffer that has room for all of it. */
const LARGE = { sendBuffer: 2 * TOTAL };

async function way(t: ExecutionContext, tcp: object = SMALL): Promise<Way> {
  const pair = makePair({ tcp }, { offload: true });
  t.teardown(() => pair.close());
  const between = pair.right.net.createServer().listen(7);
  const end = pair.left.net.createServer().listen(8);
  const client = pair.left.net.connect({ port: 7, host: RIGHT, zeroCopy: true });
  const [from] = (await next(between, 'connection')) as [Socket];
  const to = pair.right.net.connect(8, LEFT);
  const [far] = (await next(end, 'connection')) as [Socket];
  await until(() => !client.connecting && !to.connecting);
  return { client, from, to, far };
}

/** What a socket hears from now on. */
function hearing(socket: Socket): Ear {
  const ear = new Ear();
  socket.on('data', ear.hear);
  return ear;
}

test.serial('pipe: between two sockets no buffer is made for what both take', async (t) => {
  const { client, from, to, far } = await way(t, LARGE);
  from.pipe(to);
  await pour(client, text.length); // the first text makes the stream a stream that was read from
  far.resume();
  await until(() => far.bytesRead === text.length);
  const before = buffered;
  const ended = next(far, 'end');
  await pour(client, TOTAL);
  client.end();
  await ended;
  t.is(far.bytesRead, text.length + TOTAL);
  t.is(from.bytesRead, text.length + TOTAL);
  t.is(to.bytesWritten, text.length + TOTAL);
  t.is(buffered - before, 0);
});

test.serial(
  'pipe: all arrives in order where the far end is slow, and the sender is held up',
  async (t) => {
    const { client, from, to, far } = await way(t);
    from.pipe(to);
    const heard = hearing(far);
    far.pause();
    let isSent = false;
    const sent = pour(client, TOTAL).then(() => {
      isSent = true;
    });
    await rounds(200);
    t.false(isSent);
    t.true(from.bytesRead < TOTAL);
    for (let i = 0; i < 50; i++) {
      far.resume();
      await rounds(1);
      far.pause();
      await rounds(1);
    }
    far.resume();
    await sent;
    await until(() => heard.bytes === TOTAL);
    t.true(heard.right);
  },
);

test.serial('pipe: no more is taken from the sender than the far end has room for', async (t) => {
  const { client, from, to, far } = await way(t, { sendBufferMax: 512 * KIB });
  from.pipe(to);
  const heard = hearing(far);
  const wide = 32 * text.length; // so that the windows are
  await pour(client, wide);
  await until(() => heard.bytes === wide);
  far.pause();
  void pour(client, 4 * wide);
  const acked = (): number => client.info()?.bytesAcked ?? 0;
  for (let before = -1; acked() > before; await rounds(100)) before = acked();
  const waits = acked() - (from.info()?.bytesReceived ?? 0);
  t.true(waits < 128 * KIB, `${waits} wait`);
  t.true((to.info()?.sndWnd ?? 0) < 2000, 'the far end takes no more');
  far.resume();
  await until(() => heard.bytes === 5 * wide);
  t.true(heard.right);
});

test.serial('pipe: who listens besides hears all from then on', async (t) => {
  const { client, from, to, far } = await way(t);
  from.pipe(to);
  const heard = hearing(far);
  await pour(client, text.length);
  await until(() => heard.bytes === text.length);
  let besides = 0;
  from.on('data', (chunk: Buffer) => {
    besides += chunk.length;
  });
  await pour(client, text.length);
  await until(() => heard.bytes === 2 * text.length);
  t.is(besides, text.length);
  t.true(heard.right);
});

test.serial(
  'pipe: who puts a function over the target’s write sees all that is written',
  async (t) => {
    const { client, from, to, far } = await way(t);
    const { write } = to;
    let seen = 0;
    to.write = ((chunk: Buffer, ...more: []) => {
      seen += chunk.length;
      return write.call(to, chunk, ...more);
    }) as Socket['write'];
    from.pipe(to);
    far.resume();
    await pour(client, 2 * text.length);
    await until(() => far.bytesRead === 2 * text.length);
    t.is(seen, 2 * text.length);
  },
);

test.serial(
  'pipe: what was written to the target before goes before, and what is written later behind',
  async (t) => {
    const { client, from, to, far } = await way(t);
    from.pipe(to);
    let heard = '';
    far.setEncoding('latin1').on('data', (piece: string) => {
      heard += piece;
    });
    for (const [i, word] of ['one ', 'two ', 'three '].entries()) {
      client.write(word);
      await until(() => heard.endsWith(word));
      to.write(`${i} `);
    }
    await until(() => heard.length === 20);
    t.is(heard, 'one 0 two 1 three 2 ');
    to.cork();
    to.write('before ');
    client.write('behind');
    await rounds(20);
    to.uncork();
    await until(() => heard.length === 33);
    t.is(heard.slice(20), 'before behind');
  },
);

test.serial('pipe: after `unpipe` nothing more goes that way', async (t) => {
  const { client, from, to, far } = await way(t);
  from.pipe(to);
  const heard = hearing(far);
  await pour(client, 2 * text.length);
  await until(() => heard.bytes === 2 * text.length);
  from.unpipe(to);
  const kept: Buffer[] = [];
  from.on('data', (chunk: Buffer) => kept.push(chunk));
  from.resume();
  client.write('kept');
  await until(() => kept.length > 0);
  await rounds(20);
  t.is(Buffer.concat(kept).toString(), 'kept');
  t.is(heard.bytes, 2 * text.length);
});

test.serial('pipe: a target that was destroyed takes nothing more', async (t) => {
  const { client, from, to, far } = await way(t);
  from.pipe(to);
  far.resume();
  far.on('error', () => {});
  to.on('error', () => {});
  await pour(client, text.length);
  await until(() => far.bytesRead === text.length);
  to.destroy();
  await rounds(20);
  client.write('late');
  await rounds(20);
  t.is(far.bytesRead, text.length);
  t.is(from.listenerCount('data'), 0);
});

/** What is piped, and so much behind it that the far end, which rests, has no room, and nothing more is offered. */
async function shut(t: ExecutionContext): Promise<Way> {
  const all = await way(t, { sendBufferMax: 512 * KIB });
  const { client, from, to, far } = all;
  from.pipe(to);
  far.resume();
  await pour(client, text.length);
  await until(() => far.bytesRead === text.length);
  far.pause();
  void pour(client, 2 * TOTAL);
  for (let before = -1; from.bytesRead > before; await rounds(100)) before = from.bytesRead;
  return all;
}

test.serial(
  'pipe: a reader beside it has the text for which the far end has no room',
  async (t) => {
    const { from } = await shut(t);
    let heard = 0;
    from.on('readable', () => {
      heard += (from.read() as Buffer | null)?.length ?? 0;
    });
    await until(() => heard > TOTAL);
    t.pass();
  },
);

test.serial(
  'pipe: who takes all listeners off loses the text, has it with one of their own, and the target has none',
  async (t) => {
    const { client, from, to, far } = await shut(t);
    const before = to.bytesWritten;
    from.removeAllListeners('data');
    from.resume();
    await until(() => from.bytesRead === text.length + 2 * TOTAL);
    far.resume();
    await until(() => to.writableLength === 0);
    let heard = '';
    from.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    client.write('own');
    await until(() => heard === 'own');
    t.is(to.bytesWritten, before);
  },
);
