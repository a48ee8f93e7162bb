/**
 * Hours of a network with idle and busy guests: leases are renewed and run out, neighbours age, flows and guests
 * come and go. Whether anything stands still, and whether anything grows.
 * @module
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createPipe, type Device, SeededRandom } from '../../src/index.ts';
import { createNetwork, type Network } from '../../src/services.ts';
import { Guest, Log, pause, Span } from './guest.ts';
import { type Outside, resolveAll } from './outside.ts';

const MINUTE = 60_000;
/** Seconds: some dozens of renewals in eight hours. */
const LEASE = 900;
/** How often each kind of guest does something, in ms. */
const BUSY = 5_000;
const IDLE = 10 * MINUTE;
const VISIT = 7 * MINUTE;
const STAY = 2 * MINUTE;
/** Whoever visits comes again under an address of so many. */
const VISITORS = 200;
const MIB = 1024 ** 2;
/** What may be more at the end than when all was warm: memory after a collection, in bytes. */
const ROOM = 8 * MIB;

/** What there is at one moment. */
export interface Sample {
  /** Minutes from the beginning. */
  readonly minute: number;
  /** After a collection: V8's heap and what lies outside of it, the slots of stacks included. */
  readonly heap: number;
  readonly rss: number;
  readonly leases: number;
  readonly flows: number;
  readonly stations: number;
  readonly neighbours: number;
  readonly queued: number;
  /** Flows that were carried, and things that guests have done, from the beginning. */
  readonly carried: number;
  readonly done: number;
}

export interface HoursOptions {
  readonly minutes: number;
  /** How often a sample is taken, in minutes. */
  readonly every: number;
  readonly outside: Outside;
  /** Gives microseconds; undefined: the system's clock, and chance. */
  readonly clock?: { now(): number };
  /** More guests' devices, by name, which are there from the beginning. */
  readonly machines?: (network: Network) => Promise<Device[]>;
  /** What others do with those that are there. */
  readonly others?: (guests: readonly Guest[], log: Log, span: Span) => Promise<void>;
  readonly sampled?: (sample: Sample) => void;
}

export interface Hours {
  readonly samples: readonly Sample[];
  readonly failures: readonly string[];
  /** Milliseconds of the slowest thing that a guest did. */
  readonly slowest: number;
  /** What has grown, in words. */
  readonly grown: readonly string[];
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const macOf = (number: number): string =>
  `02:00:5e:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`;

function look(network: Network, log: Log, minute: number): Sample {
  collect();
  const { heapUsed, rss, external } = process.memoryUsage();
  const { tcp, udp, tcpOpen, udpOpen } = network.gateway.carried();
  const ports = network.switch.ports.map((port) => port.stats());
  return {
    ...{ minute, heap: heapUsed + external, rss, leases: network.dhcp.leases.length },
    ...{ flows: tcpOpen + udpOpen, carried: tcp + udp, done: log.done },
    stations: network.switch.stations().length,
    neighbours: network.stack.neighbours.length,
    queued: ports.reduce((sum, { queued }) => sum + queued, 0),
  };
}

/** Live through so many minutes. */
export async function live(options: HoursOptions): Promise<Hours> {
  const { minutes, every, outside, clock } = options;
  const own = clock ? { clock, random: new SeededRandom(17) } : {};
  const now = (): number => (clock ? clock.now() / 1000 : performance.now());
  const log = new Log(now);
  const network = createNetwork({
    ...{ ...own, dialer: outside, exchange: resolveAll, leaseTime: LEASE },
    dns: { servers: ['192.0.2.53'] },
  });
  await network.ready;
  const span = new Span(now, minutes * MINUTE);

  const plugged = (number: number): Guest => {
    const [port, device] = createPipe({ medium: 'ethernet' });
    const plug = network.plug(port, { name: `guest ${number}` });
    return new Guest(device, macOf(number), own, plug);
  };
  const machines = (await options.machines?.(network)) ?? [];
  const residents = [
    ...[1, 2, 3, 4].map(plugged),
    ...machines.map((device, i) => new Guest(device, macOf(10 + i), own)),
  ];
  for (const guest of residents) guest.serve();
  await Promise.all(residents.map((guest) => guest.client.ready));

  const works = residents.map((guest, i) =>
    i % 2 === 0
      ? beBusy(guest, residents[(i + 1) % residents.length] as Guest, log, span)
      : beIdle(guest, log, span),
  );
  works.push(visit(plugged, log, span));
  if (options.others) works.push(options.others(residents, log, span));

  const samples: Sample[] = [];
  for (let minute = every; minute <= minutes; minute += every) {
    await pause(every * MINUTE);
    const sample = look(network, log, minute);
    samples.push(sample);
    options.sampled?.(sample);
  }
  await Promise.all(works);
  await Promise.all(residents.map((guest) => guest.leave()));
  await network.close();
  return { samples, failures: log.failures, slowest: log.slowest, grown: growth(samples) };
}

/** Names, flows out by TCP and UDP, and a neighbour, again and again. */
async function beBusy(guest: Guest, next: Guest, log: Log, span: Span): Promise<void> {
  for (let round = 0; span.isOn; round++) {
    const port = 1024 + (round % 50_000);
    await log.note('a name', guest.look());
    await log.note('TCP outside', guest.talk('198.51.100.1', 1 + (round % 65_536), port));
    await log.note('UDP outside', guest.ask('198.51.100.1', port, new Uint8Array(1000)));
    if (round % 4 === 0) await log.note('TCP to a guest', guest.talk(next.address, 20_000));
    await span.rest(BUSY);
  }
}

async function beIdle(guest: Guest, log: Log, span: Span): Promise<void> {
  while (span.isOn) {
    await log.note('a ping', guest.ping());
    await span.rest(IDLE);
  }
}

/** Guests that come, do a little, and are pulled out. */
async function visit(plug: (number: number) => Guest, log: Log, span: Span): Promise<void> {
  for (let number = 0; span.isOn; number++) {
    const guest = plug(256 + (number % VISITORS));
    await log.note('an address', guest.client.ready);
    await log.note('TCP of a visitor', guest.talk('198.51.100.1', 5000));
    await span.rest(STAY);
    await guest.leave();
    await span.rest(VISIT - STAY);
  }
}

/** The second quarter against the last: the first is for what is made once. */
function growth(samples: readonly Sample[]): string[] {
  const quarter = (n: number): readonly Sample[] =>
    samples.slice(
      Math.floor((samples.length * n) / 4),
      Math.max(Math.floor((samples.length * (n + 1)) / 4), 1),
    );
  const most = (of: readonly Sample[], key: keyof Sample): number =>
    Math.max(...of.map((sample) => sample[key]));
  const grown: string[] = [];
  for (const key of ['leases', 'flows', 'stations', 'neighbours', 'queued'] as const) {
    const [before, after] = [most(quarter(1), key), most(quarter(3), key)];
    if (after > before * 1.5 + 8) grown.push(`${key}: ${before}, then ${after}`);
  }
  const [before, after] = [quarter(1), quarter(3)].map((of) =>
    Math.min(...of.map(({ heap }) => heap)),
  ) as [number, number];
  if (after > before + ROOM) grown.push(`memory: ${before}, then ${after} bytes`);
  return grown;
}
