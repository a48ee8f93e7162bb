/**
 * Tests of src/device/linux/descriptor.ts and readiness.ts on datagram sockets, which need no permission.
 */
import { spawnSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { NO_OFFLOAD } from '../../../src/device/device.ts';
import { Descriptor, type TunDevice } from '../../../src/device/linux/descriptor.ts';
import { openFd } from '../../../src/device/linux/fd.ts';
import { AF, Errno, type Libc, loadLibc, O, Pinned, SOCK } from '../../../src/device/linux/libc.ts';
import { adoptOwned } from '../../../src/device/linux/owned.ts';
import { PollWatch } from '../../../src/device/linux/poll.ts';
import { ReadRing } from '../../../src/device/linux/read-ring.ts';
import { Watch } from '../../../src/device/linux/readiness.ts';
import type { Waiting } from '../../../src/device/linux/waiting.ts';
import { LEFT_BY_ENGINE } from '../../support/garbage.ts';
import { IDLE } from '../../support/idle.ts';
import { deviceSuite, type Link } from '../suite.ts';
import { Collector, moduleUrl, settle, supportUrl, turn, udpPacket, until } from '../support.ts';

const libc: Libc | string = await loadLibc().catch((error: Error) => error.message);
if (typeof libc === 'string') console.log(`skipped, no descriptors: ${libc}`);
const fdTest: TestFn = typeof libc === 'string' ? (test.skip as unknown as TestFn) : test;

/** Two descriptors, each the other's far end, that keep packets apart. */
function socketPair(type: number = SOCK.DGRAM): [number, number] {
  const calls = libc as Libc; // the tests below are skipped where it is not
  const memory = new Pinned(calls, new Uint8Array(128));
  if (calls.socketpair(AF.UNIX, type | SOCK.CLOEXEC, 0, memory.address) < 0) {
    throw new Error(`socketpair: ${calls.errno()}`);
  }
  const ends = new Int32Array(memory.bytes.buffer, 0, 2);
  return [ends[0] as number, ends[1] as number];
}

async function open(waiting: Waiting = 'event'): Promise<[TunDevice, TunDevice]> {
  const [left, right] = socketPair();
  return [await openFd(left, { waiting }), await openFd(right)];
}

/** The same on a descriptor of which it is said that it takes batches, with some calls in place of libc's. */
async function openBatches(calls: Partial<Libc> = {}): Promise<[TunDevice, TunDevice]> {
  const [left, right] = socketPair(SOCK.DGRAM | O.NONBLOCK);
  const device = new Descriptor({ ...(libc as Libc), ...calls }, adoptOwned(libc as Libc, left), {
    name: 'batches',
    medium: 'ip',
    mtu: 1500,
    headerLength: 0,
    offload: NO_OFFLOAD,
    wait: {},
    inLoop: true,
    batches: true,
    present: () => true,
    follow: () => () => {},
  });
  return [device, await openFd(right)];
}

/** The same, where the event loop cannot be given a descriptor. */
async function openPolled(waiting: Waiting = 'event'): Promise<[TunDevice, TunDevice]> {
  const [left, right] = socketPair(SOCK.DGRAM | O.NONBLOCK);
  const device = new Descriptor(libc as Libc, adoptOwned(libc as Libc, left), {
    name: 'polled',
    medium: 'ip',
    mtu: 1500,
    headerLength: 0,
    offload: NO_OFFLOAD,
    wait: { waiting },
    inLoop: false,
    present: () => true,
    follow: () => () => {},
  });
  return [device, await openFd(right)];
}

/** Two devices back to back, closed with the test, however that ends. */
async function pair(t: ExecutionContext): Promise<[TunDevice, TunDevice]> {
  const [device, other] = await open();
  t.teardown(() => Promise.all([device.close(), other.close()]));
  return [device, other];
}

async function fdLink(waiting: Waiting, opened = open): Promise<Link> {
  const [device, other] = await opened(waiting);
  const far = new Collector(other);
  other.start(far);
  const late: string[] = [];
  const write = (text: string): boolean => far.write(udpPacket(text, '10.83.0.1', '10.83.0.2'));
  far.onWritable = () => {
    while (late.length > 0 && write(late[0] as string)) late.shift();
  };
  return {
    device,
    send: (payload) => {
      if (late.length > 0 || !write(payload)) late.push(payload);
    },
    get received() {
      return far.payloads;
    },
    close: async () => {
      await Promise.all([device.close(), other.close()]);
    },
  };
}

deviceSuite(fdTest, 'descriptor', () => fdLink('event'));
deviceSuite(fdTest, 'descriptor, adaptive', () => fdLink('adaptive'));
deviceSuite(fdTest, 'descriptor, busy', () => fdLink('busy'));
deviceSuite(fdTest, 'descriptor, polled', () => fdLink('event', openPolled));
deviceSuite(fdTest, 'descriptor, polled and busy', () => fdLink('busy', openPolled));

/** Nine packets, asked for eight at a time by a user who has them now. */
async function nineByEight(t: ExecutionContext, calls: Partial<Libc>): Promise<Collector> {
  const [device, other] = await openBatches(calls);
  t.teardown(() => Promise.all([device.close(), other.close()]));
  const [user, far] = [new Collector(device), new Collector(other)];
  user.many = 8;
  device.start(user);
  other.start(far);
  for (let i = 0; i < 9; i++) far.write(udpPacket(`${i}`));
  await until(() => user.packets.length === 9, 'nine packets');
  t.deepEqual(user.payloads, [...'012345678']);
  return user;
}

const ring =
  typeof libc === 'string'
    ? undefined
    : ReadRing.open(libc, 0, new Pinned(libc, new Uint8Array(4096)));
ring?.close();
if (ring === undefined) console.log('skipped, no rings: there is no io_uring here for us');
const ringTest: TestFn = ring === undefined ? (test.skip as unknown as TestFn) : test;

ringTest(
  'descriptor: where there is io_uring one call reads several packets, in order',
  async (t) => {
    const user = await nineByEight(t, {});
    t.true(user.batches.includes(8), `in batches of ${user.batches}`); // the first is read by the event loop
  },
);

fdTest(
  'descriptor: where the kernel lets nobody have a ring packets are read one by one',
  async (t) => {
    const user = await nineByEight(t, { ringSetup: () => -1 });
    t.deepEqual(user.batches, []);
  },
);

ringTest('descriptor: a ring that breaks is given up, and no packet is lost', async (t) => {
  const user = await nineByEight(t, { ringEnter: () => -1 });
  t.deepEqual(user.batches, [0]);
});

ringTest(
  'descriptor: one by one where a longer packet would not be noticed, or too long for the memory',
  async (t) => {
    const [device, other] = await openBatches();
    t.teardown(() => Promise.all([device.close(), other.close()]));
    const user = new Collector(device);
    const [places, lengths] = [new Int32Array([0, 2048]), new Int32Array(2)];
    t.is(device.readMany?.(places, 2, 2048, lengths), 0, 'before it is started');
    device.start(user);
    t.is(device.readMany?.(places, 2, 1500, lengths), 0, 'room for no more than a packet');
    for (const none of [0, -1]) {
      t.is(device.readMany?.(places, none, 2048, lengths), 0);
      t.is(device.readSplit?.(places, none, 62, [], lengths), 0);
    }
    const code = 'ERR_OUT_OF_RANGE';
    places[1] = user.memory.length - 2047;
    t.throws(() => device.readMany?.(places, 2, 2048, lengths), { code });
    t.is(device.readMany?.(places, 1, 2048, lengths), 1);
    t.is(lengths[0], 0, 'there is none');
    await device.close();
    t.is(device.readMany?.(places, 1, 2048, lengths), 0, 'closed');
  },
);

ringTest(
  'descriptor: a packet that is longer than the room is cut and counted, among others',
  async (t) => {
    const [device, other] = await openBatches();
    t.teardown(() => Promise.all([device.close(), other.close()]));
    const [user, far] = [new Collector(device), new Collector(other)];
    user.many = 8;
    device.start(user);
    other.start(far);
    for (const length of [10, 3000, 20]) far.write(udpPacket('x'.repeat(length)));
    await until(() => user.packets.length === 2, 'the others');
    t.deepEqual(user.payloads, ['x'.repeat(10), 'x'.repeat(20)]);
    t.deepEqual(user.cut, [2049]);
    t.is(device.counters.cut, 1);
  },
);

ringTest('descriptor: one call reads the parts of several packets apart, in order', async (t) => {
  const [device, other] = await openBatches();
  t.teardown(() => Promise.all([device.close(), other.close()]));
  const far = new Collector(other);
  const user = new Collector(device);
  other.start(far);
  const HEAD = 28;
  const [places, lengths] = [new Int32Array([64, 1024, 2048, 4096]), new Int32Array(4)];
  const rests = Array.from({ length: 4 }, () => new Uint8Array(65_536));
  t.is(device.readSplit?.(places, 4, HEAD, rests, lengths), 0, 'before it is started');
  let told = 0;
  const first = new Uint8Array(4096);
  device.start({
    ...{ memory: user.memory, writable: () => {}, closed: () => {} },
    readable: () => {
      told++;
      if (told > 1) return;
      t.is(device.readSplit?.(places, 4, HEAD, rests, lengths), 0, 'the loop has read one');
      device.read(8192, 4096);
      first.set(user.memory.subarray(8192, 8192 + 4096));
    },
  });
  for (const text of ['a', 'b'.repeat(900), '', 'd'.repeat(1400)]) far.write(udpPacket(text));
  far.device.flush();
  await until(() => told > 0, 'the first');
  t.is(first[HEAD], 97);
  t.is(device.readSplit?.(places, 4, HEAD, rests, lengths), 4);
  t.deepEqual([...lengths], [928, 28, 1428, 0], 'and then there were no more');
  t.is(user.memory[64], 0x45);
  t.is(user.memory[64 + HEAD], 0, 'nothing behind the head');
  t.is(Buffer.from(rests[0] as Uint8Array).toString('latin1', 0, 901), `${'b'.repeat(900)}\0`);
  t.is(Buffer.from(rests[2] as Uint8Array).toString('latin1', 0, 1401), `${'d'.repeat(1400)}\0`);
  places[1] = user.memory.length - HEAD + 1;
  const code = 'ERR_OUT_OF_RANGE';
  t.throws(() => device.readSplit?.(places, 2, HEAD, rests, lengths), { code });
  await device.close();
  t.is(device.readSplit?.(places, 4, HEAD, rests, lengths), 0, 'closed');
});

fdTest('descriptor, polled: a packet comes while it holds no process, and after', async (t) => {
  const [device, other] = await openPolled();
  t.teardown(() => Promise.all([device.close(), other.close()]));
  const user = new Collector(device);
  device.start(user);
  const far = new Collector(other);
  other.start(far);
  for (const [count, change] of [device.unref, device.ref, device.unref].entries()) {
    change.call(device);
    far.write(udpPacket(`${count}`));
    await until(() => user.packets.length > count, 'the packet');
  }
  t.deepEqual(user.payloads, ['0', '1', '2']);
});

fdTest('descriptor, polled: the far end goes away, and closed says so once', async (t) => {
  const [left, right] = socketPair(SOCK.SEQPACKET | O.NONBLOCK);
  const watch = new PollWatch(libc as Libc, left, {});
  const gone: number[] = [];
  watch.start(
    () => t.fail('there is no packet'),
    (errno) => gone.push(errno),
  );
  (libc as Libc).close(right);
  await until(() => gone.length > 0, 'the end');
  await watch.stop();
  (libc as Libc).close(left);
  t.deepEqual(gone, [Errno.EPIPE]);
});

fdTest('descriptor: is non-blocking and closed on exec', async (t) => {
  const [device] = await pair(t);
  const calls = libc as Libc;
  t.not(calls.fcntl(device.fd, 3, 0) & O.NONBLOCK, 0);
  t.is(calls.fcntl(device.fd, 1, 0), 1);
  device.start(new Collector(device));
  const { stdout } = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  t.notRegex(stdout, new RegExp(` ${device.fd} -> `));
});

fdTest('descriptor: a full socket gives false, then writable, and counts the wait', async (t) => {
  const [device, other] = await pair(t);
  const user = new Collector(device);
  device.start(user);
  let sent = 0;
  while (user.write(udpPacket(`${sent}`))) sent++;
  t.true(sent > 0 && sent < 10_000);
  t.is(device.counters.waits, 1);
  const far = new Collector(other);
  other.start(far);
  await until(() => user.writables > 0, 'writable');
  await until(() => far.packets.length === sent, 'all that was taken');
  t.true(user.write(udpPacket('after')));
});

fdTest('descriptor: the far end goes away, and closed says so once', async (t) => {
  const [left, right] = socketPair(SOCK.SEQPACKET);
  const device = await openFd(left, { name: 'seq' });
  const user = new Collector(device);
  device.start(user);
  (libc as Libc).close(right);
  await until(() => user.ends.length > 0, 'closed');
  t.regex(String(user.ends[0]), /seq/);
  t.is(device.fd, -1);
  await device.close();
  await settle();
  t.is(user.ends.length, 1);
});

fdTest('descriptor: a write to a far end that is gone ends the device', async (t) => {
  const [left, right] = socketPair(SOCK.DGRAM);
  const device = await openFd(left, { name: 'dgram' });
  const user = new Collector(device);
  device.start(user);
  (libc as Libc).close(right);
  t.true(user.write(udpPacket('into the void')));
  t.is(user.ends.length, 0, 'not from within the call');
  // While another thread starts a program, its child has a copy of the far end until it executes.
  await until(() => {
    if (user.ends.length === 0) user.write(udpPacket('into the void'));
    return user.ends.length > 0;
  }, 'closed');
  t.is((user.ends[0] as NodeJS.ErrnoException).code, 'ECONNREFUSED');
});

fdTest('descriptor: no packet is harmed by garbage collections', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const [device, other] = await pair(t);
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  const sent: string[] = [];
  for (let i = 0; i < 200; i++) {
    const text = `${i} `.repeat(1 + (i % 60));
    while (!far.write(udpPacket(text))) await turn();
    sent.push(text);
    if (i % 5 === 0) collect();
    await turn();
    collect();
  }
  await until(() => user.packets.length >= sent.length, 'all packets');
  t.deepEqual(user.payloads, sent);
});

