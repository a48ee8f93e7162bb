/**
 * What is measured: tunstack by either of its faces, the ceiling, Node's net on the kernel, and peers.
 * Each is a process with services at an address of its own.
 * @module
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Child, pause, run } from './child.ts';
import { find, toolPath } from './native.ts';
import { keepToCubic } from './network.ts';
import { root } from './paths.ts';
import { type Face, type Mark, Port, type Setup, type StackSetup } from './protocol.ts';

export type Service =
  | 'discard'
  | 'source'
  | 'echo'
  | 'udp'
  | 'http'
  | 'icmp'
  | 'proxy'
  | 'web'
  | 'websocket'
  | 'tls-discard'
  | 'tls-source';
export type Family = 'stack' | 'ceiling' | 'node' | 'peer';

/** The two ends of a network: the kernel at .1 or ::1, and the subject at .2 or ::2. */
export interface Ends {
  readonly kernel: string;
  readonly subject: string;
}

/** The network that a subject is given: 10.N.0.0/24, or fd00:N::/64 for those of IPv6. */
export interface Place extends Ends {
  readonly device: string;
  readonly ipv6: Ends;
}

const FIRST_NETWORK = 100;
const NETWORKS = 100;

export function placeOf(index: number): Place {
  const number = FIRST_NETWORK + (index % NETWORKS);
  return {
    device: `bench${index}`,
    kernel: `10.${number}.0.1`,
    subject: `10.${number}.0.2`,
    ipv6: { kernel: `fd00:${number}::1`, subject: `fd00:${number}::2` },
  };
}

export interface Spec {
  /** Short, and the same in every variant: `callback`, `net`, `ceiling`, ... */
  readonly key: string;
  readonly label: string;
  readonly family: Family;
  /** Tells processes of one key apart. */
  readonly id: string;
  readonly services: readonly Service[];
  /** To be started for each sample: it burns a core, or its end tells something. */
  readonly fresh: boolean;
  start(place: Place): Promise<Subject>;
  /** The same by the stack of another built checkout, or over IPv6; of a stack only. */
  twin?(other: Pick<StackOptions, 'tree' | 'ipv6'>): Spec;
}

/** What the key of a twin ends with: that of another checkout, and that over IPv6. */
export const TWIN = '~against';
export const SIX = '~ipv6';

const PORTS: Readonly<Record<Service, number>> = {
  discard: Port.DISCARD,
  source: Port.SOURCE,
  echo: Port.ECHO,
  udp: Port.ECHO,
  icmp: Port.ECHO, // it has none, and ignores it
  http: Port.HTTP,
  proxy: Port.PROXY,
  web: Port.WEB,
  websocket: Port.WEBSOCKET,
  'tls-discard': Port.TLS_DISCARD,
  'tls-source': Port.TLS_SOURCE,
};

/** Those of programs.ts. */
const PROGRAMS: readonly Service[] = ['proxy', 'web', 'websocket', 'tls-discard', 'tls-source'];

/** A running subject. */
export class Subject {
  readonly spec: Spec;
  readonly address: string;
  readonly child: Child;

  constructor(spec: Spec, address: string, child: Child) {
    this.spec = spec;
    this.address = address;
    this.child = child;
  }

  port(service: Service): number {
    const ceiling = this.spec.family === 'ceiling';
    if (ceiling && service === 'discard') return 9;
    if (ceiling && service === 'source') return 19;
    return PORTS[service];
  }

  /** How it stands; undefined for programs that cannot tell. */
  mark(ask: 'mark' | 'collect' = 'mark'): Promise<Mark | undefined> {
    const { family } = this.spec;
    if (family !== 'stack' && family !== 'node') return Promise.resolve(undefined);
    return this.child.ask<Mark>({ ask });
  }

  /** Let it run on these cores only, as taskset(1) has them. */
  pin(cores: string): void {
    run('taskset', '-acp', cores, String(this.child.pid));
  }

  stop(): Promise<void> {
    return this.child.stop();
  }
}

/** Whether processes can be kept to cores here, and there are two. */
export const canPin = (): boolean => cpus().length > 1 && find('taskset') !== undefined;

const SERVER = join(root, 'dist/bench/link/server.js');

