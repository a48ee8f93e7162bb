/**
 * The switch: who hears which frame. IEEE 802.1Q §8.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { createPipe } from '../../src/index.ts';
import * as ethernet from '../../src/stack/wire/ethernet.ts';
import { Bench, frame, type Plug } from './bench.ts';

const SECOND = 1_000_000;
const heard = (...plugs: Plug[]): string[][] => plugs.map((plug) => plug.take());
const drops = (plug: Plug, reason: string): number => plug.port.stats().drops[reason] ?? -1;

function three(): [Bench, Plug, Plug, Plug] {
  const bench = new Bench();
  return [bench, bench.plug(), bench.plug(), bench.plug()];
}

test('switch: what is for an unknown station goes to everyone but who sent it (§8.6.1)', (t) => {
  const [bench, a, b, c] = three();
  bench.send(a, frame('a', 'b', 'hello'));
  t.deepEqual(heard(a, b, c), [[], ['hello'], ['hello']]);
});

test('switch: what is for a station that was heard goes to its port alone (§8.7)', (t) => {
  const [bench, a, b, c] = three();
  bench.send(b, frame('b', '*', 'I am here'));
  heard(a, b, c);
  bench.send(a, frame('a', 'b', 'hello'));
  t.deepEqual(heard(a, b, c), [[], ['hello'], []]);
  bench.send(a, frame('a', '*', 'all'));
  bench.send(a, frame('a', '01:00:5e:00:00:01', 'some'));
  t.deepEqual(heard(a, b, c), [[], ['all', 'some'], ['all', 'some']]);
});

test('switch: a frame whose station is behind the port it came from is not reflected', (t) => {
  const [bench, a, b, c] = three();
  bench.send(a, frame('a', '*', '1'));
  bench.send(a, frame('e', '*', '2'));
  heard(a, b, c);
  bench.send(a, frame('a', 'e', 'among us'));
  t.deepEqual(heard(a, b, c), [[], [], []]);
  t.is(drops(a, 'reflected'), 1);
});

test('switch: a station that moves is found at its new port', (t) => {
  const [bench, a, b, c] = three();
  bench.send(b, frame('e', '*', '1'));
  bench.now += SECOND;
  bench.send(c, frame('e', '*', '2'));
  heard(a, b, c);
  bench.send(a, frame('a', 'e', 'where'));
  t.deepEqual(heard(a, b, c), [[], [], ['where']]);
  t.is(b.port.stats().stations, 0);
  t.is(c.port.stats().stations, 1);
});

test('switch: a station that says nothing for 300 s is forgotten (table 8-6)', (t) => {
  const [bench, a, b, c] = three();
  bench.send(b, frame('b', '*', '1'));
  heard(a, b, c);
  bench.now += 300 * SECOND;
  bench.send(a, frame('a', 'b', 'still'));
  t.deepEqual(heard(a, b, c), [[], ['still'], []]);
  bench.now += 1;
  bench.send(a, frame('a', 'b', 'where'));
  t.deepEqual(heard(a, b, c), [[], ['where'], ['where']]);
  t.is(b.port.stats().stations, 0);
});

test('switch: 01-80-C2-00-00-0x goes nowhere, its neighbours do (§8.6.3)', (t) => {
  const [bench, a, b, c] = three();
  bench.send(a, frame('a', '01:80:c2:00:00:00', 'spanning tree'));
  bench.send(a, frame('a', '01:80:c2:00:00:0e', 'LLDP'));
  t.deepEqual(heard(a, b, c), [[], [], []]);
  t.is(drops(a, 'reserved'), 2);
  bench.send(a, frame('a', '01:80:c2:00:00:10', 'other'));
  t.deepEqual(heard(a, b, c), [[], ['other'], ['other']]);
});

test('switch: frames cut short, and sources that are no station, are counted drops', (t) => {
  const [bench, a, b] = three();
  bench.send(a, frame('a', 'b', '').subarray(0, 13));
  bench.send(a, frame('a', 'b', '', 7).subarray(0, 17));
  bench.send(a, frame('01:00:5e:00:00:01', 'b', 'group'));
  bench.send(a, frame('00:00:00:00:00:00', 'b', 'nobody'));
  t.deepEqual(heard(b), [[]]);
  t.deepEqual([drops(a, 'short'), drops(a, 'source')], [2, 2]);
  t.is(bench.switch.stations().length, 0);
});

test('switch: a frame reaches its VLAN alone, and tags are seen on trunks alone', (t) => {
  const bench = new Bench();
  const [a, b, c] = [bench.plug({ vlan: 10 }), bench.plug({ vlan: 10 }), bench.plug({ vlan: 20 })];
  const trunk = bench.plug({ trunk: [10, 20], vlan: 20 });
  bench.send(a, frame('a', '*', 'ten'));
  t.deepEqual(heard(a, b, c, trunk), [[], ['ten'], [], ['ten #10']]);
  bench.send(trunk, frame('d', '*', 'to ten', 10));
  t.deepEqual(heard(a, b, c, trunk), [['to ten'], ['to ten'], [], []]);
  bench.send(trunk, frame('d', '*', 'native'));
  t.deepEqual(heard(a, b, c, trunk), [[], [], ['native'], []]);
  bench.send(c, frame('c', '*', 'from twenty'));
  t.deepEqual(heard(a, b, c, trunk), [[], [], [], ['from twenty']]);
});

test('switch: the same address is two stations in two VLANs', (t) => {
  const bench = new Bench();
  const [a, b] = [bench.plug({ vlan: 10 }), bench.plug({ vlan: 20 })];
  const trunk = bench.plug({ trunk: 'all' });
  bench.send(a, frame('e', '*', '1'));
  bench.send(b, frame('e', '*', '2'));
  t.is(bench.switch.stations().length, 2);
  heard(a, b, trunk);
  bench.send(trunk, frame('d', 'e', 'ten', 10));
  bench.send(trunk, frame('d', 'e', 'twenty', 20));
  t.deepEqual(heard(a, b, trunk), [['ten'], ['twenty'], []]);
});

/** A frame of `vlan` with a tag of `inner` below that. */
function stacked(from: string, text: string, vlan: number, inner: number): Uint8Array {
  const bytes = frame(from, '*', `....${text}`, 1);
  const view = new DataView(bytes.buffer);
  view.setUint16(14, vlan);
  view.setUint16(16, ethernet.EtherType.VLAN);
  view.setUint16(18, inner);
  view.setUint16(20, 0x88b5);
  return bytes;
}