fdTest('descriptor: pieces are gathered behind the bytes of a write, once', async (t) => {
  const [device, other] = await pair(t);
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  const whole = udpPacket('first second third');
  const bytes = Buffer.from('-- second third --'.padEnd(100));
  t.true(device.gather?.(bytes, 3, 7));
  t.true(device.gather?.(bytes, 10, 5));
  t.true(user.write(whole.subarray(0, 34)));
  t.true(user.write(udpPacket('alone')));
  await until(() => far.packets.length === 2, 'both packets');
  t.deepEqual(far.payloads, ['first second third', 'alone']);
});

fdTest('descriptor: pieces that cannot be gathered are refused, with those before', async (t) => {
  const [device, other] = await pair(t);
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  const bytes = new Uint8Array(1000);
  for (let i = 0; i < 15; i++) t.true(device.gather?.(bytes, i, 1));
  t.false(device.gather?.(bytes, 0, 1), 'too many');
  t.true(device.gather?.(bytes, 0, 1));
  t.false(device.gather?.(new Uint8Array(64), 0, 1), 'on a heap that moves');
  const moved = new Uint8Array(100);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  t.false(device.gather?.(moved, 0, 50), 'its memory is somebody else’s now');
  t.true(user.write(udpPacket('nothing more')));
  await until(() => far.packets.length === 1, 'the packet');
  t.deepEqual(far.payloads, ['nothing more']);
  await device.close();
  t.false(device.gather?.(bytes, 0, 1), 'closed');
});

