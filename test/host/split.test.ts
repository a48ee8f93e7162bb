/**
 * Text that is read apart from its headers goes to who keeps it without a copy, and nobody else can tell: all of it
 * comes, in order, to readers of every kind, whatever else is on the way. A device that lays nothing but the headers
 * where packets lie, and fills the rest of the slot with rubbish, shows who looks there.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import test, { type ExecutionContext } from 'ava';
import type { Device, DeviceUser } from '../../src/device/device.ts';
import { Wrapper } from '../../src/device/wrap/wrapper.ts';
import {
  createPipe,
  createStack,
  type HookPacket,
  type PacketDropMessage,
  type Socket,
  type Stack,
} from '../../src/index.ts';
import { Split } from '../../src/stack/host/split.ts';
import { Ear, pour, text } from '../api/placed.ts';
import { LEFT, LEFT6, next, RIGHT, RIGHT6, until } from '../api/worlds.ts';

const KIB = 1024;
const MIB = KIB * KIB;
/** Bytes of a packet. */
const LONG = 32 * KIB;
const RUBBISH = 0xee;

/** Gives packets in two parts where it is asked to. */
class Splitting extends Wrapper {
  /** How many it has given so. */
  apart = 0;
  /** This one of them, counting those longer than `LONG`, is led to a port where nobody is. */
  astray = 0;
  #memory: Uint8Array = new Uint8Array(0);

  override start(user: DeviceUser): void {
    this.#memory = user.memory;
    super.start(user);
  }

  readMany(places: Int32Array, count: number, room: number, lengths: Int32Array): number {
    for (let i = 0; i < count; i++) lengths[i] = this.read(places[i] as number, room);
    return count;
  }