const tagsOf = (plug: Plug): number[][] =>
  plug.frames.splice(0).map((bytes) => {
    const view = new DataView(bytes.buffer);
    const tags: number[] = [];
    for (let at = 12; view.getUint16(at) === ethernet.EtherType.VLAN; at += 4) {
      tags.push(view.getUint16(at + 2) & 0xfff);
    }
    return tags;
  });

// IEEE 802.1Q §6.9: a port that takes no tags takes none below a priority either, or a frame would hop to the VLAN
// that the tag names as soon as the outer one is taken away.
test('switch: a tag below a priority is a drop at a port without tags', (t) => {
  const bench = new Bench();
  const [access, other] = [bench.plug(), bench.plug()];
  const trunk = bench.plug({ trunk: 'all', vlan: 1 });
  const priority = frame('a', '*', 'priority');
  bench.send(access, stacked('a', 'hop', 0, 100));
  t.deepEqual([tagsOf(other), tagsOf(trunk)], [[], []]);
  t.is(drops(access, 'vlan'), 1);
  bench.send(access, priority);
  t.deepEqual([tagsOf(other), tagsOf(trunk)], [[[]], [[]]]);
});

test('switch: a tag below that of a VLAN is payload, and never what a trunk shows first', (t) => {
  const bench = new Bench();
  const from = bench.plug({ trunk: 'all' });
  const access = bench.plug({ vlan: 10 });
  const [trunk, native] = [bench.plug({ trunk: [10] }), bench.plug({ trunk: 'all', vlan: 10 })];
  bench.send(from, stacked('a', 'inner', 10, 100));
  t.deepEqual(tagsOf(access), [[100]], 'as it was given to the carrier');
  t.deepEqual(tagsOf(trunk), [[10, 100]]);
  t.deepEqual(tagsOf(native), []);
  t.is(drops(native, 'vlan'), 1);
});