fdTest.serial('descriptor: descriptors are given back', async (t) => {
  const calls = libc as Libc;
  const lowest = (): number => {
    const fd = calls.fcntl(0, 0, 0); // F_DUPFD: the lowest number that is free
    calls.close(fd);
    return fd;
  };
  const before = lowest();
  for (let i = 0; i < 20; i++) {
    const [device, other] = await open();
    device.start(new Collector(device));
    other.start(new Collector(other));
    await turn();
    await Promise.all([device.close(), other.close()]);
  }
  t.true(lowest() <= before); // lower where the process itself has closed some meanwhile
});

fdTest('descriptor: a number that is no open descriptor is refused', async (t) => {
  await t.throwsAsync(openFd(-1), { code: 'ERR_INVALID_ARG_VALUE' });
  await t.throwsAsync(openFd(987_654), { code: 'EBADF', message: /was it passed on/ });
  await t.throwsAsync(openFd(0, { waiting: 'never' as Waiting }), { message: /adaptive/ });
  await t.throwsAsync(openFd(0, { mtu: 12 }), { code: 'ERR_OUT_OF_RANGE' });
});

fdTest('descriptor: no place outside of the memory is read or written', async (t) => {
  const [device] = await pair(t);
  t.throws(() => device.write(0, 40), { code: 'ERR_OUT_OF_RANGE' }, 'there is no memory yet');
  const user = new Collector(device);
  device.start(user);
  const { length } = user.memory;
  for (const at of [length, length - 39, -1, Number.NaN]) {
    t.throws(() => device.write(at, 40), { code: 'ERR_OUT_OF_RANGE', message: /memory of/ });
    t.throws(() => device.read(at, 40), { code: 'ERR_OUT_OF_RANGE' });
  }
  t.is(device.read(length - 40, 40), 0);
  const piece = new Uint8Array(100);
  t.throws(() => device.gather?.(piece, 50, 51), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => device.gather?.(piece, -1, 1), { code: 'ERR_OUT_OF_RANGE' });
});

