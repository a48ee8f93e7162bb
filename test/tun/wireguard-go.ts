/**
 * Debian's `wireguard-go` as a peer: in a network namespace of its own, joined to this one.
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatKey, makePrivateKey, publicKeyFrom, systemRandom } from '../../src/tunnel.ts';
import { type Running, run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { must, Namespace, type Teardown } from './forwarding.ts';

/** Inside the tunnel. */
export const OURS = '10.66.0.1';
export const THEIRS = '10.66.0.2';
export const THEIRS_SIX = 'fd66::2';
const PORT = 51_820;

export interface Keys {
  readonly secret: string;
  readonly public: string;
}

export function makeKeys(): Keys {
  const secret = makePrivateKey(systemRandom);
  return { secret: formatKey(secret), public: formatKey(publicKeyFrom(secret)) };
}

let count = 0;

/**
 * A namespace with an interface of wireguard-go. Each has a cable, addresses outside and a port of its own, so that tests
 * run side by side; inside all are alike.
 */
export class GoPeer {
  /** The ends of the cable: this namespace's, and the peer's. */
  readonly here: string;
  readonly there: string;
  readonly thereSix: string;
  /** Of either end. */
  readonly port: number;
  readonly space: Namespace;
  readonly name: string;
  readonly folder: string;
  readonly keys: Keys = makeKeys();
  readonly ours: Keys = makeKeys();
  #daemon: Running | undefined;

  private constructor(space: Namespace, name: string, folder: string, number: number) {
    this.here = `192.0.2.${4 * number + 1}`;
    this.there = `192.0.2.${4 * number + 2}`;
    this.thereSix = `fd01:${number}::2`;
    this.port = PORT + number;
    this.space = space;
    this.name = name;
    this.folder = folder;
  }

  /** Both namespaces, joined; wireguard-go does not run yet. */
  static async make(t: Teardown): Promise<GoPeer> {
    const number = count++;
    const space = await Namespace.make(t);
    const name = `wgt${process.pid % 100_000}x${number}`;
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-wg-'));
    const peer = new GoPeer(space, name, folder, number);
    const [near, far] = [`wgn${number}`, `wgf${number}`];
    t.teardown(async () => {
      await peer.stop();
      await run('ip', 'link', 'del', near);
      rmSync(folder, { recursive: true, force: true });
    });
    await must('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    await space.adopt(far);
    await must('ip', 'addr', 'add', `${peer.here}/30`, 'dev', near);
    await must('ip', 'addr', 'add', `fd01:${number}::1/64`, 'dev', near, 'nodad');
    await must('ip', 'link', 'set', near, 'up');
    await space.ip('addr', 'add', `${peer.there}/30`, 'dev', far);
    await space.ip('addr', 'add', `${peer.thereSix}/64`, 'dev', far, 'nodad');
    await space.ip('link', 'set', far, 'up');
    return peer;
  }

  /** Start it with us as its peer; `more`: further settings of [Peer]. */
  async start(more: readonly string[] = []): Promise<void> {
    const daemon = this.space.start('wireguard-go', '-f', this.name);
    this.#daemon = daemon;
    const file = join(this.folder, 'go.conf');
    const peer = [
      `PublicKey = ${this.ours.public}`,
      `AllowedIPs = ${OURS}/32, fd66::1/128`,
      ...more,
    ];
    const own = [`PrivateKey = ${this.keys.secret}`, `ListenPort = ${this.port}`];
    writeFileSync(file, ['[Interface]', ...own, '[Peer]', ...peer, ''].join('\n'));
    for (let i = 0; !(await this.#isListening()); i++) {
      if (i === 300) throw new Error(`wireguard-go did not start: ${daemon.err}`);
      await pause(100);
    }
    const [program = '', ...words] = [...this.space.enter, 'wg', 'setconf', this.name, file];
    await must(program, ...words);
    await this.space.ip('addr', 'add', `${THEIRS}/24`, 'dev', this.name);
    await this.space.ip('addr', 'add', `${THEIRS_SIX}/64`, 'dev', this.name, 'nodad');
    await this.space.ip('link', 'set', this.name, 'mtu', '1420', 'up');
  }

  /**
   * Does its control socket take connections? `wg` removes one that is there and refuses, as it does between `bind` and
   * `listen`: asked too early, the daemon is never reached again, and "Protocol not supported" is all it says.
   */
  async #isListening(): Promise<boolean> {
    const line = `: [0-9A-F]* 00000000 00010000 .*/${this.name}\\.sock$`; // 10000: listens (__SO_ACCEPTCON)
    return (await this.space.run('grep', '-q', line, '/proc/net/unix')).code === 0;
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop('SIGTERM');
    this.#daemon = undefined;
  }

  /** Where it is, outside. */
  get endpoint(): string {
    return `${this.there}:${this.port}`;
  }

  /** Our file; `endpoint`: where the peer is, '' if we are to wait for it. */
  file(endpoint: string, more: readonly string[] = []): string {
    const place = endpoint === '' ? [] : [`Endpoint = ${endpoint}`];
    return [
      ...['[Interface]', `PrivateKey = ${this.ours.secret}`, `ListenPort = ${this.port}`],
      ...[`Address = ${OURS}/24, fd66::1/64`, '[Peer]', `PublicKey = ${this.keys.public}`],
      ...[`AllowedIPs = ${THEIRS}/32, ${THEIRS_SIX}/128`, ...place, ...more, ''],
    ].join('\n');
  }

  /** What `wg show` tells of it. */
  async show(what: string): Promise<string> {
    return (await this.space.run('wg', 'show', this.name, what)).out;
  }

  /** The servers of test/support/outside, at its addresses inside. */
  async serve(t: Teardown): Promise<void> {
    const program = join(root, 'dist/test/support/outside.js');
    const servers = this.space.start(process.execPath, program, THEIRS, THEIRS_SIX);
    t.teardown(() => servers.stop('SIGKILL').then(() => {}));
    if ((await servers.line()) !== 'ready') throw new Error('the servers did not start');
  }
}
