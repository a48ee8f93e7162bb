/**
 * A frame whose end lies elsewhere than its beginning, as a stack sends it: it is copied only where that is needed.
 * @module
 */
import test from 'ava';
import {
  createPipe,
  createSwitch,
  type Device,
  type DeviceUser,
  type PipeEnd,
  type Switch,
} from '../../src/index.ts';
import { frame } from './bench.ts';

const OFFLOAD = { checksum: true, tso4: true, uso4: true, tso6: true, uso6: true };
const HEADER = 10; // virtio's
const SENT_AT = 100;

/** Takes frames, and their ends from where they lie if it may. */
class Sink implements Device {
  readonly name: string;
  readonly medium = 'ethernet';
  readonly mtu = 60_000;
  readonly maxPacket = 60_018;
  readonly headerLength = HEADER;
  readonly offload = OFFLOAD;
  readonly frames: Buffer[] = [];
  /** Pieces that came with frames. */
  readonly pieces: Uint8Array[] = [];
  full = false;
  /** What it was told: `cork`, how many frames it had had, `flush`. */
  readonly told: (string | number)[] = [];
  readonly gather?: NonNullable<Device['gather']>;
  user: DeviceUser | undefined;
  #gathered: Buffer[] = [];

  constructor(name: string, gathers: boolean) {
    this.name = name;
    if (!gathers) return;
    this.gather = (bytes, from, length) => {
      this.#gathered.push(Buffer.from(bytes.subarray(from, from + length)));
      this.pieces.push(bytes);
      return true;
    };
  }

  start(user: DeviceUser): void {
    this.user = user;
  }

  read(): number {
    return 0;
  }

  write(at: number, length: number): boolean {
    const { memory } = this.user as DeviceUser;
    const gathered = this.#gathered.splice(0);
    if (this.full) return false;
    this.frames.push(Buffer.concat([memory.slice(at + HEADER, at + length), ...gathered]));
    return true;
  }

  cork(): void {
    this.told.push('cork');
  }

  flush(): void {
    this.told.push(this.frames.length, 'flush');
  }

  async close(): Promise<void> {
    this.user?.closed();
  }
}

interface World {
  readonly ether: Switch;
  /** Send a frame that lies in three places, as often as is said before the flush; all of it. */
  send(to: string, times?: number): Buffer;
  /** Whoever sends lets what it sends stay as it is until it flushes. */
  cork(): void;
  readonly text: Uint8Array;
}

function make(...sinks: Sink[]): World {
  const ether = createSwitch({ secret: 1, clock: { now: () => 0 } });
  const traits = { medium: 'ethernet', mtu: 60_000, offload: true, prompt: true } as const;
  const [near, far]: [PipeEnd, PipeEnd] = createPipe(traits);
  const memory = new Uint8Array(262_144);
  far.start({ memory, readable: () => {}, writable: () => {}, closed: () => {} });
  ether.plug(near);
  for (const sink of sinks) {
    ether.plug(sink);
    // Each is known by what it once said.
    const said = frame(sink.name, '*', 'here');
    sink.read = function read(at?: number): number {
      const { memory: into } = sink.user as DeviceUser;
      into.fill(0, at, (at ?? 0) + HEADER).set(said, (at ?? 0) + HEADER);
      sink.read = () => 0;
      return HEADER + said.length;
    };
    sink.user?.readable();
  }
  for (const sink of sinks) sink.frames.length = sink.told.length = 0;
  const text = new Uint8Array(50_000).map((_, i) => i);
  return {
    ether,
    text,
    cork: () => far.cork(),
    send: (to, times = 1) => {
      const head = frame('c', to, 'so begins a frame that is told in three places: ');
      memory.set(head, SENT_AT + HEADER);
      for (let i = 0; i < times; i++) {
        far.gather(text, 100, 20_000);
        far.gather(text, 30_000, 7);
        far.write(SENT_AT, HEADER + head.length);
      }
      far.flush();
      return Buffer.concat([head, text.subarray(100, 20_100), text.subarray(30_000, 30_007)]);
    },
  };
}

test('switch: what a sender gathers is gathered by the device that it goes to', (t) => {
  const sink = new Sink('a', true);
  const { send, text } = make(sink);
  const whole = send('a');
  t.true(sink.frames[0]?.equals(whole));
  t.is(sink.pieces.length, 2);
  t.true(sink.pieces.every((bytes) => bytes === text));
});

test('switch: frames that a sender lets stay until its flush may leave the device at once, and others may not', (t) => {
  const sink = new Sink('a', true);
  const { send, cork } = make(sink);
  cork();
  send('a', 3);
  t.deepEqual(sink.told, ['cork', 'cork', 'cork', 3, 'flush']);
  sink.told.length = 0;
  send('a', 2);
  t.deepEqual(sink.told, [5, 'flush'], 'a cork is until the next flush');
});

test('switch: a device that gathers nothing gets such a frame in one place', (t) => {
  const sink = new Sink('a', false);
  const { send } = make(sink);
  t.true(send('a').equals(sink.frames[0] as Buffer));
});

test('switch: whoever hears what is for everyone gets such a frame whole', (t) => {
  const sinks = [new Sink('a', true), new Sink('b', false)];
  const { send } = make(...sinks);
  const whole = send('*');
  for (const sink of sinks) t.true(sink.frames[0]?.equals(whole));
  t.is(sinks[0]?.pieces.length, 0);
});

test('switch: a hook that looks into such a frame sees all of it, and one that does not costs no copy', (t) => {
  const sink = new Sink('a', true);
  const { ether, send } = make(sink);
  let seen: Buffer | undefined;
  ether.onFrame = ({ view, at, length }) => {
    seen = Buffer.from(view.buffer, view.byteOffset + at, length);
    return 'pass';
  };
  const whole = send('a');
  t.true(seen?.equals(whole));
  t.true(sink.frames[0]?.equals(whole));
  t.is(sink.pieces.length, 0);
  ether.onFrame = ({ length }) => (length === whole.length ? 'pass' : 'drop');
  send('a');
  t.is(sink.pieces.length, 2);
});

test('switch: such a frame that its device refuses waits whole, and leaves when there is room', (t) => {
  const sink = new Sink('a', true);
  const { send } = make(sink);
  sink.full = true;
  const whole = send('a');
  t.is(sink.frames.length, 0);
  t.true(send('a').equals(whole)); // behind it
  sink.full = false;
  sink.user?.writable();
  t.deepEqual(
    sink.frames.map((one) => one.equals(whole)),
    [true, true],
  );
});

test('switch: such a frame is shown whole to a mirror', (t) => {
  const [sink, watcher] = [new Sink('a', true), new Sink('b', true)];
  const { ether, send } = make(sink, watcher);
  const [, out, mirror] = ether.ports;
  if (out === undefined || mirror === undefined) return t.fail();
  ether.mirror(out, mirror);
  const whole = send('a');
  t.true(sink.frames[0]?.equals(whole));
  t.true(watcher.frames[0]?.equals(whole));
  return undefined;
});
