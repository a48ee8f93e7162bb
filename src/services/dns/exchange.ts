/**
 * One question to one resolver, by sockets of this host: a socket of its own for each, so that who would forge
 * an answer has to guess its port and its number (RFC 5452 §9.2); what does not answer the question is not
 * listened to. An answer that was cut is asked for again over TCP (RFC 7766 §5).
 * @module
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { answers, Flag, viewOf } from './wire.ts';

/** Where a resolver is. */
export interface Resolver {
  readonly address: string;
  readonly port: number;
}

/** What of an exchange is counted by who began it. */
export interface ExchangeEvents {
  /** A datagram, or a message over TCP, that is no answer to what was asked. */
  unasked(): void;
}

/** Asks a resolver; rejects with a code of Node's, `ETIMEDOUT` after `patience` milliseconds. */
export type Exchange = (
  resolver: Resolver,
  query: Uint8Array,
  patience: number,
  events: ExchangeEvents,
) => Promise<Uint8Array>;

/** So much may come that is no answer before an exchange is given up: somebody guesses. */
const MOST_UNASKED = 64;

const failed = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`the resolver failed: ${code}`), { code });

/** Over UDP, and again over TCP if the answer is cut. */
export const exchange: Exchange = async (resolver, query, patience, events) => {
  const answer = await overUdp(resolver, query, patience, events);
  const isCut = (viewOf(answer).getUint16(2) & Flag.TC) !== 0;
  return isCut ? overTcp(resolver, query, patience, events) : answer;
};

function overUdp(
  { address, port }: Resolver,
  query: Uint8Array,
  patience: number,
  events: ExchangeEvents,
): Promise<Uint8Array> {
  return new Promise((done, fail) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    let unasked = 0;
    const end = (then: () => void): void => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      then();
    };
    const timer = setTimeout(() => end(() => fail(failed('ETIMEDOUT'))), patience);
    socket.on('error', (error) => end(() => fail(error)));
    socket.on('message', (message) => {
      if (answers(message, query)) {
        end(() => done(message));
        return;
      }
      events.unasked();
      if (++unasked >= MOST_UNASKED) end(() => fail(failed('EPROTO')));
    });
    // Connected, so that the kernel hears nobody else, and tells who is not there.
    socket.connect(port, address, () => socket.send(query));
  });
}

function overTcp(
  { address, port }: Resolver,
  query: Uint8Array,
  patience: number,
  events: ExchangeEvents,
): Promise<Uint8Array> {
  return new Promise((done, fail) => {
    const socket = connect({ host: address, port, noDelay: true });
    const framed = Buffer.alloc(2 + query.length);
    framed.writeUInt16BE(query.length);
    framed.set(query, 2);
    let got = Buffer.alloc(0);
    const end = (then: () => void): void => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {});
      socket.destroy();
      then();
    };
    const timer = setTimeout(() => end(() => fail(failed('ETIMEDOUT'))), patience);
    socket.on('error', (error) => end(() => fail(error)));
    socket.on('end', () => end(() => fail(failed('ECONNRESET'))));
    socket.on('connect', () => socket.write(framed));
    socket.on('data', (piece) => {
      got = Buffer.concat([got, piece]);
      if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return;
      const answer = got.subarray(2, 2 + got.readUInt16BE(0));
      if (answers(answer, query)) {
        end(() => done(answer));
        return;
      }
      events.unasked();
      end(() => fail(failed('EPROTO')));
    });
  });
}
