/**
 * The services on the callback interface: no streams, no copies, nothing allocated a segment.
 * @module
 */
import type { Connection, ConnectionHandler, Stack, UdpHandler } from '../../src/index.ts';
import { Port } from './protocol.ts';

const zeros = new Uint8Array(256 * 1024);
const BACKLOG = 4096;

const discard: ConnectionHandler = {
  data: () => {},
  end: (connection) => connection.close(),
};

const pump = (connection: Connection): void => {
  while (connection.write(zeros, 0, zeros.length) === zeros.length);
};

const source: ConnectionHandler = {
  writable: pump,
  end: (connection) => connection.close(),
};

/** What could not be written at once waits as the connection's context, and nothing more is read. */
const echo: ConnectionHandler = {
  data(connection, bytes, at, length) {
    const taken = connection.writeCopy(bytes, at, length);
    if (taken === length) return;
    connection.context = bytes.slice(at + taken, at + length);
    connection.pause();
  },
  writable(connection) {
    const rest = connection.context as Uint8Array | undefined; // only `data` sets it
    if (rest === undefined) return;
    const taken = connection.writeCopy(rest, 0, rest.length);
    connection.context = taken < rest.length ? rest.subarray(taken) : undefined;
    if (connection.context === undefined) connection.resume();
  },
  end: (connection) => connection.close(),
};

/** Answers from the packet that the question came in. */
const udpEcho: UdpHandler = {
  message(socket, bytes, at, length, address, port) {
    socket.send(bytes, at, length, address, port);
  },
};

/** `accepted` hears of each connection. */
export function serveCallbacks(
  stack: Stack,
  address: string,
  accepted: () => void = () => {},
): void {
  const serve = (port: number, handler: ConnectionHandler): void => {
    const settings = { noDelay: true };
    stack.tcp.createListener({ port, address, backlog: BACKLOG, settings }, () => {
      accepted();
      return handler;
    });
  };
  serve(Port.DISCARD, discard);
  serve(Port.ECHO, echo);
  stack.udp.createSocket({ port: Port.ECHO, address }, udpEcho);
  stack.tcp.createListener({ port: Port.SOURCE, address, backlog: BACKLOG }, (connection) => {
    accepted();
    pump(connection);
    return source;
  });
}