  readonly readSplit: NonNullable<Device['readSplit']> = (places, count, head, rests, lengths) => {
    for (let i = 0; i < count; i++) {
      const at = places[i] as number;
      const rest = rests[i] as Uint8Array;
      const length = this.read(at, 66 * KIB);
      lengths[i] = length;
      if (length > LONG && --this.astray === 0) this.#lead(at);
      if (length > head) {
        rest.set(this.#memory.subarray(at + head, at + length));
        this.#memory.fill(RUBBISH, at + head, at + length);
      }
      if (length > 0) this.apart++;
    }
    return count;
  };

  /** Change the destination port of the packet that lies there; its checksum is left to the device. */
  #lead(at: number): void {
    const ip = at + this.headerLength;
    const tcp = ip + ((this.#memory[ip] as number) & 15) * 4;
    this.#memory[tcp + 2] = 0;
    this.#memory[tcp + 3] = 1;
  }
}

interface World {
  readonly device: Splitting;
  /** Has the device. */
  readonly taker: Stack;
  readonly giver: Stack;
  /** The giver's socket, and the taker's, which `heard` listens to from its first byte on. */
  open(heard: (socket: Socket) => void, six?: boolean): Promise<{ from: Socket; to: Socket }>;
}

function world(t: ExecutionContext, tcp: object = {}): World {
  const [a, b] = createPipe({ offload: true });
  const device = new Splitting(a);
  const taker = createStack({ device, address: [`${LEFT}/24`, `${LEFT6}/64`], tcp });
  const giver = createStack({ device: b, address: [`${RIGHT}/24`, `${RIGHT6}/64`], tcp });
  t.teardown(() => Promise.all([taker.close({ linger: 0 }), giver.close({ linger: 0 })]));
  let port = 7;
  const open: World['open'] = async (heard, six = false) => {
    const server = taker.net.createServer(heard).listen(++port, '::');
    const from = giver.net.connect(port, six ? LEFT6 : LEFT);
    const [[to]] = await Promise.all([next(server, 'connection'), next(from, 'connect')]);
    return { from, to: to as Socket };
  };
  return { device, taker, giver, open };
}

for (const six of [false, true]) {
  const over = six ? ', over IPv6' : '';

  test(`split: a listener is given the memory that the text was read to${over}`, async (t) => {
    const { device, open } = world(t);
    const ear = new Ear();
    const kept: Buffer[] = [];
    const { from } = await open((socket) => {
      socket.on('data', (chunk) => {
        ear.hear(chunk);
        kept.push(chunk);
      });
    }, six);
    await pour(from, 16 * MIB);
    await until(() => ear.bytes === 16 * MIB);
    t.true(ear.right);
    t.true(device.apart > 50, `${device.apart} apart`);
    const again = new Ear();
    for (const chunk of kept) again.hear(chunk);
    t.true(again.right, 'what was given stays as it is');
    const long = kept.filter(({ length }) => length >= 16 * KIB);
    t.is(new Set(long.map(({ buffer }) => buffer)).size, long.length, 'each its own');
  });
}

test('split: readers of every kind get all of it, beside one that keeps what it gets', async (t) => {
  const { device, taker, giver, open } = world(t, { receiveBufferMax: MIB });
  const keeper = new Ear();
  const ears = { paused: new Ear(), decoded: new Ear(), onread: new Ear(), piped: new Ear() };
  const all = 8 * MIB;
  const flows = [await open((socket) => socket.on('data', keeper.hear))];
  flows.push(
    await open((socket) => {
      socket.on('data', (chunk) => {
        ears.paused.hear(chunk);
        socket.pause();
        setImmediate(() => socket.resume());
      });
    }),
    await open((socket) => {
      socket.setEncoding('latin1');
      socket.on('data', (chunk: unknown) => ears.decoded.hear(Buffer.from(`${chunk}`, 'latin1')));
    }, true),
  );
  const end = giver.net.createServer((socket) => socket.on('data', ears.piped.hear)).listen(6);
  flows.push(
    await open((socket) => {
      socket.pipe(taker.net.connect(6, RIGHT));
    }),
  );
  t.teardown(() => end.close());
  const server = giver.net.createServer((socket) => pour(socket, all)).listen(5);
  t.teardown(() => server.close());
  const callback = (length: number, bytes: Uint8Array): boolean => {
    ears.onread.hear(bytes.subarray(0, length));
    return true;
  };
  taker.net.connect({ port: 5, host: RIGHT, onread: { buffer: Buffer.alloc(10_007), callback } });
  await Promise.all(flows.map(({ from }) => pour(from, all)));
  for (const [name, ear] of Object.entries({ keeper, ...ears })) {
    await until(() => ear.bytes === all);
    t.true(ear.right, name);
  }
  t.true(device.apart > 50, `${device.apart} apart`);
});

/** True if the bytes are some that `pour` sends one after the other. */
function isText(bytes: Uint8Array): boolean {
  const begin = bytes[0] as number;
  return Buffer.compare(bytes, text.subarray(begin, begin + bytes.length)) === 0;
}

/** The text of the TCP segment that the IPv4 packet at the beginning of `bytes` brings. */
function textOf(bytes: Uint8Array): Uint8Array {
  const tcp = ((bytes[0] as number) & 15) * 4;
  return bytes.subarray(tcp + ((bytes[tcp + 12] as number) >> 4) * 4);
}

test('split: a hook sees whole packets, also those that were read before it was set', async (t) => {
  const { device, taker, open } = world(t);
  const ear = new Ear();
  let [seen, good, before] = [0, true, 0];
  const look = ({ bytes, at, length }: HookPacket): void => {
    const found = textOf(bytes.subarray(at, at + length));
    if (found.length < LONG) return;
    seen++;
    if (!isText(found)) good = false;
  };
  const { from } = await open((socket) =>
    socket.on('data', (chunk) => {
      ear.hear(chunk);
      if (device.apart < 20 || before > 0) return;
      before = device.apart;
      taker.hook('input', look);
    }),
  );
  await pour(from, 16 * MIB);
  await until(() => ear.bytes === 16 * MIB);
  t.true(ear.right);
  t.true(before > 0 && device.apart > before, 'some were read apart after it was set');
  t.true(seen > 20, `${seen} seen`);
  t.true(good);
});

test('split: what is dropped is shown whole', async (t) => {
  const { device, open } = world(t);
  device.astray = 20;
  const shown: Uint8Array[] = [];
  const note = (message: unknown): void => {
    const { packet } = message as PacketDropMessage;
    if (packet && packet.length > LONG) shown.push(textOf(packet));
  };
  subscribe('tunstack:packet:drop', note);
  t.teardown(() => unsubscribe('tunstack:packet:drop', note));
  const ear = new Ear();
  const { from } = await open((socket) => socket.on('data', ear.hear));
  await pour(from, 16 * MIB);
  await until(() => ear.bytes === 16 * MIB);
  t.true(ear.right, 'and is sent again');
  t.is(shown.length, 1);
  t.true(shown.every(isText), `${shown.length} shown`);
});

test('split: nothing is expected before four texts in a row began alike, nor after eight in vain', (t) => {
  const split = new Split();
  for (const at of [100, 100, 100, 112, 100, 100, 100]) split.saw(at);
  t.is(split.at, 0);
  split.saw(100);
  t.is(split.at, 100);
  for (let i = 0; i < 7; i++) split.missed();
  split.hit();
  for (let i = 0; i < 7; i++) split.missed();
  t.is(split.at, 100);
  split.missed();
  t.is(split.at, 0);
  split.saw(100);
  t.is(split.at, 0, 'it is learned anew');
});
