/**
 * A guest of a network in a soak: a stack that gets its address by DHCP, and does what machines do, each within a
 * time that it must not exceed.
 * @module
 */
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';
import {
  createStack,
  type Device,
  type Stack,
  type StackOptions,
  type SwitchPort,
} from '../../src/index.ts';
import { createDhcpClient, type DhcpClient } from '../../src/services.ts';

/** In the network's milliseconds, which may be virtual. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((done) => setTimeout(done, milliseconds));

/** How long one thing may take, in ms: beyond it the network stands still. */
const PATIENCE = 15_000;
const ECHO = 7;
const TEXT = Buffer.alloc(64 * 1024, 'soak');

/** How long guests go on. */
export class Span {
  readonly #now: () => number;
  readonly #end: number;

  /** For `length` ms from now on. */
  constructor(now: () => number, length: number) {
    this.#now = now;
    this.#end = now() + length;
  }

  get isOn(): boolean {
    return this.#now() < this.#end;
  }

  /** Wait so many ms, and not beyond the end. */
  rest(milliseconds: number): Promise<void> {
    return pause(Math.max(0, Math.min(milliseconds, this.#end - this.#now())));
  }
}

/** What is told of what guests do. */
export class Log {
  done = 0;
  readonly failures: string[] = [];
  /** Milliseconds that the slowest took. */
  slowest = 0;
  readonly #now: () => number;

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Do it, and write down what becomes of it. */
  async note(what: string, work: Promise<unknown>): Promise<void> {
    const began = this.#now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_done, fail) => {
      timer = setTimeout(() => fail(new Error(`nothing for ${PATIENCE} ms`)), PATIENCE);
    });
    try {
      await Promise.race([work, late]);
      this.done++;
    } catch (error) {
      this.failures.push(`${what}: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
      work.catch(() => {});
      this.slowest = Math.max(this.slowest, this.#now() - began);
    }
  }
}

export class Guest {
  readonly stack: Stack;
  readonly client: DhcpClient;
  readonly #port: SwitchPort | undefined;
  #names = 0;

  /** `port`: where it is plugged in, and pulled out when it leaves. */
  constructor(
    device: Device,
    mac: string,
    options: Pick<StackOptions, 'clock' | 'random'>,
    port?: SwitchPort,
  ) {
    this.#port = port;
    this.stack = createStack({ device, mac, ...options });
    const { clock } = options;
    const name = `box-${mac.slice(-2)}`;
    this.client = createDhcpClient(this.stack, { name, ...(clock && { clock }) });
  }

  /** Its address, without the prefix. */
  get address(): string {
    return this.client.binding?.address.split('/')[0] ?? '';
  }

  get gateway(): string {
    return this.client.binding?.router ?? '';
  }

  /** Send back what is said, by TCP. */
  serve(): void {
    this.stack.net
      .createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => {});
        socket.pipe(socket);
      })
      .listen(ECHO);
  }

  ping(): Promise<unknown> {
    return this.stack.ping(this.gateway, { timeout: PATIENCE });
  }

  /** Say `bytes` bytes to who sends them back, and hear all of them. */
  async talk(host: string, bytes: number, port: number = ECHO): Promise<void> {
    const socket = this.stack.net.connect({ host, port, allowHalfOpen: true });
    let heard = 0;
    socket.on('data', (piece) => {
      heard += piece.length;
    });
    const ended = once(socket, 'close');
    socket.end(TEXT.subarray(0, bytes));
    await ended;
    if (heard !== bytes) throw new Error(`${heard} of ${bytes} bytes came back`);
  }

  /** A question and an answer by UDP. */
  async ask(host: string, port: number, text: Uint8Array): Promise<Buffer> {
    const socket = this.stack.dgram.createSocket('udp4');
    try {
      const answer = once(socket, 'message');
      socket.send(text, port, host);
      const [bytes] = await answer;
      return bytes as Buffer; // what `message` has first
    } finally {
      socket.close();
    }
  }

  /** The address of a name that was never asked for. */
  async look(): Promise<string> {
    const name = `n${this.#names++}.${this.address.replaceAll('.', '-')}.example`;
    const questions = [{ type: 'A' as const, name }];
    const query = encode({ type: 'query', id: 1 + (this.#names & 0x7fff), flags: 256, questions });
    const [first] = decode(await this.ask(this.gateway, 53, query)).answers ?? [];
    if (first?.type !== 'A') throw new Error(`${name} has no address`);
    return first.data;
  }

  async leave(): Promise<void> {
    this.client.close();
    await this.stack.close({ linger: 0 });
    await this.#port?.unplug();
  }
}
