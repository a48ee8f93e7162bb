/**
 * Strings that are written, where there is no room for all of them. Node documentation: "writable.write()".
 * @module
 */
import test from 'ava';
import { listening, makePair, next, RIGHT } from '../worlds.ts';

for (const [name, size] of [
  ['short', 5000],
  ['long', 100_000],
] as const) {
  test(`written: a ${name} string that finds no room follows when there is some`, async (t) => {
    const { left, right, close } = makePair({ tcp: { sendBuffer: 4096, sendBufferMax: 4096 } });
    t.teardown(close);
    const server = right.net.createServer((socket) => socket.pause());
    const accepted = next(server, 'connection');
    const port = await listening(server, RIGHT);
    const socket = left.net.connect(port, RIGHT);
    await next(socket, 'connect');
    const [peer] = (await accepted) as [import('node:net').Socket];
    const text = 'é'.repeat(size);
    let called = false;
    socket.write(text, () => {
      called = true;
    });
    t.false(called);
    t.is(socket.bytesWritten, 2 * size);
    socket.end();
    let came = '';
    peer.setEncoding('utf8');
    for await (const piece of peer) came += piece;
    t.is(came, text);
    t.true(called);
    t.is(socket.bytesWritten, 2 * size);
  });
}
