/**
 * The sockets that flows leave by, known by where they are bound: what comes in by the TUN from one of them
 * went out by it before. Carried out again it would come in again, each time by a new socket, until no
 * descriptor is left.
 * @module
 */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { type Block, inBlock, placeOn } from '../block.ts';
import { makeThisHost } from './this-host.ts';

type Protocol = 'tcp' | 'udp';

/** Of guests, about which it is remembered whether they are this host's. */
const MOST_ADDRESSES = 1000;

const name = (protocol: Protocol, address: string, port: number): string =>
  `${protocol} ${address}:${port}`;

export class OwnSockets {
  readonly #known: Set<string> = new Set();
  /** They have begun to connect, and nobody has asked yet where from: a system call, which most never need. */
  readonly #unnamed: Set<Socket> = new Set();
  readonly #thisHost: () => readonly Block[];
  #blocks: readonly Block[] = [];
  /** Which addresses lead to this host, as long as `#blocks` are what does. */
  readonly #isHere: Map<string, boolean> = new Map();

  /** For all of them: a listener of each one's own, and what `once` makes of it, are objects. */
  readonly #begun: (this: Socket) => void;
  readonly #gone: (this: Socket) => void;

  constructor(thisHost: () => readonly Block[] = makeThisHost()) {
    this.#thisHost = thisHost;
    const unnamed = this.#unnamed;
    this.#begun = function () {
      unnamed.add(this);
    };
    this.#gone = function () {
      unnamed.delete(this);
    };
  }

  /** Know `socket` from its first SYN on: it is bound then, and its SYN cannot come back before the event loop turns. */
  watch(socket: Socket): void {
    socket.on('connectionAttempt', this.#begun).on('close', this.#gone);
  }

  /** Know `socket`, which is connected and has sent nothing. */
  add(socket: DatagramSocket): void {
    const { address, port } = socket.address();
    this.#hold('udp', address, port, socket);
  }

  /** What this host's addresses are is looked at once a second. */
  has(protocol: Protocol, address: string, port: number): boolean {
    if (!this.#leadsHere(address)) return false;
    for (const socket of this.#unnamed) {
      const { localAddress = '', localPort = 0 } = socket;
      if (localPort !== 0) this.#hold('tcp', localAddress, localPort, socket);
    }
    this.#unnamed.clear();
    return this.#known.has(name(protocol, address, port));
  }

  #leadsHere(address: string): boolean {
    const blocks = this.#thisHost();
    if (blocks !== this.#blocks || this.#isHere.size >= MOST_ADDRESSES) {
      this.#blocks = blocks;
      this.#isHere.clear();
    }
    let here = this.#isHere.get(address);
    if (here === undefined) {
      const place = placeOn(address);
      here = place !== undefined && blocks.some((block) => inBlock(block, place));
      this.#isHere.set(address, here);
    }
    return here;
  }

  #hold(protocol: Protocol, address: string, port: number, socket: Socket | DatagramSocket): void {
    const key = name(protocol, address, port);
    this.#known.add(key);
    socket.once('close', () => this.#known.delete(key));
  }
}
