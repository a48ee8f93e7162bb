/**
 * An association for datagrams: a socket of this host that the client sends to, and one of the stack by which they go on.
 * RFC 1928 §7; fragments are dropped, as it allows.
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Socket as Connection, isIPv6 } from 'node:net';
import type { Stack } from '../../index.ts';
import { readPlace, writePlace } from './request.ts';

export interface Association {
  /** Where the client is to send. */
  readonly address: string;
  readonly port: number;
  close(): void;
}

const HEAD = Uint8Array.of(0, 0, 0);
/** Names whose addresses are remembered, an association. */
const NAMES = 256;

/** Open one for the client behind `control`: datagrams from any other address are dropped. */
export async function associate(
  stack: Stack,
  control: Connection,
  resolve: (name: string) => Promise<string>,
): Promise<Association> {
  const { localAddress = '127.0.0.1', remoteAddress } = control;
  const near = createSocket(isIPv6(localAddress) ? 'udp6' : 'udp4');
  /** By which datagrams go on, one a family, made when it is needed. */
  const far = new Map<'udp4' | 'udp6', Socket>();
  near.bind({ address: localAddress, port: 0 });
  await once(near, 'listening');
  /** The client sends from one port, which is known when it has sent. */
  let port = 0;
  let isOpen = true;
  const names = new Map<string, Promise<string>>();
  const addressOf = (host: string): Promise<string> => {
    const known = names.get(host);
    if (known !== undefined) return known;
    if (names.size >= NAMES) names.clear();
    const asked = resolve(host);
    names.set(host, asked);
    asked.catch(() => names.delete(host));
    return asked;
  };
  near.on('message', (message, sender) => {
    if (sender.address !== remoteAddress || (port !== 0 && sender.port !== port)) return;
    if (message.length < 4 || message[2] !== 0) return;
    const place = readPlace(message, 3);
    if (place === undefined || place === false || place.port === 0) return;
    port = sender.port;
    addressOf(place.host).then(
      (address) => {
        if (isOpen) farFor(address).send(message.subarray(place.end), place.port, address);
      },
      () => {}, // a name that nobody knows: the datagram is lost, as any may be
    );
  });
  const came = (message: Buffer, sender: { address: string; port: number }): void => {
    if (port === 0 || remoteAddress === undefined || !isOpen) return;
    const head = writePlace(sender.address, sender.port);
    near.send(Buffer.concat([HEAD, head, message]), port, remoteAddress);
  };
  const farFor = (address: string): Socket => {
    const type = isIPv6(address) ? 'udp6' : 'udp4';
    const known = far.get(type);
    if (known !== undefined) return known;
    const made = stack.dgram.createSocket(type);
    made.on('message', came);
    made.on('error', () => {}); // what one destination answers says nothing of the others
    far.set(type, made);
    return made;
  };
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    near.close();
    for (const socket of far.values()) socket.close();
  };
  near.on('error', close);
  const bound = near.address();
  return { address: bound.address, port: bound.port, close };
}
