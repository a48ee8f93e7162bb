/**
 * What the first text of a TCP flow says about where it goes: the server name of TLS (RFC 6066 §3), or the host
 * of an HTTP request (RFC 9112 §3.2). It is looked at before it leaves.
 * @module
 */
import type { Duplex } from 'node:stream';
import { HELLO_RECORD, readHello } from './hello.ts';
import { readHost } from './http.ts';
import type { Said } from './judge.ts';
import type { Opening } from './relay.ts';

/** More than any first text needs: TLS's longest record, or the requests that servers take. */
const LONGEST = 17_408;
/** Who says so little in so long a time, in milliseconds, has said nothing. */
const PATIENCE = 10_000;

/** What the text says, or undefined if more of it is needed. */
export function readSaid(text: Uint8Array): Said | undefined {
  if (text.length === 0) return undefined;
  if (text[0] === HELLO_RECORD) {
    const hello = readHello(text);
    if (hello !== 'more') return hello;
  } else {
    const host = readHost(text);
    if (host !== 'more') return host;
  }
  return text.length >= LONGEST ? { kind: 'other' } : undefined;
}

/** Hear `socket`'s first text; it goes on if `judge` says so. */
export function hear(socket: Duplex, judge: (said: Said) => Promise<boolean>): Opening {
  return (pass) => {
    let text: Uint8Array = new Uint8Array(0);
    let timer: NodeJS.Timeout | undefined;
    const settle = (said: Said): void => {
      clearTimeout(timer);
      socket.off('readable', look).off('end', ended).off('close', gone);
      void judge(said).then((passes) => passes && pass(text));
    };
    const look = (): void => {
      const piece: Buffer | null = socket.read();
      if (piece === null) return;
      text = text.length === 0 ? piece : Buffer.concat([text, piece]);
      timer ??= setTimeout(() => settle({ kind: 'other' }), PATIENCE).unref();
      const said = readSaid(text);
      if (said !== undefined) settle(said);
    };
    const ended = (): void => settle({ kind: text.length === 0 ? 'silent' : 'other' });
    const gone = (): void => clearTimeout(timer);
    if (socket.readableEnded) ended();
    else socket.on('readable', look).on('end', ended).on('close', gone);
  };
}
