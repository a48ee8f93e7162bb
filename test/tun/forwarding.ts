/**
 * `tunstack forward` between two network namespaces, for tests and the siege: clients in one, servers in the other,
 * the gateway and its sockets here.
 *
 *     inside (its TUN, default route) - this namespace - outside 192.0.2.2, 198.51.100.7
 *                                                                2001:db8:2::2, 2001:db8:7::7
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hash, resource } from '../support/outside.ts';
import { type Ended, Running, run, tunstack } from '../support/process.ts';
import { root } from '../support/root.ts';

/** Who cleans up behind us in the end: a test, for one. */
export interface Teardown {
  teardown(work: () => Promise<void>): void;
}

/** Where the servers are: beyond a router, as it were. */
export const OUTSIDE = '198.51.100.7';
/** The same on the link. */
export const NEAR_OUTSIDE = '192.0.2.2';
/** Likewise of IPv6. */
export const OUTSIDE6 = '2001:db8:7::7';
export const NEAR_OUTSIDE6 = '2001:db8:2::2';

export async function must(program: string, ...args: string[]): Promise<void> {
  const { code, err } = await run(program, ...args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${err}`);
}

/** A network namespace, which lives as long as a process that sleeps in it. */
export class Namespace {
  readonly pid: number;
  readonly #sleeper: Running;

  private constructor(sleeper: Running) {
    this.#sleeper = sleeper;
    this.pid = sleeper.child.pid ?? 0;
  }

  static async make(t: Teardown): Promise<Namespace> {
    const sleeper = new Running('unshare', ['-n', 'sh', '-c', 'echo here; exec sleep 3600']);
    t.teardown(() => sleeper.stop('SIGKILL').then(() => {}));
    await sleeper.line();
    const space = new Namespace(sleeper);
    await space.ip('link', 'set', 'lo', 'up');
    return space;
  }

  /** The words before a program's that let it run there. */
  get enter(): string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`];
  }

  ip(...args: string[]): Promise<void> {
    const [program = '', ...words] = [...this.enter, 'ip', ...args];
    return must(program, ...words);
  }

  /** Take an interface of this namespace there; it loses its addresses. */
  adopt(name: string): Promise<void> {
    return must('ip', 'link', 'set', name, 'netns', `${this.pid}`);
  }

  /** Run a program to its end there. */
  run(...words: string[]): Promise<Ended> {
    const [program = '', ...args] = [...this.enter, ...words];
    return run(program, ...args);
  }

  start(...words: string[]): Running {
    const [program = '', ...args] = [...this.enter, ...words];
    return new Running(program, args);
  }

  stop(): Promise<Ended> {
    return this.#sleeper.stop('SIGKILL');
  }
}

export interface Outside {
  readonly space: Namespace;
  readonly servers: Running;
}

/** The namespace with the servers, joined to this one. */
export async function makeOutside(t: Teardown): Promise<Outside> {
  const space = await Namespace.make(t);
  await must('ip', 'link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'out1');
  t.teardown(async () => {
    await run('ip', 'link', 'del', 'out0');
  });
  await space.adopt('out1');
  await must('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'out0');
  await must('ip', 'link', 'set', 'out0', 'up');
  await must('ip', 'route', 'add', '198.51.100.0/24', 'via', NEAR_OUTSIDE);
  await space.ip('addr', 'add', `${NEAR_OUTSIDE}/24`, 'dev', 'out1');
  await space.ip('addr', 'add', `${OUTSIDE}/32`, 'dev', 'lo');
  await space.ip('link', 'set', 'out1', 'up');
  // Nobody else is on this link: no need to ask (RFC 4862 §5.4).
  await must('ip', 'addr', 'add', '2001:db8:2::1/64', 'dev', 'out0', 'nodad');
  await space.ip('addr', 'add', `${NEAR_OUTSIDE6}/64`, 'dev', 'out1', 'nodad');
  await space.ip('addr', 'add', `${OUTSIDE6}/128`, 'dev', 'lo');
  await must('ip', 'route', 'add', '2001:db8:7::/64', 'via', NEAR_OUTSIDE6);
  const program = join(root, 'dist/test/support/outside.js');
  const places = [NEAR_OUTSIDE, OUTSIDE, NEAR_OUTSIDE6, OUTSIDE6];
  const servers = space.start(process.execPath, program, ...places);
  t.teardown(() => servers.stop('SIGKILL').then(() => {}));
  if ((await servers.line()) !== 'ready') throw new Error('the servers did not start');
  return { space, servers };
}

export interface Forwarding extends Outside {
  /** The clients' namespace. */
  readonly inside: Namespace;
  readonly gateway: Running;
  /** The gateway's ready line. */
  readonly ready: string;
}

/** All of it, with these options for the gateway. */
export const forwarding = (t: Teardown, ...options: string[]): Promise<Forwarding> =>
  forwardingBy(t, tunstack, ...options);

/** The same; `start` gets the words after `tunstack`. */
export async function forwardingBy(
  t: Teardown,
  start: (...words: string[]) => Running,
  ...options: string[]
): Promise<Forwarding> {
  const outside = await makeOutside(t);
  const inside = await Namespace.make(t);
  const gateway = start('forward', '--netns', `${inside.pid}`, ...options);
  t.teardown(() => gateway.stop('SIGKILL').then(() => {}));
  return { ...outside, inside, gateway, ready: await gateway.line() };
}

/** What came of a page and its resources, fetched as a browser does. */
export interface PageLoad {
  readonly resources: number;
  readonly bytes: number;
  /** Resources that are not what the server has, by number. */
  readonly wrong: readonly number[];
}

/** How many connections browsers open to one host. */
const BROWSER_CONNECTIONS = '6';

/** Load the page of `host`, which is outside, and all that it names, by `curl`. Throws where that fails. */
export async function loadPage({ inside }: Forwarding, host: string = OUTSIDE): Promise<PageLoad> {
  const site = `http://${host.includes(':') ? `[${host}]` : host}`;
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-'));
  try {
    const page = await inside.run('curl', '-gsS', `${site}/`);
    const found = [...page.out.matchAll(/src="(\/resource\/\d+)"/g)].map((match) => match[1] ?? '');
    const fileOf = (i: number): string => join(folder, `${i}`);
    const outputs = found.flatMap((path, i) => ['-o', fileOf(i), `${site}${path}`]);
    const parallel = ['--parallel', '--parallel-max', BROWSER_CONNECTIONS];
    const { code, err } = await inside.run('curl', ...parallel, '-gsS', ...outputs);
    if (code !== 0) throw new Error(`curl: ${err}`);
    const texts = found.map((_path, i) => readFileSync(fileOf(i)));
    const wrong = texts.flatMap((text, i) => (hash(text) === hash(resource(i)) ? [] : [i]));
    const bytes = texts.reduce((sum, text) => sum + text.length, 0);
    return { resources: found.length, bytes, wrong };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the program `test/support/inside.ts` says when it is run with these words by a client. */
export async function insideSays({ inside }: Forwarding, ...words: string[]): Promise<unknown> {
  const program = join(root, 'dist/test/support/inside.js');
  const { out, err } = await inside.run(process.execPath, program, ...words);
  if (out === '') throw new Error(err);
  return JSON.parse(out);
}
