/** Tests of src/device/impair/impair.ts, clock.ts and join.ts: links that are not perfect. */
import test from 'ava';
import { SystemClock } from '../../../src/device/impair/clock.ts';
import { type ImpairOptions, impair } from '../../../src/device/impair/impair.ts';
import { createPipe } from '../../../src/device/pipe.ts';
import { joinDevices } from '../../../src/device/wrap/join.ts';
import { deviceSuite, type Link } from '../suite.ts';
import { Collector, FakeClock, settle, udpPacket, until } from '../support.ts';

function impairedLink(options: ImpairOptions): Promise<Link> {
  const [inner, other] = createPipe();
  const device = impair(inner, options);
  const far = new Collector(other);
  other.start(far);
  return Promise.resolve({
    device,
    send: (payload) => void far.write(udpPacket(payload, '10.83.0.1', '10.83.0.2')),
    get received() {
      return far.payloads;
    },
    close: async () => {
      await Promise.all([device.close(), other.close()]);
    },
  });
}

deviceSuite(test, 'impair, nothing set', () => impairedLink({}));
deviceSuite(test, 'impair, delay and rate', () =>
  impairedLink({ both: { delay: 3000, jitter: 500, rate: 100e6 } }),
);

/** Two joined pipes: link, cable, link; the suite looks through all of it. */
deviceSuite(test, 'impair, joined', () => {
  const [near, a] = createPipe();
  const [b, other] = createPipe();
  const joint = joinDevices(impair(a, { both: { delay: 200 } }), b);
  const far = new Collector(other);
  other.start(far);
  return Promise.resolve({
    device: near,
    send: (payload) => void far.write(udpPacket(payload, '10.83.0.1', '10.83.0.2')),
    get received() {
      return far.payloads;
    },
    close: async () => {
      await Promise.all([near.close(), joint.close(), other.close()]);
    },
  });
});

interface Timed {
  readonly clock: FakeClock;
  readonly user: Collector;
  readonly far: Collector;
  readonly device: ReturnType<typeof impair>;
}

/** An impaired pipe on a clock of the test's. */
function timed(options: ImpairOptions): Timed {
  const clock = new FakeClock();
  const schedule = (fn: () => void): void => clock.at(clock.now(), fn);
  const [inner, other] = createPipe({ schedule });
  const device = impair(inner, { clock, ...options });
  const user = new Collector(device);
  const far = new Collector(other);
  device.start(user);
  other.start(far);
  return { clock, user, far, device };
}

test('impair: each direction has its own delay', (t) => {
  const { clock, user, far } = timed({ both: { delay: 1000 }, in: { delay: 5000 } });
  user.write(udpPacket('out'));
  far.write(udpPacket('in'));
  clock.run(999);
  t.deepEqual([far.packets.length, user.packets.length], [0, 0]);
  clock.run(1000);
  t.deepEqual([far.packets.length, user.packets.length], [1, 0]);
  clock.run(4999);
  t.deepEqual([far.packets.length, user.packets.length], [1, 0]);
  clock.run(5000);
  t.deepEqual([far.packets.length, user.packets.length], [1, 1]);
});

test('impair: directions do not share their luck', (t) => {
  const run = (both: boolean): string[] => {
    const { clock, user, far } = timed({ both: { loss: 0.3 }, seed: 5 });
    for (let i = 0; i < 200; i++) {
      user.write(udpPacket(`${i}`));
      if (both) far.write(udpPacket(`${i}`));
      clock.run((i + 1) * 10);
    }
    return far.payloads;
  };
  t.deepEqual(run(true), run(false));
});

