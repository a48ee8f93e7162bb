/**
 * What a cell runs on: the emulator, and the kernel's side in two network namespaces.
 * @module
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Lateness } from './clock.ts';
import type { LinkCounters, OpenedLink, OpenLink } from './emulator.ts';
import type { Configure } from './kernel-end.ts';
import { Remote } from './protocol.ts';
import type { StackData } from './stack-end.ts';

const here = (name: string): URL => new URL(name, import.meta.url);
/** Packets in a socket between the emulator and a stack: more than any window. */
const SOCKET_PACKETS = '10000';
/** Links at a time have each a network of their own: 10.9.N.0/24. */
const NETWORKS = 250;

export interface Agent extends Remote {
  readonly pid: number;
}

class KernelAgent extends Remote implements Agent {
  readonly pid: number;
  readonly process: ChildProcess;

  constructor(child: ChildProcess, what: string) {
    super(child, what);
    this.process = child;
    this.pid = child.pid ?? 0;
  }
}

/** A stack in a thread of its own. */
export class StackAgent extends Remote {
  constructor(data: StackData) {
    super(new Worker(here('stack-end.js'), { workerData: data }), 'the stack');
  }
}

export class Bench {
  /** In our own namespace: the sending kernel. */
  readonly near: KernelAgent;
  /** In another one: the receiving kernel. */
  readonly far: KernelAgent;
  readonly #worker: Worker;
  readonly #emulator: Remote;
  #networks = 0;

  constructor() {
    writeFileSync('/proc/sys/net/unix/max_dgram_qlen', SOCKET_PACKETS);
    const program = here('kernel-end.js').pathname;
    this.near = new KernelAgent(fork(program), "the sending kernel's process");
    const stdio: ('ignore' | 'inherit' | 'ipc')[] = ['ignore', 'inherit', 'inherit', 'ipc'];
    const words = ['-n', process.execPath, program];
    const other = spawn('unshare', words, { stdio });
    this.far = new KernelAgent(other, "the receiving kernel's process");
    this.#worker = new Worker(here('emulator.js'));
    this.#emulator = new Remote(this.#worker, 'the emulator');
  }

  async setUp(): Promise<void> {
    await Promise.all([this.near.call('setUp'), this.far.call('setUp')]);
    await this.#emulator.call('lateness');
  }

  /** The number of a network that no other cell has. */
  network(): number {
    this.#networks = (this.#networks % NETWORKS) + 1;
    return this.#networks;
  }

  open(link: OpenLink): Promise<OpenedLink> {
    return this.#emulator.call('open', link);
  }

  close(id: number): Promise<LinkCounters> {
    return this.#emulator.call('close', id);
  }

  lateness(): Promise<Lateness> {
    return this.#emulator.call('lateness');
  }

  /** Give a TUN to a kernel: to the far one it is moved. */
  async configure(agent: Agent, o: Configure): Promise<void> {
    if (agent === this.far) {
      execFileSync('ip', ['link', 'set', o.device, 'netns', String(agent.pid)]);
    }
    await agent.call('configure', o);
  }

  async end(): Promise<void> {
    this.near.process.disconnect();
    this.far.process.disconnect();
    await this.#worker.terminate();
  }
}
