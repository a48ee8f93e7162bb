/**
 * What one hostile host may make a stack keep, cost and tell: early text and shut windows on thousands of
 * connections, SACKs that cut, what a packet costs beside tables of three sizes, and what a stranger learns
 * from the number of resets.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Address } from '../../src/stack/base/address.ts';
import { ip } from '../support/packets.ts';
import { type Running, tunstack } from '../support/process.ts';
import type { Finding } from './finding.ts';
import { ACK, Mallory, type Puppet, RST } from './mallory.ts';
import { type Echoes, EchoWatch, readStats, residentBytes } from './watch.ts';

const DEVICE = 'siege2';
/** So wide that the hostile host, to whom the kernel has a way of its own, is on the stack's link. */
const HOST = '10.87.0.1/15';
const ADDRESS = '10.87.0.2';
const MIB = 1 << 20;
const DISCARD = 9;
const CHARGEN = 19;
const CLOSED = 99;
/** What memory may be above its height afterwards: the collector takes its time. */
const MEMORY_ROOM = 32 * MIB;
/** What a process may take beyond what its connections keep, at the height: the same, and their sockets. */
const HEIGHT_ROOM = 224 * MIB;
/** What an echo may take beside an attack, in milliseconds: a turn of the collector, with all its sockets. */
const ECHO_BOUND = 100;
/** Hostile packets that a cost is measured by. */
const PACKETS = 20_000;
const SIZES = [0, 2000, 8000] as const;
/** How many findings `bounds` comes to. */
export const BOUNDS = 7;
/** By how much the cost of a packet may differ between tables; the smallest cost that is told apart. */
const GROWTH = 1.6;
const NOISE = 1.5;
/** Resets a second to one address: `limits.resetsEach`. */
const RESETS = 250;

