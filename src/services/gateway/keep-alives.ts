/**
 * Keep-alives of sockets that last: four system calls each, which a request that is over in a millisecond has no use for.
 * RFC 9293 §3.8.4.
 * @module
 */
import type { Socket } from 'node:net';

/** Milliseconds after which sockets that are still open are told. */
const AFTER = 5000;

/** Tells sockets to probe a peer that is silent, once they have been open for a while. */
export class KeepAlives {
  readonly #idle: number;
  readonly #later: (tell: () => void) => void;
  readonly #young: Set<Socket> = new Set();
  #waits = false;

  /** Milliseconds of silence before the first probe; `later` calls when it is time to tell. */
  constructor(
    idle: number,
    later: (tell: () => void) => void = (tell) => setTimeout(tell, AFTER).unref(),
  ) {
    this.#idle = idle;
    this.#later = later;
  }

  /** It is gone. */
  delete(socket: Socket): void {
    this.#young.delete(socket);
  }

  /** One that has just opened, until it is deleted. */
  add(socket: Socket): void {
    this.#young.add(socket);
    if (this.#waits) return;
    this.#waits = true;
    this.#later(() => this.#tell());
  }

  #tell(): void {
    this.#waits = false;
    for (const socket of this.#young) socket.setKeepAlive(true, this.#idle);
    this.#young.clear();
  }
}
