/**
 * DNS over TCP: messages with their length before them, several on one connection. A guest has a bound of
 * connections, of questions that wait, and of silence. RFC 7766.
 * @module
 */
import type { Server, Socket, Stack } from '../../index.ts';

/** The answer to a message from a guest; undefined: the connection is not for us. */
export type Answerer = (message: Uint8Array, guest: string) => Promise<Uint8Array | undefined>;

/** Connections at once, over all guests and of one of them. */
const MOST = 256;
const MOST_EACH = 16;
/** Questions of one connection that wait. */
const WAITING = 16;
/** Milliseconds of silence. RFC 7766 §6.2.3 leaves it to the server, and asks for seconds. */
const IDLE = 10_000;
const LENGTH = 2;

/** A server that does not listen yet; guests whom `countedAs` calls the same share their bound. */
export function serveTcp(
  stack: Stack,
  countedAs: (guest: string) => string,
  answer: Answerer,
): Server {
  const each = new Map<string, number>();
  const server = stack.net.createServer({ noDelay: true }, (socket) => {
    // At a server of both families one of IPv4 is in IPv6's clothes (RFC 4291 §2.5.5.2).
    const from = (socket.remoteAddress ?? '').replace(/^::ffff:(?=[\d.]+$)/i, '');
    const guest = countedAs(from);
    const count = (each.get(guest) ?? 0) + 1;
    socket.on('error', () => {});
    if (count > MOST_EACH) {
      socket.resetAndDestroy();
      return;
    }
    each.set(guest, count);
    socket.on('close', () => {
      const left = (each.get(guest) ?? 1) - 1;
      if (left > 0) each.set(guest, left);
      else each.delete(guest);
    });
    socket.setTimeout(IDLE, () => socket.destroy());
    void serveOne(socket, (message) => answer(message, from));
  });
  server.maxConnections = MOST;
  return server;
}

async function serveOne(
  socket: Socket,
  answer: (message: Uint8Array) => Promise<Uint8Array | undefined>,
): Promise<void> {
  let got = Buffer.alloc(0);
  const waiting = new Set<Promise<void>>();
  const reply = async (message: Uint8Array): Promise<void> => {
    const bytes = await answer(message);
    if (bytes === undefined || socket.destroyed) {
      socket.destroy();
      return;
    }
    const framed = Buffer.alloc(LENGTH + bytes.length);
    framed.writeUInt16BE(bytes.length);
    framed.set(bytes, LENGTH);
    socket.write(framed);
  };
  try {
    for await (const piece of socket) {
      got = got.length === 0 ? piece : Buffer.concat([got, piece]);
      while (got.length >= LENGTH && got.length >= LENGTH + got.readUInt16BE(0)) {
        const end = LENGTH + got.readUInt16BE(0);
        const message = Uint8Array.from(got.subarray(LENGTH, end));
        got = got.subarray(end);
        const one = reply(message).catch(() => {
          socket.destroy();
        });
        waiting.add(one);
        void one.then(() => waiting.delete(one));
        // Who does not read its answers asks no more: the window closes.
        if (waiting.size >= WAITING) await Promise.race(waiting);
        if (socket.writableNeedDrain) await drained(socket);
      }
    }
    await Promise.all(waiting);
    socket.end();
  } catch {
    // It was reset, or silent for too long.
  }
}

const drained = (socket: Socket): Promise<void> =>
  new Promise((done) => {
    const end = (): void => {
      socket.off('drain', end).off('close', end);
      done();
    };
    socket.once('drain', end).once('close', end);
  });
