/**
 * What the first text of a TCP flow says about where it goes: the server name of TLS (RFC 6066 §3), or the host
 * of an HTTP request (RFC 9112 §3.2). It is looked at before it leaves.
 * @module
 */
import type { Duplex } from 'node:stream';
import { HELLO_RECORD, isStrayTls, readHello } from './hello.ts';
import { readHost } from './http.ts';
import type { Said } from './judge.ts';
import type { Opening } from './relay.ts';

/** More than any first text needs: TLS's longest record, or the requests that servers take. */
const LONGEST = 17_408;
/** In so many pieces nobody sends it: each is looked at, and what came before it again. */
const MOST_PIECES = 256;
/** Who says so little in so long a time says no more of itself, in milliseconds. */
const PATIENCE = 10_000;
const LINE_FEED = 10;

/** What the text says, or undefined if more of it is needed. */
export function readSaid(text: Uint8Array): Said | undefined {
  if (text.length === 0) return undefined;
  const said = text[0] === HELLO_RECORD ? readHello(text) : readOther(text);
  if (said !== 'more') return said;
  return text.length >= LONGEST ? unfinished(text) : undefined;
}

function readOther(text: Uint8Array): Said | 'more' {
  const isTls = isStrayTls(text);
  if (isTls === 'more') return 'more';
  return isTls ? { kind: 'tls' } : readHost(text);
}

/**
 * What has begun to say something, and stops: it is what it began as, and says no name. As anything else it would be
 * let go, and say then what it pleases.
 */
function unfinished(text: Uint8Array): Said {
  return { kind: text[0] === HELLO_RECORD || isStrayTls(text) !== false ? 'tls' : 'http' };
}

/** The same of what has ended: a request has a line at least. */
function ended(text: Uint8Array): Said {
  if (text.length === 0) return { kind: 'silent' };
  const said = unfinished(text);
  return said.kind === 'http' && !text.includes(LINE_FEED) ? { kind: 'other' } : said;
}

/** Hear `socket`'s first text; it goes on if `judge` says so. */
export function hear(socket: Duplex, judge: (said: Said) => Promise<boolean>): Opening {
  return (pass) => {
    let text: Uint8Array = new Uint8Array(0);
    let pieces = 0;
    let timer: NodeJS.Timeout | undefined;
    const settle = (said: Said): void => {
      clearTimeout(timer);
      socket.off('readable', look).off('end', end).off('close', gone);
      void judge(said).then((passes) => passes && pass(text));
    };
    const look = (): void => {
      const piece: Buffer | null = socket.read();
      if (piece === null) return;
      text = text.length === 0 ? piece : Buffer.concat([text, piece]);
      timer ??= setTimeout(() => settle(unfinished(text)), PATIENCE).unref();
      const said = readSaid(text);
      if (said !== undefined) settle(said);
      else if (++pieces >= MOST_PIECES) settle(unfinished(text));
    };
    const end = (): void => settle(ended(text));
    const gone = (): void => clearTimeout(timer);
    if (socket.readableEnded) end();
    else socket.on('readable', look).on('end', end).on('close', gone);
  };
}
