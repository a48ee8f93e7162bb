/**
 * A program: the world outside of a gateway, for tests that run it in a network namespace of its own.
 *
 * TCP: 80 a site, 7 echo, 9 counts what comes until its end and answers with its length and hash,
 * 19 sends without end, 20 answers its end with 200 kB and no end, 21 with an end and a reset, 1080 a SOCKS5
 * proxy. UDP: 53 a name server that knows every name, 7 echo.
 * @module
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer as createSite } from 'node:http';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import ipaddr from 'ipaddr.js';

/** Resources of the page. */
export const RESOURCES = 60;

/** The text of resource `i`: from 200 bytes to some 300 kB, never twice the same. */
export function resource(i: number): Buffer {
  const length = 200 + ((i * i * 7919) % 300_000);
  const bytes = Buffer.alloc(length);
  let state = i + 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** As much text as the client asks for: `/bytes/1048576`. */
function endless(length: number, write: (piece: Buffer) => boolean, end: () => void): () => void {
  const piece = Buffer.alloc(65_536, 'tunstack');
  let left = length;
  return () => {
    while (left > 0) {
      const n = Math.min(left, piece.length);
      left -= n;
      if (!write(piece.subarray(0, n)) && left > 0) return;
    }
    end();
  };
}

const site = createSite((request, response) => {
  const [, kind = '', number = ''] = (request.url ?? '/').split('/');
  if (kind === 'resource') {
    response.end(resource(Number(number)));
  } else if (kind === 'bytes') {
    const more = endless(
      Number(number),
      (piece) => response.write(piece),
      () => response.end(),
    );
    response.on('drain', more);
    more();
  } else if (kind === '') {
    const tags = Array.from({ length: RESOURCES }, (_, i) => `<img src="/resource/${i}">`);
    response.end(`<!doctype html><title>outside</title>${tags.join('\n')}`);
  } else {
    response.writeHead(404).end('none\n');
  }
});

const echo = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});

const count = createServer({ allowHalfOpen: true }, (socket) => {
  const sum = createHash('sha256');
  let length = 0;
  socket.on('error', () => {});
  socket.on('data', (piece) => {
    sum.update(piece);
    length += piece.length;
  });
  socket.on('end', () => socket.end(`${length} ${sum.digest('hex')}\n`));
});

/** What the endless service has handed to the kernel. */
let given = 0;

const chargen = createServer((socket) => {
  const piece = Buffer.alloc(65_536, 'x');
  socket.on('error', () => {});
  const more = (): void => {
    do given += piece.length;
    while (socket.write(piece));
  };
  socket.on('drain', more);
  more();
});

const silent = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.on('end', () => socket.write(Buffer.alloc(200_000)));
  socket.resume();
});

/** With text unread, so that the kernel resets (RFC 2525 §2.17). */
const resets = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
  socket.on('error', () => {});
  socket.end();
  setTimeout(() => socket.destroy(), 200);
});

/** Answers an A question about any name with 203.0.113.9, others with nothing. RFC 1035 §4. */
function answer(question: Buffer): Buffer {
  let end = 12;
  while ((question[end] ?? 0) !== 0) end += (question[end] as number) + 1; // within, or it is no name
  end += 5;
  const isA = question.readUInt16BE(end - 4) === 1;
  const head = Buffer.from(question.subarray(0, end));
  head.writeUInt16BE(0x8400, 2);
  head.writeUInt16BE(isA ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  if (!isA) return head;
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 9];
  return Buffer.concat([head, Uint8Array.from(record)]);
}

/** An address and a port behind the octet `at` that says which kind it is. RFC 1928 §5. */
function placeIn(message: Buffer, at: number): { address: string; port: number; end: number } {
  const length = message[at] === 4 ? 16 : 4;
  const end = at + 1 + length;
  const address = ipaddr.fromByteArray([...message.subarray(at + 1, end)]).toString();
  return { address, port: message.readUInt16BE(end), end: end + 2 };
}

/** A proxy as RFC 1928 has it, without names. */
function serveSocks(client: Socket): void {
  client.on('error', () => {});
  client.once('data', () => {
    client.write(Uint8Array.of(5, 0));
    client.once('data', (request) => {
      const { address, port } = placeIn(request, 3);
      if (request[1] === 3) associate(client);
      else if (request[1] === 1) dial(client, address, port);
      else client.end(Uint8Array.of(5, 7, 0, 1, 0, 0, 0, 0, 0, 0));
    });
  });
}

function dial(client: Socket, host: string, port: number): void {
  const far = connect({ host, port, allowHalfOpen: true });
  far.on('error', (error: NodeJS.ErrnoException) => {
    client.end(Uint8Array.of(5, error.code === 'ECONNREFUSED' ? 5 : 1, 0, 1, 0, 0, 0, 0, 0, 0));
  });
  far.on('connect', () => {
    client.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    client.pipe(far).pipe(client);
  });
}

function associate(client: Socket): void {
  const near = createSocket('udp6');
  const far = { 4: createSocket('udp4'), 6: createSocket('udp6') };
  let back: { address: string; port: number } | undefined;
  near.on('message', (message, from) => {
    back = from;
    const { address, port, end } = placeIn(message, 3);
    far[isIPv6(address) ? 6 : 4].send(message.subarray(end), port, address);
  });
  for (const socket of Object.values(far)) {
    socket.on('message', (message, from) => {
      const octets = ipaddr.parse(from.address).toByteArray();
      const kind = octets.length === 4 ? 1 : 4;
      const head = Buffer.from([0, 0, 0, kind, ...octets, from.port >> 8, from.port & 255]);
      if (back) near.send(Buffer.concat([head, message]), back.port, back.address);
    });
  }
  near.bind(0, () => {
    const reply = Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    reply.writeUInt16BE(near.address().port, 8);
    client.write(reply);
  });
  client.on('close', () => {
    near.close();
    for (const socket of Object.values(far)) socket.close();
  });
}

function answerOn(port: number, address: string, say: (m: Buffer) => Buffer): Promise<void> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => socket.send(say(message), from.port, from.address));
  return new Promise((done) => socket.bind(port, address, done));
}

/** Start all of it on the addresses that it is told, and say so. */
async function serve(): Promise<void> {
  const proxy = createServer({ allowHalfOpen: true }, serveSocks);
  const servers = [
    [site, 80],
    [echo, 7],
    [count, 9],
    [chargen, 19],
    [silent, 20],
    [resets, 21],
    [proxy, 1080],
  ] as const;
  await Promise.all(
    servers.map(([server, port]) => new Promise<void>((done) => server.listen(port, '::', done))),
  );
  // Each address by itself, so that an answer leaves from where the question went.
  for (const address of process.argv.slice(2)) {
    await answerOn(53, address, answer);
    await answerOn(7, address, (message) => message);
  }
  console.log('ready');
  process.on('SIGUSR2', () => console.log(`given ${given}`));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await serve();