test('switch: a tag at a port without, and a VLAN that a trunk does not carry, are drops', (t) => {
  const bench = new Bench();
  const [access, trunk] = [bench.plug(), bench.plug({ trunk: [10] })];
  bench.send(access, frame('a', '*', 'tagged', 10));
  bench.send(trunk, frame('b', '*', 'bare'));
  bench.send(trunk, frame('b', '*', 'other', 11));
  t.deepEqual([drops(access, 'vlan'), drops(trunk, 'vlan')], [1, 2]);
});

test('switch: a tag that names only a priority is as none', (t) => {
  const [bench, a, b] = three();
  const bytes = frame('a', '*', 'urgent', 1);
  bytes[15] = 0; // VLAN 0
  bench.send(a, bytes);
  t.deepEqual(heard(b), [['urgent']]);
});

test('switch: isolated ports reach others, and not each other', (t) => {
  const bench = new Bench();
  const [a, b] = [bench.plug({ isolated: true }), bench.plug({ isolated: true })];
  const up = bench.plug();
  bench.send(a, frame('a', '*', '1'));
  t.deepEqual(heard(a, b, up), [[], [], ['1']]);
  bench.send(up, frame('c', '*', '2'));
  t.deepEqual(heard(a, b, up), [['2'], ['2'], []]);
  bench.send(b, frame('b', 'a', '3'));
  t.deepEqual(heard(a, b, up), [[], [], []]);
  t.is(drops(b, 'isolated'), 1);
});

test('switch: one slow port loses its own frames and holds up nobody', (t) => {
  const bench = new Bench();
  const a = bench.plug();
  const slow = bench.plug({ queue: 5 }, 10);
  const b = bench.plug();
  slow.reading = false;
  for (let i = 0; i < 50; i++) bench.send(a, frame('a', '*', `${i}`));
  t.is(b.take().length, 50);
  t.is(drops(slow, 'queueFull'), 35, '10 in the cable, 5 in the queue');
  t.is(slow.port.stats().queued, 5);
  slow.reading = true;
  slow.read();
  bench.run();
  slow.read();
  t.deepEqual(
    slow.take(),
    Array.from({ length: 15 }, (_, i) => `${i}`),
    'in their order',
  );
  t.is(slow.port.stats().queued, 0);
});

test('switch: frames to everyone are bounded by the second, others are not', (t) => {
  const bench = new Bench();
  const [a, b] = [bench.plug({ storm: 10 }), bench.plug()];
  bench.send(b, frame('b', '*', 'here'));
  for (let i = 0; i < 30; i++) bench.send(a, frame('a', '*', `storm ${i}`));
  t.is(b.take().length, 10);
  t.is(drops(a, 'storm'), 20);
  bench.send(a, frame('a', 'b', 'one'));
  t.deepEqual(b.take(), ['one']);
  bench.now += SECOND / 2;
  for (let i = 0; i < 30; i++) bench.send(a, frame('a', '*', `storm ${i}`));
  t.is(b.take().length, 5);
});