async function startServer(setup: Setup, nodeArgs: readonly string[]): Promise<Child> {
  const args = ['--expose-gc', ...nodeArgs, SERVER, JSON.stringify(setup)];
  const child = new Child(process.execPath, args, { ipc: true });
  await ready(child, /^ready/);
  return child;
}

async function ready(child: Child, sign: RegExp): Promise<void> {
  for (let at = 0; ; ) {
    const line = await child.line(at);
    if (sign.test(line)) return;
    at += line.length + 1; // the collector's trace may come first
  }
}

export interface StackOptions {
  readonly offload: boolean;
  /** What it is on; default `tun`. */
  readonly link?: StackSetup['link'];
  readonly waiting?: StackSetup['waiting'];
  readonly queues?: number;
  /** For `node`, before the program. */
  readonly nodeArgs?: readonly string[];
  /** A process for each sample. */
  readonly fresh?: boolean;
  /** Serve the programs too: `net` only. */
  readonly programs?: boolean;
  /** Root of another built checkout, whose stack it is. */
  readonly tree?: string;
  /** Over IPv6, and nothing else. */
  readonly ipv6?: boolean;
}

const WORDS: Readonly<Record<Face, string>> = {
  callback: 'tunstack, callbacks',
  net: 'tunstack, net.Socket',
};

export function stackSpec(face: Face, options: StackOptions): Spec {
  const {
    offload,
    link = 'tun',
    waiting = 'event',
    queues = 0,
    nodeArgs = [],
    fresh = false,
    tree,
    ipv6 = false,
    programs = false,
  } = options;
  const services: Service[] = ['discard', 'source', 'echo', 'udp', 'icmp'];
  if (face === 'net') services.push('http');
  if (programs) services.push(...PROGRAMS);
  const mine = `${ipv6 ? SIX : ''}${tree === undefined ? '' : TWIN}`;
  const whose = `${ipv6 ? ', IPv6' : ''}${tree === undefined ? '' : ', the other checkout'}`;
  const suffix = `${link === 'tun' ? '' : '-tap'}${waiting === 'event' ? '' : `-${waiting}`}${queues > 0 ? `-${queues}q` : ''}`;
  const words = `${link === 'tun' ? '' : ', TAP'}${waiting === 'event' ? '' : `, ${waiting}`}${queues > 0 ? `, ${queues} queues` : ''}`;
  const spec: Spec = {
    key: `${face}${suffix}${mine}`,
    label: `${WORDS[face]}${words}${whose}`,
    family: 'stack',
    id: `${face}${suffix}-${offload}-${nodeArgs.join(' ')}${mine}${programs ? '-programs' : ''}`,
    services,
    fresh: fresh || waiting === 'busy',
    twin: (other) => stackSpec(face, { ...options, ...other }),
    async start({ device, ...place }) {
      const { kernel, subject } = ipv6 ? place.ipv6 : place;
      const bits = ipv6 ? 64 : 24;
      const setup: StackSetup = {
        kind: 'stack',
        face,
        offload,
        link,
        waiting,
        queues,
        device,
        hostAddress: `${kernel}/${bits}`,
        address: `${subject}/${bits}`,
        gateway: kernel,
        ...(tree !== undefined && { tree }),
        programs,
      };
      const child = await startServer(setup, nodeArgs);
      keepToCubic(device, kernel);
      return new Subject(spec, subject, child);
    },
  };
  return spec;
}

export function ceilingSpec(offload: boolean): Spec {
  const spec: Spec = {
    key: 'ceiling',
    label: 'C ceiling',
    family: 'ceiling',
    id: `ceiling-${offload}`,
    services: ['discard', 'source', 'udp', 'icmp'],
    fresh: false,
    async start({ device, kernel, subject }) {
      const args = [device, `${kernel}/24`, ...(offload ? ['offload'] : [])];
      const child = new Child(toolPath('ceiling'), args);
      await ready(child, /^ready/);
      keepToCubic(device, kernel);
      return new Subject(spec, subject, child);
    },
  };
  return spec;
}

const NODE_SERVICES: readonly Service[] = ['discard', 'source', 'echo', 'udp', 'http'];

