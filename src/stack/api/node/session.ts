/**
 * HTTP/2 sessions over sockets of the stack: what a session tells in its ticks comes before the text that
 * follows, as it does over the kernel's sockets.
 *
 * Node documentation: "Class: ClientHttp2Stream", event `response`.
 * @module
 */
import type { ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { catchUp } from '../net/handle.ts';

let done = false;

/** Let streams have what was told before their text. All streams of Node are of the same class. */
function keepOrder(stream: object): void {
  const { prototype } = Object.getPrototypeOf(Object.getPrototypeOf(stream)).constructor as {
    prototype: Duplex;
  };
  const { push } = prototype;
  prototype.push = function pushInOrder(this: Duplex, chunk: unknown, encoding?: BufferEncoding) {
    if (chunk !== null) catchUp();
    return push.call(this, chunk, encoding);
  };
}

/** To be called for each session of a client; gives it back. */
export function inOrder(session: ClientHttp2Session): ClientHttp2Session {
  if (done) return session;
  // The class is nowhere to be had but from a stream.
  const request: ClientHttp2Session['request'] = (...args) => {
    delete (session as { request?: unknown }).request;
    const stream = session.request(...args);
    if (!done) keepOrder(stream);
    done = true;
    return stream;
  };
  return Object.defineProperty(session, 'request', { value: request, configurable: true });
}