fdTest('descriptor: reading and writing leave no garbage, and one object would be seen', (t) => {
  const script = `
    const { openFd } = await import(${moduleUrl('linux/fd')});
    const { loadLibc, Pinned } = await import(${moduleUrl('linux/libc')});
    const { garbage } = await import(${supportUrl('garbage')});
    const libc = await loadLibc();
    const ends = new Pinned(libc, new Uint8Array(128));
    libc.socketpair(1, 2, 0, ends.address);
    const [left, right] = new Int32Array(ends.bytes.buffer);
    const [a, b] = [await openFd(left), await openFd(right)];
    const memory = new Uint8Array(1 << 20);
    for (const device of [a, b]) {
      device.start({ memory, readable() {}, writable() {}, closed() {} });
    }
    const pass = (i) => {
      const at = (i & 255) * 2048;
      if (!a.write(at, 1000) || b.read(at, 2048) !== 1000) throw new Error('lost');
    };
    const kept = [];
    const passAndKeep = (i) => {
      pass(i);
      kept[0] = { i };
    };
    console.log(JSON.stringify([garbage(pass), garbage(passAndKeep, { runs: 30 })]));
    process.exit();
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  t.is(run.status, 0, run.stderr);
  const [nothing, object] = JSON.parse(run.stdout) as [number, number];
  t.true(nothing <= LEFT_BY_ENGINE, `${nothing} bytes a packet`);
  t.true(object >= 12, `${object} bytes a packet with an object`);
});

for (const [way, Readiness] of [
  ['descriptor', Watch],
  ['descriptor, polled', PollWatch],
] as const) {
  fdTest(`${way}: what a packet has brought is told before the loop asks again`, async (t) => {
    const calls = libc as Libc;
    const [near, far] = socketPair(SOCK.DGRAM | O.NONBLOCK);
    const order: string[] = [];
    const read: Libc['read'] = (...of) => {
      order.push('asked');
      return calls.read(...of);
    };
    const wait = { waiting: 'adaptive', spinMicros: 1e6 } as const;
    const watch = new Readiness({ ...calls, read }, near, wait);
    t.teardown(async () => {
      await watch.stop();
      for (const end of [near, far]) calls.close(end);
    });
    watch.start(
      () => {
        watch.take();
        order.length = 0;
        setImmediate(() => order.push('told'));
      },
      () => t.fail(),
    );
    calls.write(far, watch.first.address, 20);
    await until(() => order.includes('told'), 'what follows');
    t.is(order[0], 'told');
  });
}

fdTest('descriptor: an idle device uses no CPU', async (t) => {
  const script = `
    const { openFd } = await import(${moduleUrl('linux/fd')});
    const { loadLibc, Pinned } = await import(${moduleUrl('linux/libc')});
    const libc = await loadLibc();
    const memory = new Pinned(libc, new Uint8Array(128));
    libc.socketpair(1, 2, 0, memory.address);
    const device = await openFd(new Int32Array(memory.bytes.buffer)[0], { waiting: 'adaptive' });
    device.start({ memory: new Uint8Array(65536), readable() {}, writable() {}, closed() {} });
    const { busyPart } = await import(${supportUrl('idle')});
    console.log(await busyPart());
    device.unref();
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.is(run.status, 0, run.stderr);
  t.true(Number(run.stdout) <= IDLE, `${run.stdout.trim()} of a processor while idle`);
});