export interface NodeOptions {
  /** For `node`, before the program. */
  readonly nodeArgs?: readonly string[];
  /** A process for each sample. */
  readonly fresh?: boolean;
  /** Serve the programs too. */
  readonly programs?: boolean;
}

/** Node's own net and dgram, on the kernel's loopback. */
export function nodeSpec(options: NodeOptions = {}): Spec {
  const { nodeArgs = [], fresh = false, programs = false } = options;
  const spec: Spec = {
    key: 'node',
    label: "Node's net, loopback",
    family: 'node',
    id: `node-${nodeArgs.join(' ')}${programs ? '-programs' : ''}`,
    services: programs ? [...NODE_SERVICES, ...PROGRAMS] : NODE_SERVICES,
    fresh,
    async start() {
      const address = '127.0.0.1';
      const setup: Setup = { kind: 'node', address, ...(programs && { upstream: address }) };
      return new Subject(spec, address, await startServer(setup, nodeArgs));
    },
  };
  return spec;
}

/** The same on the other end of a veth, in a namespace of its own. */
export function vethSpec({ programs = false }: Pick<NodeOptions, 'programs'> = {}): Spec {
  const spec: Spec = {
    key: 'veth',
    label: "Node's net, veth",
    family: 'node',
    id: `veth${programs ? '-programs' : ''}`,
    services: [...NODE_SERVICES, 'icmp', ...(programs ? PROGRAMS : [])],
    fresh: false,
    start: startBehindVeth,
  };
  async function startBehindVeth({ device, kernel, subject }: Place): Promise<Subject> {
    const address = '0.0.0.0';
    const setup: Setup = { kind: 'node', address, ...(programs && { upstream: kernel }) };
    const words = ['-n', process.execPath, '--expose-gc', SERVER, JSON.stringify(setup)];
    const child = new Child('unshare', words, { ipc: true });
    await ready(child, /^ready/); // it has left for its own namespace by now
    const prefix = ['-t', String(child.pid), '-n'];
    const there = (...args: string[]): string => run('nsenter', ...prefix, 'ip', ...args);
    run('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', `${device}p`);
    run('ip', 'link', 'set', `${device}p`, 'netns', String(child.pid));
    run('ip', 'addr', 'add', `${kernel}/24`, 'dev', device);
    run('ip', 'link', 'set', device, 'up');
    there('addr', 'add', `${subject}/24`, 'dev', `${device}p`);
    there('link', 'set', `${device}p`, 'up');
    there('link', 'set', 'lo', 'up');
    there('route', 'add', 'default', 'via', kernel);
    keepToCubic(device, kernel);
    keepToCubic(`${device}p`, subject, ['nsenter', ...prefix]);
    await pause(50);
    return new Subject(spec, subject, child);
  }
  return spec;
}

const PEER_SERVICES: readonly Service[] = ['discard', 'source', 'echo', 'udp', 'icmp'];

/** lwIP, threaded, on a plain TUN. */
export function lwipSpec(): Spec {
  const spec: Spec = {
    key: 'lwip',
    label: 'lwIP (C)',
    family: 'peer',
    id: 'lwip',
    services: PEER_SERVICES,
    fresh: false,
    async start({ device, kernel, subject }) {
      const child = new Child(toolPath('lwip'), [device, kernel, subject]);
      await ready(child, /^ready/);
      keepToCubic(device, kernel);
      return new Subject(spec, subject, child);
    },
  };
  return spec;
}

/** gVisor's netstack, on a plain TUN or one with offload. */
export function gvisorSpec(offload: boolean): Spec {
  const spec: Spec = {
    key: 'gvisor',
    label: 'gVisor netstack (Go)',
    family: 'peer',
    id: `gvisor-${offload}`,
    services: PEER_SERVICES,
    fresh: false,
    async start({ device, kernel, subject }) {
      const link = offload ? 'vnet' : 'plain';
      const args = ['-link', link, '-dev', device, '-kernel', kernel, '-address', subject];
      const child = new Child(toolPath('gvisor'), args);
      await ready(child, /^ready/);
      keepToCubic(device, kernel);
      return new Subject(spec, subject, child);
    },
  };
  return spec;
}
