/**
 * A program: a client behind a gateway. Its words say what it does; it prints a line of JSON.
 *
 *     half-close ADDRESS PORT TEXT   sends, ends, and tells what comes back
 *     upload ADDRESS PORT BYTES      sends so much, and tells what the server answers, and the hash
 *     hold ADDRESS PORT COUNT        opens so many connections, says so, and holds them until told
 *     slow ADDRESS PORT              connects and reads nothing
 *     udp ADDRESS PORT SIZE          sends a datagram, and tells how many bytes came back, or the error
 *     udp-flows ADDRESS PORT COUNT   sends a datagram from each of so many ports, and tells how many were answered
 *     refused ADDRESS PORT           connects, and tells how that failed, and after how many ms
 *     reset ADDRESS PORT             connects, sends a word and resets
 *     half-reset ADDRESS PORT        connects, ends, and resets when there is an answer, which it does not read
 *     half-hold ADDRESS PORT         connects, sends a word, says how it ends, and neither ends nor writes
 * @module
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6, type Socket } from 'node:net';

const [verb = '', host = '', port = '', rest = ''] = process.argv.slice(2);
const say = (what: unknown): void => console.log(JSON.stringify(what));
const open = (): Socket => connect({ host, port: Number(port), allowHalfOpen: true });

async function all(socket: Socket): Promise<string> {
  let text = '';
  for await (const piece of socket.setEncoding('latin1')) text += piece;
  return text;
}

async function upload(): Promise<void> {
  const piece = Buffer.alloc(1 << 20);
  for (let i = 0; i < piece.length; i++) piece[i] = (i * 2_654_435_761) >>> 24;
  const sum = createHash('sha256');
  const socket = open();
  const answer = all(socket);
  for (let left = Number(rest), n = 0; left > 0; left -= piece.length) {
    piece.writeUInt32BE(n++, 0); // no two alike
    const part = piece.subarray(0, Math.min(left, piece.length));
    sum.update(part);
    const room = socket.write(Buffer.from(part));
    if (!room) await once(socket, 'drain');
  }
  socket.end();
  say({ answer: (await answer).trim(), hash: sum.digest('hex') });
}

async function hold(): Promise<void> {
  const sockets: Socket[] = [];
  for (let i = 0; i < Number(rest); i += 100) {
    const some = Array.from({ length: Math.min(100, Number(rest) - i) }, open);
    await Promise.all(some.map((socket) => once(socket, 'connect')));
    sockets.push(...some);
  }
  say({ open: sockets.length });
  await once(process, 'SIGUSR2');
  // Each of them still carries text.
  let alive = 0;
  await Promise.all(
    sockets.map(async (socket, i) => {
      socket.end(`flow ${i}`);
      if ((await all(socket)) === `flow ${i}`) alive++;
    }),
  );
  say({ alive });
}

async function udp(): Promise<void> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.connect(Number(port), host);
  await once(socket, 'connect');
  const answer = once(socket, 'message');
  socket.send(Buffer.alloc(Number(rest), 'd'));
  try {
    const [message] = await answer;
    say({ length: message.length });
  } catch (error) {
    say({ code: (error as NodeJS.ErrnoException).code });
  }
  socket.close();
}

async function udpFlows(): Promise<void> {
  let answered = 0;
  for (let i = 0; i < Number(rest); i++) {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    socket.connect(Number(port), host);
    await once(socket, 'connect');
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(2000) });
    socket.send('x');
    await answer.then(
      () => answered++,
      () => {},
    );
    socket.on('error', () => {});
  }
  say({ answered });
  process.exit();
}

/** The first time is that of finding the way, of which there are more. */
async function refused(): Promise<void> {
  const tries = 5;
  const times: number[] = [];
  let code: unknown;
  for (let i = 0; i < tries; i++) {
    const began = performance.now();
    code = await once(open(), 'connect').then(
      () => 'connected',
      (error: NodeJS.ErrnoException) => error.code,
    );
    times.push(performance.now() - began);
  }
  say({ code, ms: Math.max(...times.slice(1)) });
}

const verbs: Readonly<Record<string, () => Promise<void>>> = {
  'half-close': async () => {
    const socket = open();
    const answer = all(socket);
    socket.end(rest);
    say({ answer: await answer });
  },
  upload,
  hold,
  slow: async () => {
    const socket = open();
    await once(socket, 'connect');
    socket.pause();
    say({ open: 1 });
    await once(process, 'SIGUSR2');
    process.exit();
  },
  udp,
  'udp-flows': udpFlows,
  refused,
  reset: async () => {
    const socket = open();
    await once(socket, 'connect');
    socket.write('word');
    await once(socket, 'data');
    socket.resetAndDestroy();
    say({ reset: true });
  },
  'half-reset': async () => {
    const socket = open();
    socket.end('word');
    await once(socket, 'readable');
    socket.destroy(); // with text unread, so that the kernel resets (RFC 2525 §2.17)
    say({ reset: true });
  },
  'half-hold': async () => {
    const socket = open();
    socket.write('word');
    await once(socket.resume(), 'end');
    say({ ended: true });
    setInterval(() => {}, 1000); // a socket that neither reads nor writes holds no process
    await once(process, 'SIGUSR2');
    socket.write('more');
    const [error] = await once(socket, 'error');
    say({ code: error.code });
    process.exit();
  },
};

try {
  await verbs[verb]?.();
} catch (error) {
  say({ code: (error as NodeJS.ErrnoException).code });
}
