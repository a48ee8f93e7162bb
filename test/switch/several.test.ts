/**
 * The switch at devices that give several frames by one call: what is true of frames that come one by one is true of these.
 * @module
 */
import test from 'ava';
import { Wrapper } from '../../src/device/wrap/wrapper.ts';
import { createPipe, type PipeOptions, type PortOptions } from '../../src/index.ts';
import { Bench, frame, Plug } from './bench.ts';

/** A cable's end that gives several by one call. */
class Several extends Wrapper {
  /** For how many it was asked, each time: 1 by `read`. */
  asked: number[] = [];
  /** Batches of writes, as they left. */
  left: number[] = [];
  #written = 0;

  override read(at: number, room: number): number {
    this.asked.push(1);
    return this.device.read(at, room);
  }

  readMany(places: Int32Array, count: number, room: number, lengths: Int32Array): number {
    this.asked.push(count);
    for (let i = 0; i < count; i++) lengths[i] = this.device.read(places[i] as number, room);
    return count;
  }

  override write(at: number, length: number): boolean {
    const taken = super.write(at, length);
    if (taken) this.#written++;
    return taken;
  }

  override flush(): void {
    this.left.push(this.#written);
    this.#written = 0;
    super.flush();
  }
}

function plug(bench: Bench, options: PortOptions = {}, cable: PipeOptions = {}): [Plug, Several] {
  const { schedule } = bench;
  const [near, far] = createPipe({ medium: 'ethernet', limit: 100, ...cable, schedule });
  const several = new Several(near);
  return [new Plug(bench.switch.plug(several, options), far), several];
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `no ${i}`);

/** Frames that the switch has in one turn. */
function burst(bench: Bench, from: Plug, frames: readonly Uint8Array[]): void {
  for (const bytes of frames) from.send(bytes);
  bench.run();
}

test('switch: after the first frame of a turn several come by one call, and go on in order', (t) => {
  const bench = new Bench();
  const [a, device] = plug(bench);
  const [b, c] = [bench.plug(), bench.plug()];
  bench.send(b, frame('b', '*', 'here'));
  for (const one of [a, b, c]) one.take();
  const sent = texts(50);
  burst(
    bench,
    a,
    sent.map((text) => frame('a', 'b', text)),
  );
  t.deepEqual(b.take(), sent);
  t.deepEqual(c.take(), []);
  t.deepEqual(device.asked, [1, 4, 8, 16, 16, 16]);
  t.is(a.port.stats().framesIn, 50);
});

test('switch: what a turn brings for a port leaves there as one batch', (t) => {
  const bench = new Bench();
  const [a] = plug(bench);
  const [b, out] = plug(bench);
  bench.send(b, frame('b', '*', 'here'));
  burst(
    bench,
    a,
    texts(30).map((text) => frame('a', 'b', text)),
  );
  t.deepEqual(out.left, [30]);
  t.is(b.take().length, 30);
});

test('switch: after turns of one frame a device is not asked for a second, until there are more', (t) => {
  const bench = new Bench();
  const [a, device] = plug(bench);
  const b = bench.plug();
  for (const text of texts(6)) bench.send(a, frame('a', '*', text));
  t.deepEqual(device.asked.splice(0), [1, 4, 1, 4, 1, 4, 1, 4, 1, 1]);
  burst(
    bench,
    a,
    texts(20).map((text) => frame('a', 'c', text)),
  );
  t.deepEqual(b.take(), [...texts(6), ...texts(20)], 'the device tells again');
});

test('switch: frames that came by one call are tagged, shown to the hook and mirrored each as it is', (t) => {
  const bench = new Bench();
  const [a] = plug(bench, { vlan: 10 });
  const [b, trunk, sees] = [
    bench.plug({ vlan: 10 }),
    bench.plug({ trunk: 'all' }),
    bench.plug({ vlan: 99 }),
  ];
  bench.switch.mirror(a.port, sees.port);
  let shown = 0;
  bench.switch.onFrame = ({ at, view }) => {
    shown++;
    return view.getUint8(at + 17) === 0x33 ? 'drop' : 'pass'; // no 3
  };
  burst(
    bench,
    a,
    texts(6).map((text) => frame('a', '*', text)),
  );
  t.is(shown, 6);
  t.deepEqual(sees.take(), texts(6));
  t.deepEqual(b.take(), ['no 0', 'no 1', 'no 2', 'no 4', 'no 5']);
  t.deepEqual(trunk.take(), ['no 0 #10', 'no 1 #10', 'no 2 #10', 'no 4 #10', 'no 5 #10']);
  t.is(a.port.stats().drops['hook'], 1);
});

test('switch: the bound of a storm holds within frames that came by one call', (t) => {
  const bench = new Bench();
  const [a] = plug(bench, { storm: 5 });
  const b = bench.plug();
  burst(
    bench,
    a,
    texts(20).map((text) => frame('a', '*', text)),
  );
  t.deepEqual(b.take(), texts(5));
  t.is(a.port.stats().drops['storm'], 15);
});

test('switch: a port that is slow loses what its queue cannot hold, and the others have all of it in order', (t) => {
  const bench = new Bench();
  const [a] = plug(bench);
  const [slow] = plug(bench, { queue: 4 }, { limit: 3 });
  const b = bench.plug();
  slow.reading = false;
  burst(
    bench,
    a,
    texts(40).map((text) => frame('a', '*', text)),
  );
  t.deepEqual(b.take(), texts(40));
  t.is(slow.port.stats().drops['queueFull'], 40 - 3 - 4);
  slow.reading = true;
  slow.read();
  bench.run();
  t.deepEqual(slow.take(), texts(7));
});

test('switch: one that is too long, or has no header, is dropped alone', (t) => {
  const bench = new Bench();
  const [a, device] = plug(bench);
  const b = bench.plug();
  const frames = texts(8).map((text) => frame('a', '*', text));
  frames[3] = frame('a', '*', 'short').subarray(0, 13);
  const read = device.readMany.bind(device);
  device.readMany = (places, count, room, lengths) => {
    const asked = read(places, count, room, lengths);
    if (count === 4) lengths[0] = room + 1; // of 8 the second
    return asked;
  };
  burst(bench, a, frames);
  t.deepEqual(b.take(), ['no 0', 'no 2', 'no 4', 'no 5', 'no 6', 'no 7']);
  const { drops } = a.port.stats();
  t.deepEqual([drops['tooLong'], drops['short']], [1, 1]);
});

test('switch: of a port that is pulled out no more goes on, be it read already', (t) => {
  const bench = new Bench();
  const [a] = plug(bench);
  const b = bench.plug();
  bench.switch.onFrame = ({ at, view, port }) => {
    if (view.getUint8(at + 17) === 0x33) void port.unplug(); // no 3
    return 'pass';
  };
  burst(
    bench,
    a,
    texts(20).map((text) => frame('a', '*', text)),
  );
  t.deepEqual(b.take(), texts(4));
});

test('switch: long frames are read one by one, each to where the last one was', (t) => {
  const bench = new Bench();
  const [a, device] = plug(bench, {}, { offload: true });
  const b = bench.plug({}, 100, { offload: true });
  const long = frame('a', '*', 'x'.repeat(20_000));
  burst(bench, a, [long, long, long, frame('a', '*', 'short'), long]);
  t.deepEqual(device.asked, [1, 1, 1, 1, 4]);
  t.deepEqual(
    b.take().map((text) => text.length),
    [20_000, 20_000, 20_000, 5, 20_000],
  );
});

test('switch: two ports read to the same places, and neither has what is the other one’s', (t) => {
  const bench = new Bench();
  const [[a], [b]] = [plug(bench), plug(bench)];
  const c = bench.plug();
  for (const text of texts(10)) {
    a.send(frame('a', 'c', `a ${text}`));
    b.send(frame('b', 'c', `b ${text}`));
  }
  bench.run();
  const heard = c.take();
  t.deepEqual(
    heard.filter((text) => text.startsWith('a')),
    texts(10).map((text) => `a ${text}`),
  );
  t.deepEqual(
    heard.filter((text) => text.startsWith('b')),
    texts(10).map((text) => `b ${text}`),
  );
});
