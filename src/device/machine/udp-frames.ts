/**
 * A virtual machine at a UDP socket, one frame a datagram: QEMU's `-netdev dgram` with `type=inet`.
 *
 * What of a frame is lost on the way is lost, as on a cable; a machine that is not there yet, or was started anew,
 * loses frames and ends nothing.
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP, isIPv6 } from 'node:net';
import { invalid, outOfRange } from '../errors.ts';
import { checkMtu } from '../options.ts';
import { MessageDevice, type MessageOptions, type MessageSocket } from './messages.ts';

/** Which sockets, and what frames are like. */
export interface UdpFrameOptions extends MessageOptions {
  /** The address that is ours; default 127.0.0.1: whoever can send to it is on the network. */
  readonly host?: string;
  /** The port that is ours, 1 to 65 535. */
  readonly port: number;
  /** The machine's socket, which alone is heard. Without it whoever sends first is the machine. */
  readonly remote?: { readonly host: string; readonly port: number };
}

/**
 * Open the socket, and give it as a device of frames. Rejects with a `TypeError` or `RangeError` for what cannot be
 * meant, and with Node's errors (`EADDRINUSE`, ...).
 */
export async function openUdpFrames(options: UdpFrameOptions): Promise<MessageDevice> {
  const { host = '127.0.0.1', port, remote, name = `udp:${port}`, mtu = 1500 } = options;
  checkPlace('', host, port);
  if (remote !== undefined) checkPlace('remote.', remote.host, remote.port);
  checkMtu(mtu);
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.bind(port, host);
    await once(socket, 'listening');
    if (remote !== undefined) {
      socket.connect(remote.port, remote.host);
      await once(socket, 'connect');
    }
  } catch (error) {
    socket.close();
    throw error;
  }
  return new MessageDevice(new UdpMessages(socket, remote !== undefined), { name, mtu });
}

function checkPlace(of: string, host: unknown, port: unknown): void {
  if (typeof host !== 'string' || isIP(host) === 0) {
    throw invalid(`${of}host`, host, 'it must be an address');
  }
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) {
    throw outOfRange(`${of}port`, port, 'from 1 to 65535');
  }
}

type Listener = (event: { data: unknown }) => void;

/** A socket with the face of one for messages. */
class UdpMessages implements MessageSocket {
  binaryType = 'arraybuffer';
  readonly #socket: Socket;
  /** 0 while nobody has spoken: who would be answered? */
  #state: 0 | 1 | 3;
  #take: Listener = () => {};
  #closed: () => void = () => {};

  constructor(socket: Socket, known: boolean) {
    this.#socket = socket;
    this.#state = known ? 1 : 0;
    let speaker = '';
    socket.on('error', () => {}); // nobody is there now: ECONNREFUSED
    socket.on('message', (data, { address, port }) => {
      if (!known) {
        const from = `${address} ${port}`;
        if (speaker === '') {
          speaker = from;
          socket.connect(port, address, () => {
            this.#state = 1;
            known = true;
          });
        }
        // What others have sent lies in the socket until it is connected.
        if (from !== speaker) return;
      }
      this.#take({ data });
    });
    socket.on('close', () => {
      this.#state = 3;
      this.#closed();
    });
  }

  get readyState(): number {
    return this.#state;
  }

  get bufferedAmount(): number {
    return this.#state === 1 ? this.#socket.getSendQueueSize() : 0;
  }

  send(message: Uint8Array): void {
    this.#socket.send(message, () => {}); // told of an error, it emits none
  }

  close(): void {
    this.#socket.close();
  }

  addEventListener(type: 'message', listener: Listener): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: string, listener: Listener | (() => void)): void {
    if (type === 'message') this.#take = listener as Listener;
    if (type === 'close') this.#closed = listener as () => void;
  }
}
