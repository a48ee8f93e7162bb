/**
 * Memory and garbage: what an idle connection holds, whether many of them leave the rest alone, and
 * what the data path leaves to the collector.
 * @module
 */
import { Child, pause } from './child.ts';
import { client } from './client.ts';
import { allocated } from './gc-trace.ts';
import type { Cell, Measure } from './measure.ts';
import { toolPath } from './native.ts';
import { SOURCES } from './network.ts';
import type { Metrics } from './results.ts';
import { nodeSpec, type Subject, stackSpec } from './subject.ts';

const ECHO_SIZE = 64;
/** How long opening all of them may take, in ms. */
const PATIENCE = 120_000;

/** How many a holder opens: its descriptors are limited. */
const A_HOLDER = 15_000;
/** Addresses that a holder's connections come from, see hold.c. */
const A_HOLDERS_SOURCES = 2;

class Holders {
  readonly #children: Child[] = [];

  /** Open so many; the seconds it took. */
  async open(subject: Subject, count: number): Promise<number> {
    let took = 0;
    for (let left = count; left > 0; left -= A_HOLDER) {
      const number = this.#children.length;
      const first = 1 + A_HOLDERS_SOURCES * number;
      const source = subject.address.includes(':')
        ? `${SOURCES.ipv6}${first.toString(16)}`
        : `${SOURCES.ipv4}${first}`;
      const words = [subject.address, String(subject.port('echo'))];
      const child = new Child(toolPath('hold'), [
        ...words,
        String(Math.min(left, A_HOLDER)),
        source,
      ]);
      this.#children.push(child);
      const { seconds } = JSON.parse(await child.line(0, PATIENCE)) as { seconds: number };
      took += seconds;
    }
    return took;
  }

  /** Ping-pong on one of them. */
  async echo(seconds: number): Promise<Metrics> {
    const child = this.#children[this.#children.length >> 1] as Child; // there is at least one
    const from = child.output.length;
    child.process.stdin?.write(`${seconds} ${ECHO_SIZE}\n`);
    return JSON.parse(await child.line(from)) as Metrics;
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.process.stdin?.end();
    await Promise.all(this.#children.map((child) => child.ended()));
    await pause(500); // the resets of so many
  }
}

async function holdIdle(subject: Subject, count: number, seconds: number): Promise<Metrics> {
  const before = await warm(subject, seconds);
  const holders = new Holders();
  try {
    const took = await holders.open(subject, count);
    await pause(200);
    const after = await subject.mark('collect');
    const { p50 = 0, p99 = 0, p999 = 0 } = await holders.echo(seconds);
    const held = (after?.heap ?? 0) + (after?.external ?? 0) - before.heap;
    return {
      bytesPerConnection: held / count,
      residentPerConnection: ((after?.resident ?? 0) - before.resident) / count,
      connections: count,
      openRate: count / took,
      p50,
      p99,
      p999,
      fullCollection: after?.longestPause ?? 0,
    };
  } finally {
    await holders.close();
  }
}

/** The first connections cost what all share: code, tables. */
async function warm(
  subject: Subject,
  seconds: number,
): Promise<{ heap: number; resident: number }> {
  await client('connrate', subject, 'echo', [Math.min(seconds, 0.5), 32]);
  await pause(100);
  const mark = await subject.mark('collect');
  const heap = (mark?.heap ?? 0) + (mark?.external ?? 0);
  return { heap, resident: mark?.resident ?? 0 };
}

export const idle: Measure = {
  name: 'idle',
  about: 'memory of an idle connection, and the echo on one of so many',
  cells({ options, files }): Cell[] {
    const { idle: count, seconds } = options;
    // On the kernel each is a descriptor.
    const fitting = (subject: Subject): number =>
      subject.spec.family === 'node' ? Math.min(count, files - 1000) : count;
    return [
      {
        variant: { connections: count },
        subjects: [
          stackSpec('callback', { offload: true, fresh: true }),
          stackSpec('net', { offload: true, fresh: true }),
          nodeSpec({ fresh: true }),
        ],
        take: (subject) => holdIdle(subject, fitting(subject), seconds),
      },
    ];
  },
};

/**
 * Seconds until all that is hot is compiled, and then at least so many that count: the compiler allocates, and so does
 * code that is interpreted, a megabyte and more in a second.
 */
const COMPILING = 4;

/** Bytes that V8 allocated while a stream ran, its own trace summed up. */
async function countGarbage(
  subject: Subject,
  direction: 'recv' | 'send',
  seconds: number,
): Promise<Metrics> {
  const service = direction === 'recv' ? 'discard' : 'source';
  const verb = direction === 'recv' ? 'send' : 'recv';
  await client('blast', subject, service, [COMPILING, verb, 1]);
  const before = await subject.mark('collect');
  const counted = Math.max(seconds, COMPILING);
  const { total = 0 } = await client('blast', subject, service, [counted, verb, 1]);
  const after = await subject.mark('collect');
  await subject.stop();
  const bytes = allocated(subject.child.output);
  const packets = (after?.packets ?? 0) - (before?.packets ?? 0);
  return {
    bytesPerGB: bytes / (total / 1e9),
    ...(packets > 0 && { bytesPerPacket: bytes / packets }),
    collections: (after?.collections ?? 0) - (before?.collections ?? 0),
    longestPause: after?.longestPause ?? 0,
  };
}

const TRACE = ['--trace-gc-nvp'];

export const garbage: Measure = {
  name: 'garbage',
  about: 'bytes that V8 allocates for a GB of text, and for a packet',
  cells({ options }): Cell[] {
    const found: Cell[] = [];
    for (const offload of [true, false]) {
      for (const direction of ['recv', 'send'] as const) {
        found.push({
          variant: { direction, offload: offload ? 'on' : 'off' },
          subjects: [
            stackSpec('callback', { offload, nodeArgs: TRACE, fresh: true }),
            stackSpec('net', { offload, nodeArgs: TRACE, fresh: true }),
            ...(offload ? [nodeSpec({ nodeArgs: TRACE, fresh: true })] : []),
          ],
          take: (subject) => countGarbage(subject, direction, options.seconds),
        });
      }
    }
    return found;
  },
};
