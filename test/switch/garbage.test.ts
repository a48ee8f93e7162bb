/**
 * What handing on a frame leaves to the collector: nothing.
 * @module
 */
import test from 'ava';
import { createSwitch, type Device, type DeviceUser } from '../../src/index.ts';
import { garbage, LEFT_BY_ENGINE } from '../support/garbage.ts';
import { frame } from './bench.ts';

/** A device that gives a frame whenever it is told to, and takes every one. */
class Station implements Device {
  readonly name = 'station';
  readonly medium = 'ethernet';
  readonly mtu = 1500;
  readonly headerLength = 0;
  readonly maxPacket = 1518;
  readonly offload = { checksum: false, tso4: false, uso4: false };
  taken = 0;
  #user: DeviceUser | undefined;
  #frame: Uint8Array = new Uint8Array(0);
  #due = 0;

  start(user: DeviceUser): void {
    this.#user = user;
  }

  /** Send a frame `times` times. */
  give(bytes: Uint8Array, times = 1): void {
    this.#frame = bytes;
    this.#due = times;
    this.#user?.readable();
  }

  read(at: number): number {
    if (this.#due === 0) return 0;
    this.#due--;
    const { memory } = this.#user as DeviceUser; // it was started
    for (let i = 0; i < this.#frame.length; i++) memory[at + i] = this.#frame[i] as number;
    return this.#frame.length;
  }

  write(): boolean {
    this.taken++;
    return true;
  }

  flush(): void {}

  async close(): Promise<void> {}
}

/** The same where several are given by one call. */
class Several extends Station {
  calls = 0;

  readMany(places: Int32Array, count: number, _room: number, lengths: Int32Array): number {
    this.calls++;
    for (let i = 0; i < count; i++) lengths[i] = this.read(places[i] as number);
    return count;
  }
}

test('switch: a frame that is handed on, tagged or flooded leaves no garbage', (t) => {
  let now = 0;
  // The same frame to everyone again and again would be taken for one that goes round.
  const bridge = createSwitch({ clock: { now: () => now }, secret: 4, persistence: 0 });
  const [a, b, c] = [new Station(), new Station(), new Station()];
  bridge.plug(a, { storm: 1e9, mac: '02:00:00:00:00:61' });
  bridge.plug(b, { trunk: 'all' });
  bridge.plug(c);
  const toKnown = frame('a', 'b', 'known');
  const toAll = frame('a', '*', 'all');
  b.give(frame('b', '*', 'here', 1));
  const left = garbage(() => {
    now += 10;
    a.give(toKnown);
    a.give(toAll);
  });
  t.true(left <= LEFT_BY_ENGINE, `${left} bytes for two frames`);
  t.true(b.taken > c.taken && c.taken * 3 > b.taken);
});

test('switch: frames that come several by one call leave no garbage', (t) => {
  let now = 0;
  const bridge = createSwitch({ clock: { now: () => now }, secret: 4 });
  const [a, b] = [new Several(), new Station()];
  bridge.plug(a, { storm: 1e9 });
  bridge.plug(b);
  b.give(frame('b', '*', 'here'));
  const toKnown = frame('a', 'b', 'known');
  const left = garbage(() => {
    now += 10;
    a.give(toKnown, 20);
  });
  t.true(left <= LEFT_BY_ENGINE, `${left} bytes for 20 frames`);
  t.true(a.calls > 0 && b.taken > 20);
});
