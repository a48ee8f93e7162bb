/**
 * Memory that Node's engines make for one write goes when it was read, and nothing else does; and who has only
 * looked for a socket's handle does not read by it.
 *
 * Node documentation: "new tls.TLSSocket(socket[, options])"; HTML, "StructuredSerializeWithTransfer".
 */
import { Duplex } from 'node:stream';
import test from 'ava';
import { cert, key } from '../../../examples/certificate.ts';
import type { Socket } from '../../../src/index.ts';
import { type HandleOwner, SocketHandle, type Works } from '../../../src/stack/api/net/handle.ts';
import { SHORTEST, spend } from '../../../src/stack/api/net/spent.ts';
import { makePair, next, RIGHT, rounds, until } from '../worlds.ts';

const ENOUGH = 32;

/** By which an engine writes. */
interface Written {
  onwrite(request: object, chunks: readonly Buffer[]): number;
}

const lengths = (arrays: readonly Uint8Array[]): number[] => arrays.map(({ length }) => length);

test.serial('spent: memory goes when enough of it waits', (t) => {
  const arrays = Array.from({ length: ENOUGH }, () => new Uint8Array(SHORTEST));
  arrays.forEach(spend);
  t.deepEqual(new Set(lengths(arrays)), new Set([0]));
});

test.serial('spent: what is short is left to the collector', (t) => {
  const arrays = Array.from({ length: ENOUGH }, () => new Uint8Array(SHORTEST - 1));
  arrays.forEach(spend);
  t.deepEqual(new Set(lengths(arrays)), new Set([SHORTEST - 1]));
});

test.serial('spent: memory of which others may have views stays', (t) => {
  const memory = new ArrayBuffer(SHORTEST + 1);
  for (let i = 0; i < ENOUGH; i++) spend(new Uint8Array(memory, 1));
  t.is(memory.byteLength, SHORTEST + 1);
});

test.serial('spent: what TLS sends arrives whole, though its memory goes', async (t) => {
  const body = Buffer.from(Array.from({ length: 4 << 20 }, (_, i) => i % 251));
  const pair = makePair({}, { offload: true });
  const server = pair.right.tls.createServer({ key, cert }, (socket) => socket.end(body)).listen(7);
  await next(server, 'listening');
  const client = pair.left.tls.connect({ port: 7, host: RIGHT, rejectUnauthorized: false });
  const came: Buffer[] = [];
  for await (const chunk of client) came.push(chunk as Buffer);
  t.true(Buffer.concat(came).equals(body));
  await pair.close();
});

test.serial(
  'handles: of what is taken by half the rest arrives, though its memory goes',
  async (t) => {
    await import('node:tls'); // or nothing would want a handle
    const chunk = Buffer.alloc(2 * SHORTEST, 'first');
    chunk.fill('rest', SHORTEST);
    const came: Buffer[] = [];
    const socket = new Duplex({
      read() {},
      write: (rest: Buffer, _encoding, done) => {
        spend(chunk); // its first half has been acknowledged by now
        for (let i = 1; i < ENOUGH; i++) spend(new Uint8Array(SHORTEST));
        came.push(Buffer.from(rest));
        done();
      },
    }) as Duplex & HandleOwner;
    const works = { copies: true, write: () => SHORTEST, failure: () => undefined };
    const handle = SocketHandle.of(socket, works as unknown as Works);
    // Node's own stream would look for an engine behind the request.
    const native = Object.assign(handle?.native ?? {}, { finishWrite: () => {} });
    (native as unknown as Written).onwrite({}, [chunk]);
    await rounds(2);
    t.is(chunk.length, 0);
    t.is(Buffer.concat(came).toString(), 'rest'.repeat(SHORTEST / 4));
  },
);

/** Two records of TLS, which an engine would be given one by one. */
const records = Buffer.from([23, 3, 3, 0, 1, 7, 23, 3, 3, 0, 1, 8]);

test.serial(
  'handles: who only looks for one leaves the socket what comes, as it comes',
  async (t) => {
    await import('node:tls'); // or nothing would want a handle
    const pair = makePair();
    const server = pair.right.net.createServer().listen(7);
    const client = pair.left.net.connect({ port: 7, host: RIGHT });
    const [accepted] = (await next(server, 'connection')) as [Socket];
    await until(() => !client.connecting);
    t.truthy(accepted._handle);
    const came: Buffer[] = [];
    accepted.on('data', (chunk: Buffer) => came.push(chunk));
    client.write(records);
    await until(() => came.length > 0);
    await rounds(3);
    t.deepEqual(came, [records]);
    await pair.close();
  },
);
