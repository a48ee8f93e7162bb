/**
 * A bare switch between TAPs, and scapy at one of them: what it sends is bounded, counted by its name, and does the
 * others no harm.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';
import {
  createSwitch,
  openTap,
  type PortOptions,
  type PortStats,
  type Switch,
  type SwitchOptions,
  type SwitchPort,
} from '../../src/index.ts';
import { pinged } from '../support/pinged.ts';
import type { Ended } from '../support/process.ts';
import { root } from '../support/root.ts';
import { Namespace } from './forwarding.ts';
import { testWith } from './serving.ts';

/** The system's Python first: the packages of the system are its. */
const python = ['/usr/bin/python3', 'python3'].find(
  (one) => spawnSync(one, ['-c', 'import scapy']).status === 0,
);

function withScapy(): TestFn {
  if (python !== undefined) return testWith('ip', 'nsenter', 'ping');
  console.log('skipped, no scapy here (python3-scapy)');
  return test.skip as unknown as TestFn; // takes what `test` takes
}

const hostile = withScapy();

/** Who is there: in a namespace each, `gw` and `vm` the others', `ev` the intruder's. */
const NAMES = ['gw', 'vm', 'ev'] as const;
type Name = (typeof NAMES)[number];
const PLACES: Readonly<Record<Name, readonly [mac: string, address: string, address6: string]>> = {
  gw: ['02:00:5e:00:53:01', '10.85.0.1', 'fd85::1'],
  vm: ['02:00:5e:00:53:02', '10.85.0.2', 'fd85::2'],
  ev: ['02:00:5e:00:53:66', '10.85.0.66', 'fd85::66'],
};
const [GATEWAY_MAC, GATEWAY, GATEWAY6] = PLACES.gw;
const [VICTIM_MAC, VICTIM, VICTIM6] = PLACES.vm;

interface Room {
  readonly folder: string;
  readonly bridge: Switch;
  readonly ports: Readonly<Record<Name, SwitchPort>>;
  /** What one case of intruder.py says. */
  intrude<T>(what: string, ...words: string[]): Promise<T>;
  /** That the others reach each other by both families, and have each other's own hardware addresses. */
  unharmed(): Promise<void>;
  /** Of the intruder's port. */
  stats(): PortStats;
}

async function room(
  t: ExecutionContext,
  options: Partial<Record<Name, PortOptions>> = {},
  switchOptions: SwitchOptions = {},
  mtu = 1500,
): Promise<Room> {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-hostile-'));
  const bridge = createSwitch(switchOptions);
  t.teardown(async () => {
    await bridge.close();
    rmSync(folder, { recursive: true });
  });
  const made = await Promise.all(
    NAMES.map(async (name) => {
      const space = await Namespace.make(t);
      const tap = await openTap({ name, mtu: name === 'ev' ? mtu : 1500 });
      await space.adopt(name);
      const [mac, address, address6] = PLACES[name];
      await space.ip('link', 'set', name, 'address', mac, 'mtu', String(tap.mtu), 'up');
      await space.ip('addr', 'add', `${address}/24`, 'dev', name);
      await space.ip('-6', 'addr', 'add', `${address6}/64`, 'dev', name, 'nodad');
      return { name, space, port: bridge.plug(tap, options[name]) };
    }),
  );
  const of = <T>(pick: (one: (typeof made)[number]) => T): Record<Name, T> =>
    Object.fromEntries(made.map((one) => [one.name, pick(one)])) as Record<Name, T>; // all have one
  const [spaces, ports] = [of(({ space }) => space), of(({ port }) => port)];
  const { gw, vm, ev } = spaces;
  const ping = (space: Namespace, to: string): Promise<Ended> =>
    space.run('ping', '-q', '-c', '20', '-i', '0.01', '-w', '20', to);
  const unharmed = async (): Promise<void> => {
    for (const [space, to] of [
      [vm, GATEWAY],
      [gw, VICTIM],
      [vm, GATEWAY6],
      [gw, VICTIM6],
    ] as const) {
      const { out } = await ping(space, to);
      t.true(pinged(out).received >= 20, out);
    }
    for (const to of [GATEWAY, GATEWAY6]) {
      const { out } = await vm.run('ip', 'neigh', 'show', to);
      t.true(out.includes(GATEWAY_MAC), out);
    }
  };
  const script = join(root, 'test/tun/intruder.py');
  await unharmed();
  return {
    ...{ folder, bridge, ports, unharmed },
    intrude: async (what, ...words) => {
      const { out, err } = await ev.run(python ?? 'python3', script, what, 'ev', ...words);
      t.true(out.startsWith('{'), err);
      return JSON.parse(out);
    },
    stats: () => ports.ev.stats(),
  };
}

