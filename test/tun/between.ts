/**
 * A transport that stands before another: it loses a share of what passes each way, and can be given another transport to
 * stand before, as a phone changes its network.
 * @module
 */
import { SeededRandom, unit } from '../../src/stack/base/random.ts';
import type { DatagramTransport, Endpoint, TransportUser } from '../../src/tunnel.ts';

export class Between implements DatagramTransport {
  loss = 0;
  dropped = 0;
  readonly #random = new SeededRandom(7);
  #inner: DatagramTransport;
  #user: TransportUser | undefined;

  constructor(inner: DatagramTransport) {
    this.#inner = inner;
  }

  /** Be somewhere else from now on. */
  async move(inner: DatagramTransport): Promise<void> {
    const before = this.#inner;
    this.#inner = inner;
    this.#begin();
    await before.close();
  }

  get bytes(): Uint8Array {
    return this.#inner.bytes;
  }

  get full(): boolean {
    return this.#inner.full;
  }

  get port(): number {
    return this.#inner.port;
  }

  get lost(): number {
    return this.#inner.lost;
  }

  start(user: TransportUser): void {
    this.#user = user;
    this.#begin();
  }

  reserve(length: number): number {
    return this.#inner.reserve(length);
  }

  commit(length: number, to: Endpoint): void {
    if (!this.#drops()) this.#inner.commit(length, to);
  }

  flush(): void {
    this.#inner.flush();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #begin(): void {
    const user = this.#user as TransportUser; // it has been started
    this.#inner.start({
      received: (bytes, at, length, from) => {
        if (!this.#drops()) user.received(bytes, at, length, from);
      },
      drained: () => user.drained(),
      writable: () => user.writable(),
      failed: (error) => user.failed(error),
    });
  }

  #drops(): boolean {
    if (this.loss === 0 || unit(this.#random) >= this.loss) return false;
    this.dropped++;
    return true;
  }
}