test('switch: two switches that are joined twice do not melt', (t) => {
  const bench = new Bench();
  const due: (() => void)[] = [];
  const schedule = (fn: () => void): unknown => due.push(fn);
  const [left, right] = [new Bench(), new Bench()];
  for (let i = 0; i < 2; i++) {
    const [one, two] = createPipe({ medium: 'ethernet', schedule });
    left.switch.plug(one, { storm: 100 });
    right.switch.plug(two, { storm: 100 });
  }
  const a = left.plug();
  left.send(a, frame('a', '*', 'round and round'));
  let turns = 0;
  for (; due.length > 0 && turns < 100_000; turns++) due.shift()?.();
  t.true(turns < 2000, `it ended after ${turns} turns`);
  bench.run();
});

test('switch: a flood of addresses fills its own share of the table and no more', (t) => {
  const bench = new Bench({ stations: 64 });
  const [evil, a, b] = [bench.plug({ stations: 20, storm: 1e9 }), bench.plug(), bench.plug()];
  for (let i = 0; i < 5000; i++) {
    const octets = [i >> 8, i & 255].map((octet) => octet.toString(16)).join(':');
    bench.send(evil, frame(`02:aa:00:00:${octets}`, '*', 'x'));
  }
  t.is(evil.port.stats().stations, 20);
  t.is(evil.port.stats().notLearned, 4980);
  bench.send(a, frame('a', '*', 'here'));
  heard(evil, a, b);
  bench.send(b, frame('b', 'a', 'found'));
  t.deepEqual(heard(evil, a, b), [[], ['found'], []]);
});

test('switch: floods of addresses at many ports leave a quiet one its share of the table', (t) => {
  const bench = new Bench({ stations: 64 });
  const evil = [1, 2, 3, 4].map(() => bench.plug({ storm: 1e9 }));
  const [a, b] = [bench.plug(), bench.plug()];
  const flood = (): void => {
    for (let i = 0; i < 500; i++) {
      for (const [at, plug] of evil.entries()) {
        const octets = [at, i >> 8, i & 255].map((octet) => octet.toString(16)).join(':');
        bench.send(plug, frame(`02:aa:00:${octets}`, '*', 'x'));
      }
    }
  };
  flood();
  bench.send(a, frame('a', '*', 'here'));
  flood();
  heard(a, b, ...evil);
  bench.send(b, frame('b', 'a', 'found'));
  t.deepEqual(heard(a, b, ...evil), [['found'], [], [], [], [], []]);
  t.is(bench.switch.stations().length, 64);
});

test('switch: a hook sees, drops and rewrites frames', (t) => {
  const [bench, a, b, c] = three();
  const seen: string[] = [];
  bench.switch.onFrame = ({ port, vlan, view, at, length }) => {
    seen.push(`${port === a.port} ${vlan} ${length}`);
    if (view.getUint8(at + 14) === 'x'.charCodeAt(0)) return 'drop';
    view.setUint8(at + 14, 'H'.charCodeAt(0));
    return 'pass';
  };
  bench.send(a, frame('a', '*', 'x'));
  bench.send(a, frame('a', '*', 'hello'));
  t.deepEqual(heard(a, b, c), [[], ['Hello'], ['Hello']]);
  t.deepEqual(seen, ['true 1 60', 'true 1 60']);
  t.is(drops(a, 'hook'), 1);
});

test('switch: a mirror shows what comes from a port and what leaves there', (t) => {
  const [bench, a, b, c] = three();
  const [d] = [bench.plug({ vlan: 99 })];
  bench.switch.mirror(a.port, d.port);
  bench.send(a, frame('a', '*', 'out'));
  bench.send(b, frame('b', 'a', 'in'));
  bench.send(b, frame('b', 'c', 'not theirs'));
  t.deepEqual(d.take(), ['out', 'in', 'not theirs'], 'the last one is flooded: it left there too');
  bench.send(c, frame('c', '*', 'here'));
  d.take();
  bench.send(b, frame('b', 'c', 'not theirs'));
  t.deepEqual(d.take(), []);
  bench.switch.mirror(a.port, undefined);
  bench.send(a, frame('a', '*', 'out'));
  t.deepEqual(d.take(), []);
});