test('impair: the same seed gives the same run on a fake clock', (t) => {
  const run = (seed: number): unknown => {
    const { clock, user, far, device } = timed({
      seed,
      both: { loss: 0.1, delay: 2000, jitter: 500, reorder: 0.1, duplicate: 0.1, corrupt: 0.1 },
      out: { rate: 20e6, queuePackets: 30 },
    });
    for (let i = 0; i < 500; i++) {
      user.write(udpPacket(`${i}`.padEnd(i)));
      far.write(udpPacket(`${i}`));
      clock.run((i + 1) * 100);
    }
    clock.run(1e6);
    t.deepEqual(device.underWay, { in: 0, out: 0 });
    return [user.payloads, far.payloads, device.counters];
  };
  t.deepEqual(run(11), run(11));
  t.notDeepEqual(run(11), run(12));
});

test('impair: counters say what became of every packet', (t) => {
  const { clock, user, device } = timed({ out: { loss: 0.2, rate: 8e6, queuePackets: 50 } });
  for (let i = 0; i < 1000; i++) user.write(udpPacket('x'.repeat(972)));
  clock.run(1e9);
  const { offered, lost, dropped, delivered } = device.counters.out;
  t.is(offered, 1000);
  t.is(delivered, 50);
  t.is(lost + dropped + delivered, 1000);
});

test('impair: a link can break and heal', (t) => {
  const { clock, user, far, device } = timed({});
  user.write(udpPacket('before'));
  device.change({ both: { loss: 1 } });
  user.write(udpPacket('lost'));
  device.change({ both: { delay: 10 } });
  user.write(udpPacket('after'));
  clock.run(100);
  t.deepEqual(far.payloads, ['before', 'after']);
});

test('impair: what the device cannot take now waits for it, in order', async (t) => {
  const [inner, other] = createPipe({ limit: 4 });
  const device = impair(inner);
  const user = new Collector(device);
  device.start(user);
  for (let i = 0; i < 100; i++) t.true(user.write(udpPacket(`${i}`)));
  t.is(other.queued, 4);
  const far = new Collector(other);
  other.start(far);
  await until(() => far.packets.length === 100, 'all packets');
  t.deepEqual(
    far.payloads,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );
});

test('impair: one source of chance may be handed in', (t) => {
  let calls = 0;
  const random = { int32: () => (calls++ % 2 === 0 ? 0 : -1) };
  const { clock, user, far } = timed({ random, out: { loss: 0.5 } });
  for (let i = 0; i < 6; i++) user.write(udpPacket(`${i}`));
  clock.run(10);
  t.deepEqual(far.payloads, ['1', '3', '5']);
  t.is(calls, 6);
});

test('impair: what cannot be meant is refused', (t) => {
  const [inner] = createPipe();
  t.throws(() => impair(inner, { both: { loss: 2 } }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => impair(inner, { seed: Number.NaN }), { code: 'ERR_OUT_OF_RANGE' });
});

test.serial('clock: the system’s is never early, and keeps the order', async (t) => {
  const clock = new SystemClock();
  const start = clock.now();
  const called: number[] = [];
  const early: number[] = [];
  const delays = [12_000, 300, 4000, 0, 300, 2600, 1, 7000];
  for (const delay of delays) {
    clock.at(start + delay, () => {
      called.push(delay);
      if (clock.now() < start + delay) early.push(delay);
    });
  }
  t.deepEqual(called, [], 'never from within the call');
  await until(() => called.length === delays.length, 'all calls');
  t.deepEqual(early, []);
  t.deepEqual(
    called,
    delays.toSorted((a, b) => a - b),
  );
});

test('join: devices of different kinds are refused', (t) => {
  const [plain] = createPipe();
  const [virtio] = createPipe({ offload: true });
  t.throws(() => joinDevices(plain, virtio), { message: /same kind/ });
});

test('join: it ends with either of its devices, and counts', async (t) => {
  const [near, a] = createPipe();
  const [b, other] = createPipe();
  const joint = joinDevices(a, b);
  const user = new Collector(near);
  near.start(user);
  other.start(new Collector(other));
  user.write(udpPacket('counted'));
  await until(() => joint.forth === 1, 'the packet');
  t.is(joint.back, 0);
  await b.close();
  t.is(await joint.ended, undefined);
  await settle();
  await joint.close();
});
