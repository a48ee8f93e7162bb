/**
 * What Node itself tells `node:diagnostics_channel` of its sockets and servers, told of ours too: those who
 * trace a program subscribe to it.
 *
 * Node documentation: "Diagnostics Channel", built-in channels: NET, UDP.
 * @module
 */
import { type Channel, channel } from 'node:diagnostics_channel';

const clientSocket: Channel = channel('net.client.socket');
const serverSocket: Channel = channel('net.server.socket');
const listenStart: Channel = channel('tracing:net.server.listen:asyncStart');
const listenEnd: Channel = channel('tracing:net.server.listen:asyncEnd');
const listenError: Channel = channel('tracing:net.server.listen:error');

/** A socket was made by `net.connect`, and has yet to connect. */
export function tellClientSocket(socket: object): void {
  if (clientSocket.hasSubscribers) clientSocket.publish({ socket });
}

/** A socket was accepted, and its server's listeners have it. */
export function tellServerSocket(socket: object): void {
  if (serverSocket.hasSubscribers) serverSocket.publish({ socket });
}

/** `server.listen` was called with `options`. */
export function tellListening(server: object, options: object): void {
  if (listenStart.hasSubscribers) listenStart.publish({ server, options });
}

/** It listens, and will emit `listening`. */
export function tellListens(server: object): void {
  if (listenEnd.hasSubscribers) listenEnd.publish({ server });
}

/** It does not, and will emit `error`. */
export function tellListenFailed(server: object, error: Error): void {
  if (listenError.hasSubscribers) listenError.publish({ server, error });
}
