/**
 * One stream of text from host a to host b of a world.
 * @module
 */
import { ANY, ANY6, isIPv6 } from '../../src/stack/base/address.ts';
import type { Settings } from '../../src/stack/tcp/tcb/settings.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import type { World } from '../support/world.ts';
import { Peer, type PeerOptions } from './peer.ts';

export interface FlowOptions {
  readonly port?: number;
  readonly sender?: Omit<PeerOptions, 'send'>;
  readonly receiver?: PeerOptions;
  readonly settings?: Partial<Settings>;
  /** Settings of the receiving side. */
  readonly listen?: Partial<Settings>;
}

export class Flow {
  readonly world: World;
  readonly sender: Peer;
  readonly receiver: Peer;
  /** The sending connection. */
  readonly tcb: Tcb;
  readonly began: number;
  readonly bytes: number;

  /** Listens at b and opens from a; nothing has moved yet. */
  constructor(world: World, bytes: number, options: FlowOptions = {}) {
    const { port = 80, settings, listen } = options;
    this.world = world;
    this.bytes = bytes;
    this.receiver = new Peer(options.receiver);
    this.sender = new Peer({ ...options.sender, send: bytes });
    const { receiver, sender } = this;
    world.b.core.tcp.listen({
      address: isIPv6(world.b.address) ? ANY6 : ANY,
      port,
      backlog: 16,
      ...(listen ? { settings: listen } : {}),
      accept: (tcb) => {
        receiver.tcb = tcb;
        return receiver;
      },
    });
    const tcb = world.a.core.tcp.connect({
      destination: world.b.address,
      port,
      owner: sender,
      ...(settings ? { settings } : {}),
    });
    if (typeof tcb === 'number') throw new Error(`connect failed: ${tcb}`);
    this.tcb = tcb;
    sender.tcb = tcb;
    world.opened(tcb);
    this.began = world.now;
  }

  get done(): boolean {
    return this.receiver.received >= this.bytes;
  }

  /** What went wrong so far; '' if nothing did. */
  get wrong(): string {
    const { receiver, sender } = this;
    const ended = sender.closed && !this.done ? `closed: ${sender.failure}` : '';
    return receiver.wrong || sender.wrong || ended;
  }

  /** Go on until all has arrived; throws if something is wrong or it takes longer than `seconds`. */
  finish(seconds: number): this {
    this.world.until(() => this.done || this.wrong !== '', seconds * 1e6);
    if (this.wrong !== '') throw new Error(this.wrong);
    if (this.done) return this;
    throw new Error(`${this.receiver.received} of ${this.bytes} octets after ${seconds} s`);
  }

  /** Text received, in bits a second of virtual time. */
  get goodput(): number {
    return (this.receiver.received * 8e6) / (this.world.now - this.began);
  }
}