test('switch: a port that is pulled out is forgotten with its stations', async (t) => {
  const [bench, a, b, c] = three();
  bench.send(b, frame('b', '*', 'here'));
  const ended = b.port.unplug();
  bench.run();
  await ended;
  t.is(await b.port.unplugged, undefined);
  t.is(bench.switch.ports.length, 2);
  t.deepEqual(bench.switch.stations(), []);
  heard(a, c);
  bench.send(a, frame('a', 'b', 'where'));
  t.deepEqual(heard(a, c), [[], ['where']]);
});

function refuses(t: ExecutionContext, code: string, plug: () => unknown): void {
  t.throws(plug, { code });
}

test('switch: what cannot be plugged in is refused with the reason', (t) => {
  const bench = new Bench({ ports: 2 });
  const [packets] = createPipe();
  refuses(t, 'ERR_INVALID_ARG_VALUE', () => bench.switch.plug(packets));
  for (const options of [
    ...[{ vlan: 0 }, { vlan: 4095 }, { trunk: [0] }, { stations: 0 }, { queue: 0 }],
  ]) {
    refuses(t, 'ERR_OUT_OF_RANGE', () => bench.plug(options));
  }
  for (const options of [
    { mac: '1:2' },
    { mac: '01:00:5e:00:00:01' },
    { ip: '::1' },
    { storm: 0 },
  ]) {
    refuses(t, 'ERR_INVALID_ARG_VALUE', () => bench.plug(options));
  }
  bench.plug();
  bench.plug();
  t.throws(() => bench.plug(), { code: 'ENOSPC' });
});

test('switch: its stations are listed with port, VLAN and age', (t) => {
  const [bench, a] = three();
  bench.send(a, frame('02:00:5e:00:53:01', '*', 'here'));
  bench.now += 2 * SECOND;
  t.deepEqual(bench.switch.stations(), [
    { mac: '02:00:5e:00:53:01', vlan: 1, port: a.port, age: 2 },
  ]);
});

test('switch: a port that tells from within another one’s turn waits for the end of it', async (t) => {
  const bench = new Bench();
  const cable = { prompt: true };
  const [a, b, c] = [bench.plug({}, 100, cable), bench.plug({}, 100, cable), bench.plug()];
  // Who hears a frame answers at once: the switch still holds the one that it was given.
  bench.switch.onFrame = ({ port }) => {
    if (port === a.port) b.sendNow(frame('b', '*', 'between'));
    return 'pass';
  };
  a.sendNow(frame('a', '*', 'first'));
  bench.run();
  await new Promise((done) => setTimeout(done, 1));
  bench.run();
  t.deepEqual(heard(c), [['first', 'between']]);
});

test('switch: half a mebibyte is a turn’s work, the rest is the next one’s', (t) => {
  const bench = new Bench();
  const cable = { mtu: 65_000 };
  const [a, b] = [bench.plug({}, 100, cable), bench.plug({}, 100, cable)];
  for (let i = 0; i < 12; i++) a.send(frame('a', '*', `${i}`.padEnd(60_000)));
  bench.run(1);
  t.is(a.port.stats().framesIn, 9);
  bench.run();
  t.is(a.port.stats().framesIn, 12);
  t.is(b.port.stats().framesOut, 12);
});

test('switch: of a prompt pipe each frame is taken as it is written, however much they are', (t) => {
  const bench = new Bench();
  const cable = { mtu: 65_000 };
  const a = bench.plug({}, 100, { ...cable, prompt: true });
  const b = bench.plug({}, 100, cable);
  for (let i = 0; i < 12; i++) a.send(frame('a', '*', `${i}`.padEnd(60_000)));
  t.is(a.port.stats().framesIn, 12);
  a.far.flush();
  bench.run();
  t.is(b.port.stats().framesOut, 12);
});
