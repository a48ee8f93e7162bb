/**
 * One run of one pair over one link; and of two flows that share one.
 * @module
 */
import type { TcpSettings } from '../../src/index.ts';
import { type Bench, StackAgent } from './bench.ts';
import type { End, LinkCounters } from './emulator.ts';
import type { Remote } from './protocol.ts';
import type { Pair, Row, Share } from './rows.ts';
import { bytesBy, type Points } from './series.ts';

const PORT = 7000;
/** A shared link is measured from this part of the time on: how flows begin is another question. */
const SETTLED = 1 / 3;

export interface CellOptions {
  readonly seed: number;
  readonly seconds: number;
  /** For the stack, where a trial wants others than the defaults. */
  readonly tcp?: Partial<TcpSettings>;
  /** A file for the packets as the sender sees them. */
  readonly capture?: string;
}

export interface Cell {
  /** Mbit/s of each flow. */
  readonly goodput: readonly number[];
  readonly link: LinkCounters;
  /** What each sender tells of its connection. */
  readonly told: readonly string[];
  /** The counters of the stack, if there was one. */
  readonly stats: object | undefined;
  readonly points: readonly Points[];
}

/** A side that sends or receives. */
interface Side {
  readonly remote: Remote;
  readonly address: string;
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((done) => setTimeout(done, milliseconds));

class Run {
  readonly #bench: Bench;
  readonly #row: Row;
  readonly #options: CellOptions;
  readonly #id: number;
  readonly #stacks: StackAgent[] = [];

  constructor(bench: Bench, row: Row, options: CellOptions) {
    this.#bench = bench;
    this.#row = row;
    this.#options = options;
    this.#id = bench.network();
  }

  async run(senders: readonly ('kernel' | 'stack')[], receiver: 'kernel' | 'stack'): Promise<Cell> {
    const bench = this.#bench;
    const { forth, back } = this.#row;
    const { seed, capture } = this.#options;
    const kinds = [...new Set(senders)];
    const left = kinds.map((kind, i) => this.#end(kind, 'a', i + 1));
    const right = this.#end(receiver, 'b', 100);
    const id = this.#id;
    const traced = capture === undefined ? {} : { capture };
    const fds = await bench.open({ id, left, right, forth, back, seed, ...traced });
    try {
      const sides: Side[] = [];
      for (const [i, end] of left.entries()) {
        sides.push(await this.#side(end, kinds[i] === 'kernel' ? bench.near : undefined, fds[i]));
      }
      const to = await this.#side(right, receiver === 'kernel' ? bench.far : undefined, fds.at(-1));
      const from = senders.map((kind) => sides[kinds.indexOf(kind)] as Side); // one side a kind
      const flows = await this.#flow(from, to);
      const stats = await this.#stacks[0]?.call<object>('end');
      return { ...flows, stats, link: await bench.close(id) };
    } catch (error) {
      await bench.close(id).catch(() => {});
      throw error;
    }
  }

  #end(kind: 'kernel' | 'stack', letter: string, host: number): End {
    return kind === 'stack' ? { host } : { host, tun: `${letter}${this.#id}` };
  }

  async #side(end: End, kernel: Bench['near'] | undefined, fd = -1): Promise<Side> {
    const address = `10.9.${this.#id}.${end.host}`;
    if (kernel !== undefined && end.tun !== undefined) {
      await this.#bench.configure(kernel, { device: end.tun, address: `${address}/24` });
      return { remote: kernel, address };
    }
    const { tcp } = this.#options;
    const stack = new StackAgent({ fd, address: `${address}/24`, ...(tcp && { tcp }) });
    this.#stacks.push(stack);
    return { remote: stack, address };
  }

  async #flow(from: readonly Side[], to: Side): Promise<Pick<Cell, 'goodput' | 'told' | 'points'>> {
    const { seconds } = this.#options;
    const { turn } = this.#row;
    const turns = turn === undefined ? {} : { turn };
    const flows = from.map((side, i) => ({ side, id: this.#id * 10 + i, port: PORT + i }));
    for (const { id, port } of flows) {
      await to.remote.call('receive', { id, port, address: to.address, ...turns });
    }
    const began = await Promise.all(
      flows.map(({ side, id, port }) =>
        side.remote.call<number>('send', {
          ...{ id, port, address: to.address, from: side.address },
          ...turns,
        }),
      ),
    );
    await wait(seconds * 1000 + 20);
    const told: string[] = [];
    const points: Points[] = [];
    for (const { side, id } of flows) told.push(await side.remote.call<string>('stop', id));
    for (const { id } of flows) points.push(await to.remote.call<Points>('received', id));
    const skip = flows.length > 1 ? seconds * SETTLED : 0;
    const start = Math.max(...began);
    const goodput = points.map((list) => {
      const bytes = bytesBy(list, start + seconds * 1e6) - bytesBy(list, start + skip * 1e6);
      return (bytes * 8) / (seconds - skip) / 1e6;
    });
    return { goodput, told, points };
  }
}

/** Who sends to whom over the link of `row`. */
export function runPair(bench: Bench, row: Row, pair: Pair, options: CellOptions): Promise<Cell> {
  const [sender, receiver] = pair.split('-') as ['kernel' | 'stack', 'kernel' | 'stack']; // by type
  return new Run(bench, row, options).run([sender], receiver);
}

/** Two senders to one kernel. */
export function runShare(
  bench: Bench,
  row: Row,
  share: Share,
  options: CellOptions,
): Promise<Cell> {
  return new Run(bench, row, options).run(share.split('-') as ('kernel' | 'stack')[], 'kernel');
}