const dropsOf = ({ drops }: PortStats, ...names: string[]): number =>
  names.reduce((sum, name) => sum + (drops[name] ?? 0), 0);

/** Settles when it is so, or does not become so. */
async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!done() && performance.now() < end) await new Promise((next) => setTimeout(next, 10));
}

hostile.serial(
  'switch: a gateway whose port is pinned is nobody else, whatever ARP, neighbour discovery and sources say',
  async (t) => {
    const pins = { mac: GATEWAY_MAC, ip: [GATEWAY, GATEWAY6, 'fe80::5eff:fe00:5301'] };
    const { intrude, unharmed, stats, bridge, ports } = await room(t, { gw: pins });
    const words = [GATEWAY, GATEWAY_MAC, VICTIM, VICTIM_MAC, GATEWAY6, VICTIM6];
    const sent = await intrude<{ ip: number; mac: number }>('poison', ...words);
    await until(() => dropsOf(stats(), 'pinnedMac', 'pinnedIp') >= sent.ip + sent.mac);
    t.is(dropsOf(stats(), 'pinnedIp'), sent.ip);
    t.is(dropsOf(stats(), 'pinnedMac'), sent.mac);
    await unharmed();
    const gateway = bridge.stations().filter(({ mac }) => mac === GATEWAY_MAC);
    t.deepEqual(
      gateway.map(({ port }) => port),
      [ports.gw],
    );
  },
);

hostile.serial(
  'switch: a flood of stations fills its share of the table, and the others have theirs, and their frames alone',
  async (t) => {
    // So few a second that a slow intruder is a storm too.
    const few = { ev: { storm: 1000 } };
    const { intrude, unharmed, stats, bridge, ports } = await room(t, few, { stations: 256 });
    const flooding = intrude('flood', '60000');
    await until(() => stats().notLearned > 0);
    await unharmed();
    await flooding;
    const { stations, notLearned, drops, framesIn } = stats();
    t.true(stations <= 256 && bridge.stations().length <= 256, `${stations} stations`);
    t.true(notLearned > 10_000, `${notLearned} of ${framesIn} not learned`);
    t.true((drops['storm'] ?? 0) > 0, JSON.stringify(drops));
    t.deepEqual(
      [ports.gw, ports.vm].map((port) => dropsOf(port.stats(), 'storm', 'queueFull')),
      [0, 0],
    );
    const before = stats().framesOut;
    await unharmed();
    t.true(stats().framesOut - before < 20, 'what is for others goes to others');
  },
);

// IEEE 802.1ad's own tag is no tag to a switch of 802.1Q: such a frame is one of the port's VLAN, whatever it names.
hostile.serial(
  'switch: tags in stacks lead from one VLAN to no other, from a port without tags nor from a trunk',
  async (t) => {
    for (const options of [{ vlan: 10 }, { trunk: [10, 20], vlan: 10 }]) {
      const { intrude, unharmed, stats, ports, folder } = await room(t, { ev: options });
      const files = (['vm', 'ev'] as const).map((name) => {
        const path = join(folder, name);
        return { path, capture: ports[name].capture(path) };
      });
      const before = stats().framesIn;
      const sent = await intrude<Record<'total' | 'tagged', number>>('stacks', VICTIM_MAC);
      await until(() => stats().framesIn - before >= sent.total);
      if (!('trunk' in options)) t.is(dropsOf(stats(), 'vlan'), sent.tagged);
      await unharmed();
      await Promise.all(files.map(({ capture }) => capture.close()));
      const seen = files.map(({ path }) => readFileSync(path).includes('stacked'));
      t.deepEqual(seen, [false, true]);
    }
  },
);

hostile.serial(
  'switch: frames that are cut short, too long, or of no station are counted each by its name',
  async (t) => {
    const { intrude, unharmed, stats, ports } = await room(t, {}, {}, 9000);
    const sent = await intrude<Record<'cuts' | 'sources' | 'reserved' | 'long', number>>(
      'sizes',
      VICTIM_MAC,
    );
    await until(() => dropsOf(ports.vm.stats(), 'tooLong') >= sent.long);
    t.is(dropsOf(stats(), 'short'), sent.cuts);
    t.is(dropsOf(stats(), 'source'), sent.sources);
    t.is(dropsOf(stats(), 'reserved'), sent.reserved);
    t.is(dropsOf(ports.vm.stats(), 'tooLong'), sent.long);
    await unharmed();
    await intrude('noise', VICTIM_MAC, '5000');
    await unharmed();
  },
);