const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)}`;
const echoText = ({ p50, p99, lost }: Echoes): string =>
  `echo ${p50.toFixed(2)} / ${p99.toFixed(2)} ms${lost > 0 ? `, ${lost} lost` : ''}`;

/** Microseconds that the main thread of a process has had of a processor. */
const busy = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;

class Bounds {
  readonly #serving: Running;
  readonly #mallory: Mallory;
  readonly pid: number;

  private constructor(serving: Running, mallory: Mallory) {
    this.#serving = serving;
    this.#mallory = mallory;
    this.pid = serving.child.pid ?? 0;
  }

  static async start(): Promise<Bounds> {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    const serving = tunstack('serve', '--tun', DEVICE, '--host-address', HOST);
    await serving.line();
    return new Bounds(serving, await Mallory.open(ADDRESS));
  }

  async stop(): Promise<void> {
    await this.#mallory.close();
    await this.#serving.stop();
  }

  /** Memory before, at its height and after what `attack` does on many connections, and echoes beside it. */
  async hold(
    what: string,
    port: number,
    count: number,
    attack: (mallory: Mallory, puppets: readonly Puppet[]) => Promise<void>,
  ): Promise<Finding> {
    const before = residentBytes(this.pid);
    const puppets = await this.#mallory.connect(port, count);
    await pause(1000);
    const watch = new EchoWatch(ADDRESS);
    const began = busy(this.pid);
    await attack(this.#mallory, puppets);
    await pause(2000);
    const height = residentBytes(this.pid);
    const { tcpMemory, tcpMemoryLimit } = await readStats(ADDRESS);
    const echoes = await watch.end();
    const cost = (busy(this.pid) - began) / 1000;
    await this.#mallory.leave();
    await pause(3000);
    const after = residentBytes(this.pid);
    const left = (await readStats(ADDRESS)).tcpMemory;
    const good =
      tcpMemory <= tcpMemoryLimit &&
      height - before <= tcpMemoryLimit + HEIGHT_ROOM &&
      after - height <= MEMORY_ROOM &&
      left < MIB &&
      echoes.p99 <= ECHO_BOUND;
    const memory = [before, height, after].map(mebibytes).join(' → ');
    return {
      what: `${what}, on ${puppets.length} connections`,
      found: `${memory} MiB, of these kept ${mebibytes(tcpMemory)}, then ${mebibytes(left)}; ${cost.toFixed(0)} ms of a processor; ${echoText(echoes)}`,
      good,
    };
  }

  /** An octet at the far end of each window. */
  early(): Promise<Finding> {
    return this.hold('an octet early, 64 KiB ahead', DISCARD, 6000, async (mallory, puppets) => {
      for (const puppet of puppets) {
        await mallory.say(puppet, { ahead: 65_000, text: Uint8Array.of(1) });
      }
    });
  }

  /** Whoever sends without end, to windows that open once and then stay shut. */
  shut(): Promise<Finding> {
    const what = 'a window that shuts, and text without end';
    return this.hold(what, CHARGEN, 1500, async (mallory, puppets) => {
      for (const puppet of puppets) await mallory.say(puppet, { window: 0 });
    });
  }

  /** What one packet costs, by kind, beside tables of three sizes. */
  async costs(): Promise<Finding[]> {
    const mallory = this.#mallory;
    const kinds: Record<string, (i: number, puppets: readonly Puppet[]) => Promise<void>> = {
      'a segment of no connection': (i) =>
        mallory.knock((ip('10.86.9.1') + (i % 200)) as Address, 1024 + (i % 60_000), CLOSED, ACK),
      'a reset beside the mark': (i, [puppet]) =>
        mallory.knock(
          puppet?.source ?? mallory.target,
          puppet?.sourcePort ?? 1,
          DISCARD,
          RST,
          (puppet?.seq ?? 0) + 1 + (i % 1000),
        ),
      'an early octet, each elsewhere': (i, puppets) => {
        const puppet = puppets[i % 16] as Puppet; // there are more
        return mallory.say(puppet, {
          ahead: 2 + 2 * ((i * 7919) % 30_000),
          text: Uint8Array.of(1),
        });
      },
    };
    const found: Record<string, number[]> = {};
    for (const size of SIZES) {
      const idle = await mallory.connect(DISCARD, size);
      const puppets = [...(await mallory.connect(DISCARD, 32)), ...idle];
      await pause(500);
      for (const [name, send] of Object.entries(kinds)) {
        for (let i = 0; i < 2000; i++) await send(i, puppets); // compiled, before it counts
        await pause(200);
        const began = busy(this.pid);
        for (let i = 0; i < PACKETS; i++) await send(i, puppets);
        await pause(300);
        found[name] = [...(found[name] ?? []), (busy(this.pid) - began) / PACKETS];
      }
      await mallory.leave();
      await pause(1000);
    }
    return Object.entries(found).map(([name, costs]) => ({
      what: `${name}, beside ${SIZES.join(', ')} connections`,
      found: `${costs.map((cost) => cost.toFixed(1)).join(', ')} µs`,
      good: (costs.at(-1) ?? 0) <= (costs[0] ?? 0) * GROWTH + NOISE,
    }));
  }

  /** SACKs of every other segment of a window: what one costs at the beginning, and at the end. */
  async cuts(): Promise<Finding> {
    const mallory = this.#mallory;
    const [puppet] = await mallory.connect(CHARGEN, 1);
    if (puppet === undefined)
      return { what: 'SACKs that cut', found: 'no connection', good: false };
    let reach = puppet.ack;
    let holding = false;
    mallory.onText = (from, seq, length) => {
      if (from !== puppet) return;
      const end = (seq + length) | 0;
      if (((end - reach) | 0) > 0) reach = end;
      if (!holding) {
        puppet.ack = reach;
        void mallory.say(puppet, { window: 16_000 });
      }
    };
    await mallory.say(puppet, { window: 16_000 });
    await pause(4000);
    holding = true;
    await pause(1000);
    const ranges = Math.floor(((reach - puppet.ack) | 0) / 2920);
    const costs: number[] = [];
    const third = Math.floor(ranges / 12);
    for (let part = 0; part < 3; part++) {
      const began = busy(this.pid);
      for (let i = part * third; i < (part + 1) * third; i++) {
        const sack = [0, 1, 2, 3].map((k): [number, number] => {
          const left = (puppet.ack + 1460 + 2920 * (((i * 4 + k) * 7919) % ranges)) | 0;
          return [left, (left + 1460) | 0];
        });
        await mallory.say(puppet, { window: 0, sack });
      }
      await pause(300);
      costs.push((busy(this.pid) - began) / Math.max(1, third));
    }
    mallory.onText = () => {};
    await mallory.leave();
    return {
      what: `SACKs of every other of ${2 * ranges} segments, in three parts`,
      found: `${costs.map((cost) => cost.toFixed(1)).join(', ')} µs an ACK`,
      good: ranges > 12 && (costs[2] ?? 0) <= (costs[0] ?? 0) * GROWTH + 5,
    };
  }

  /** CVE-2016-5696: a prober counts its own resets while others are provoked by guesses. */
  async oracle(): Promise<Finding> {
    const mallory = this.#mallory;
    const prober = ip('10.86.200.1');
    const resetsBeside = async (guesses: number): Promise<number> => {
      await pause(2500);
      for (let i = 0; i < guesses; i++) {
        await mallory.knock(ip('10.86.201.1'), 1024 + i, CLOSED, ACK);
      }
      await pause(100);
      mallory.resets = 0;
      for (let i = 0; i < 4 * RESETS; i++) await mallory.knock(prober, 1024 + i, CLOSED, ACK);
      await pause(200);
      return mallory.resets;
    };
    const counts = [await resetsBeside(0), await resetsBeside(200)];
    return {
      what: 'resets to a prober, without and beside 200 guesses in the name of another',
      found: counts.join(', '),
      good: counts.every((count) => count === RESETS),
    };
  }
}

/** All of it, against one `tunstack serve`; `tell` gets each finding as it is there. */
export async function bounds(tell: (finding: Finding) => void): Promise<Finding[]> {
  const siege = await Bounds.start();
  const findings: Finding[] = [];
  const add = (...found: Finding[]): void => {
    findings.push(...found);
    found.forEach(tell);
  };
  try {
    add(await siege.oracle());
    add(...(await siege.costs()));
    add(await siege.cuts());
    add(await siege.early());
    add(await siege.shut());
    return findings;
  } finally {
    await siege.stop();
  }
}
