/**
 * What is written together leaves together: text that is corked, and the header and body of an answer over
 * http, are one segment, as what a kernel is given by one `writev`.
 *
 * Node documentation: "writable.cork()", "response.end()"; RFC 9293 §3.9.1 (SEND).
 * @module
 */
import type * as http from 'node:http';
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Stack } from '../../../src/index.ts';
import { listening, makePair, next, RIGHT, rounds } from '../worlds.ts';

/** The lengths of the text in what `right` sends while `talk` runs. */
async function segments(
  t: ExecutionContext,
  talk: (left: Stack, right: Stack) => Promise<void>,
): Promise<number[]> {
  const { left, right, close } = makePair();
  t.teardown(close);
  const lengths: number[] = [];
  right.hook('output', (packet) => {
    const bytes = packet.bytes.subarray(packet.at, packet.at + packet.length);
    const header = ((bytes[0] as number) & 15) * 4;
    const text = bytes.length - header - ((bytes[header + 12] as number) >> 4) * 4;
    if (bytes[9] === 6 && text > 0) lengths.push(text);
  });
  await talk(left, right);
  return lengths;
}

const SPEECHES: Record<string, (socket: Socket) => Promise<void> | void> = {
  'corked over several rounds': async (socket) => {
    socket.cork();
    for (const text of ['one', 'two', 'three']) {
      socket.write(text);
      await rounds(2);
    }
    socket.uncork();
    socket.end();
  },
  'written in one tick': (socket) => {
    for (const text of ['one', 'two', 'three']) socket.write(text);
    socket.end();
  },
};

for (const [name, speak] of Object.entries(SPEECHES)) {
  test(`cork: text ${name} is one segment`, async (t) => {
    const lengths = await segments(t, async (left, right) => {
      const server = right.net.createServer((socket) => void speak(socket));
      const port = await listening(server, RIGHT);
      await next(left.net.connect(port, RIGHT).resume(), 'close');
    });
    t.deepEqual(lengths, [11]);
  });
}

const ANSWERS: Record<string, http.RequestListener> = {
  'end alone': (_request, response) => response.end('hello'),
  'a header, a write and the end': (_request, response) => {
    response.writeHead(200, { 'content-length': '5' });
    response.write('hel');
    response.end('lo');
  },
  'chunks in one tick': (_request, response) => {
    response.write('hel');
    response.write('lo');
    response.end();
  },
};

for (const [name, answer] of Object.entries(ANSWERS)) {
  test(`cork: an http answer by ${name} is one segment, header and all`, async (t) => {
    const lengths = await segments(t, async (left, right) => {
      const server = right.http.createServer(answer);
      await new Promise<void>((done) => server.listen(80, RIGHT, done));
      const response = await new Promise<http.IncomingMessage>((done) =>
        left.http.get({ host: RIGHT, agent: false }, done),
      );
      await next(response.resume(), 'end');
      server.close();
    });
    t.is(lengths.length, 1, lengths.join());
  });
}
