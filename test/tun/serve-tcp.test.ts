/**
 * `tunstack serve` over TCP, with the kernel's TCP as the client.
 * @module
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { tunTest } from './namespace.ts';
import { serve } from './serving.ts';

const MEBIBYTE = 1 << 20;

/** A mebibyte that has no period that a lost or doubled segment could hide in. */
function pattern(seed: number): Buffer {
  const block = Buffer.alloc(MEBIBYTE);
  let state = seed | 1;
  for (let i = 0; i < MEBIBYTE; i += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    block.writeInt32LE(state, i);
  }
  return block;
}

/** Send `count` times the block and say the end; what comes back, as length and hash. */
async function echo(address: string, block: Buffer, count: number): Promise<string> {
  const socket = connect({ port: 7, host: address, allowHalfOpen: true });
  const hash = createHash('sha256');
  let length = 0;
  const sending = (async () => {
    for (let i = 0; i < count; i++) {
      if (!socket.write(block)) await once(socket, 'drain');
    }
    socket.end();
  })();
  for await (const piece of socket as AsyncIterable<Buffer>) {
    hash.update(piece);
    length += piece.length;
  }
  await sending;
  return `${length} ${hash.digest('hex')}`;
}

/** What `echo` should give. */
function expected(block: Buffer, count: number): string {
  const hash = createHash('sha256');
  for (let i = 0; i < count; i++) hash.update(block);
  return `${block.length * count} ${hash.digest('hex')}`;
}

/** All that arrives until the end. */
async function everything(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

tunTest('serve: 100 MiB through the TCP echo come back identical', async (t) => {
  const { address } = await serve(t);
  const block = pattern(1);
  const started = process.hrtime.bigint();
  t.is(await echo(address, block, 100), expected(block, 100));
  t.log(`100 MiB there and back in ${(process.hrtime.bigint() - started) / 1_000_000n} ms`);
});

tunTest('serve: 100 connections of 1 MiB at once come back identical', async (t) => {
  const { address } = await serve(t);
  const blocks = Array.from({ length: 100 }, (_, i) => pattern(i * 2 + 1));
  const answers = await Promise.all(blocks.map((block) => echo(address, block, 1)));
  t.deepEqual(
    answers,
    blocks.map((block) => expected(block, 1)),
  );
});

tunTest('serve: daytime says the time and hangs up', async (t) => {
  const { address } = await serve(t);
  const text = (await everything(connect(13, address))).toString();
  t.regex(text, /^[A-Z][a-z]+day, [A-Z][a-z]+ \d+, \d{4} \d\d:\d\d:\d\d-UTC\r\n$/);
});

tunTest('serve: chargen sends its pattern for as long as it is wanted', async (t) => {
  const { address } = await serve(t);
  const socket = connect(19, address);
  let length = 0;
  let first = '';
  for await (const piece of socket as AsyncIterable<Buffer>) {
    first ||= piece.toString('latin1');
    length += piece.length;
    if (length > 4 * MEBIBYTE) break; // which destroys the socket
  }
  t.true(first.startsWith(' !"#$%&\'()*+,-./0123'));
});

tunTest('serve: discard takes 10 MiB and says nothing', async (t) => {
  const { address } = await serve(t);
  const socket = connect({ port: 9, host: address, allowHalfOpen: true });
  socket.end(Buffer.alloc(10 * MEBIBYTE));
  t.is((await everything(socket)).length, 0);
});

tunTest('serve: it ends cleanly while connections are open', async (t) => {
  const { running, address } = await serve(t);
  const socket = connect(7, address);
  socket.on('error', () => {}); // a reset is as good as an end
  await once(socket, 'connect');
  socket.write('still here');
  await once(socket, 'data');
  const { code, err } = await running.stop();
  t.is(code, 0, err);
  t.is(err, '');
  socket.destroy();
});
