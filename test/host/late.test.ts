/**
 * What waited in a device while the process was busy counts before anything is judged by the clock: RFC 9293
 * §3.8.3 gives up for want of an answer, and there the answer has come.
 * @module
 */
import test from 'ava';
import {
  createPipe,
  createStack,
  type Device,
  type DeviceUser,
  type PipeEnd,
  type Stack,
} from '../../src/index.ts';
import { LEFT, next, RIGHT, until } from '../api/worlds.ts';

/** A device that keeps to itself, for a while, that it is readable: as the event loop has it in its poll phase. */
class Quiet implements Device {
  /** It would have told. */
  told = false;
  quiet = false;
  readonly #pipe: PipeEnd;
  #user: DeviceUser | undefined;

  constructor(pipe: PipeEnd) {
    this.#pipe = pipe;
  }
  get name(): string {
    return this.#pipe.name;
  }
  get mtu(): number {
    return this.#pipe.mtu;
  }
  get headerLength(): number {
    return this.#pipe.headerLength;
  }
  get maxPacket(): number {
    return this.#pipe.maxPacket;
  }
  get offload(): Device['offload'] {
    return this.#pipe.offload;
  }
  start(user: DeviceUser): void {
    this.#user = user;
    this.#pipe.start({
      ...user,
      readable: () => {
        this.told = true;
        if (!this.quiet) user.readable();
      },
    });
  }
  speak(): void {
    this.quiet = false;
    this.#user?.readable();
  }
  read(at: number, room: number): number {
    return this.#pipe.read(at, room);
  }
  write(at: number, length: number): boolean {
    return this.#pipe.write(at, length);
  }
  flush(): void {
    this.#pipe.flush();
  }
  close(): Promise<void> {
    return this.#pipe.close();
  }
}

interface Pair {
  readonly left: Stack;
  readonly right: Stack;
  readonly device: Quiet;
}

function makePair(): Pair {
  const [a, b] = createPipe();
  const device = new Quiet(a);
  const tcp = { userTimeout: 300_000 };
  const left = createStack({ device, address: `${LEFT}/24`, tcp });
  const right = createStack({ device: b, address: `${RIGHT}/24` });
  return { left, right, device };
}

/** Nothing runs for a second; then timers do, and after them the device tells. */
function block(device: Quiet): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  setImmediate(() => device.speak());
}

/** The same, where the event loop looks at its timers next. */
const blockThenTimers = (device: Quiet): void => {
  setImmediate(() => block(device));
};

async function close({ left, right }: Pair): Promise<void> {
  await Promise.all([left.close({ linger: 0 }), right.close({ linger: 0 })]);
}

for (const others of [0, 600]) {
  const behind = others > 0 ? `, though ${others} packets lie before it` : '';
  test.serial(
    `host: an ACK that waited saves its connection from the user timeout${behind}`,
    async (t) => {
      const pair = makePair();
      const { left, right, device } = pair;
      const heard: string[] = [];
      const server = right.net.createServer((socket) => {
        socket.setEncoding('utf8').on('data', (text) => heard.push(String(text)));
        socket.on('error', () => {});
      });
      await next(server.listen(7), 'listening');
      const socket = left.net.connect(7, RIGHT);
      const errors: Error[] = [];
      socket.on('error', (error) => errors.push(error));
      await next(socket, 'connect');
      const noise = right.dgram.createSocket('udp4');
      device.quiet = true;
      for (let i = 0; i < others; i++) noise.send('noise', 9, LEFT);
      await new Promise((done) => setTimeout(done, 20));
      device.told = false;
      socket.write('text');
      await until(() => heard.length > 0 && (device.told || others > 0));
      await new Promise((done) => setTimeout(done, 60)); // a delayed ACK has left, too
      block(device);
      await new Promise((done) => setTimeout(done, 50));
      t.deepEqual(errors, []);
      t.false(socket.destroyed);
      socket.destroy();
      noise.close();
      server.close();
      await close(pair);
    },
  );
}

test.serial('ping: a reply that waited is none that came too late', async (t) => {
  const pair = makePair();
  const { left, device } = pair;
  device.quiet = true;
  const reply = left.ping(RIGHT, { timeout: 300 });
  await until(() => device.told);
  blockThenTimers(device);
  t.is((await reply).address, RIGHT);
  await close(pair);
});

for (const method of ['icmp', 'udp'] as const) {
  test.serial(
    `traceroute: answers that waited are none that came too late (${method})`,
    async (t) => {
      const pair = makePair();
      const { left, device } = pair;
      device.quiet = true;
      const hop = left.traceroute(RIGHT, { timeout: 300, method, queries: 1 }).next();
      await until(() => device.told);
      blockThenTimers(device);
      const { value } = await hop;
      t.true(typeof value === 'object' && value.reached);
      await close(pair);
    },
  );
}