ringTest(
  'descriptor: what is gathered while it is corked leaves at the flush, by one call, in order and whole',
  async (t) => {
    const [device, other] = await openBatches({
      writev: () => t.fail('a call of its own') as never,
    });
    t.teardown(() => Promise.all([device.close(), other.close()]));
    const [user, far] = [new Collector(device), new Collector(other)];
    device.start(user);
    other.start(far);
    const bytes = Buffer.from('-- second third --'.padEnd(100));
    device.cork?.();
    t.true(device.gather?.(bytes, 3, 7));
    t.true(device.gather?.(bytes, 10, 5));
    t.true(user.write(udpPacket('first second third').subarray(0, 34)));
    t.true(user.write(udpPacket('alone')));
    t.true(device.gather?.(bytes, 10, 5));
    t.true(user.write(udpPacket('again third').subarray(0, 34)));
    device.flush();
    await until(() => far.packets.length === 3, 'the packets');
    t.deepEqual(far.payloads, ['first second third', 'alone', 'again third']);
  },
);

ringTest(
  'descriptor: a packet in pieces that cannot leave at the flush is kept whole, and its pieces follow no other',
  async (t) => {
    const [device, other] = await openBatches();
    t.teardown(() => Promise.all([device.close(), other.close()]));
    const [user, far] = [new Collector(device), new Collector(other)];
    device.start(user);
    const bytes = Buffer.from('third '.padEnd(100));
    const write = (text: string): boolean => {
      t.true(device.gather?.(bytes, 0, 5));
      return user.write(udpPacket(`${text}third`).subarray(0, 28 + text.length));
    };
    const sent: string[] = [];
    while (device.counters.waits === 0) {
      device.cork?.();
      t.true(write(`${sent.length} `), 'it waits for the flush');
      t.true(write(`${sent.length} and `));
      sent.push(`${sent.length} third`, `${sent.length} and third`);
      device.flush();
    }
    bytes.fill('-');
    t.false(write('later '), 'others are before it');
    other.start(far);
    await until(() => user.writables > 0, 'writable');
    t.true(user.write(udpPacket('alone')));
    device.flush();
    await until(() => far.packets.length > sent.length, 'all packets');
    t.deepEqual(far.payloads, [...sent, 'alone']);
  },
);
