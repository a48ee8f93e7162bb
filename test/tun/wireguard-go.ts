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
import { Namespace, type Teardown } from './forwarding.ts';

export const HERE = '192.0.2.1';
export const THERE = '192.0.2.2';
export const HERE_SIX = 'fd01::1';
export const THERE_SIX = 'fd01::2';
/** Inside the tunnel. */
export const OURS = '10.66.0.1';
export const THEIRS = '10.66.0.2';
export const PORT = 51_820;

export interface Keys {
  readonly secret: string;
  readonly public: string;
}

export function makeKeys(): Keys {
  const secret = makePrivateKey(systemRandom);
  return { secret: formatKey(secret), public: formatKey(publicKeyFrom(secret)) };
}

let count = 0;

/** A namespace with an interface of wireguard-go. */
export class GoPeer {
  readonly space: Namespace;
  readonly name: string;
  readonly folder: string;
  readonly keys: Keys = makeKeys();
  readonly ours: Keys = makeKeys();
  #daemon: Running | undefined;

  private constructor(space: Namespace, name: string, folder: string) {
    this.space = space;
    this.name = name;
    this.folder = folder;
  }

  /** Both namespaces, joined; wireguard-go does not run yet. */
  static async make(t: Teardown): Promise<GoPeer> {
    const space = await Namespace.make(t);
    const name = `wgt${process.pid % 100_000}x${count++}`;
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-wg-'));
    const peer = new GoPeer(space, name, folder);
    t.teardown(async () => {
      await peer.stop();
      await run('ip', 'link', 'del', 'wgv0');
      rmSync(folder, { recursive: true, force: true });
    });
    await must('ip', 'link', 'add', 'wgv0', 'type', 'veth', 'peer', 'name', 'wgv1');
    await space.adopt('wgv1');
    await must('ip', 'addr', 'add', `${HERE}/24`, 'dev', 'wgv0');
    await must('ip', 'addr', 'add', `${HERE_SIX}/64`, 'dev', 'wgv0', 'nodad');
    await must('ip', 'link', 'set', 'wgv0', 'up');
    await space.ip('addr', 'add', `${THERE}/24`, 'dev', 'wgv1');
    await space.ip('addr', 'add', `${THERE_SIX}/64`, 'dev', 'wgv1', 'nodad');
    await space.ip('link', 'set', 'wgv1', 'up');
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
    const own = [`PrivateKey = ${this.keys.secret}`, `ListenPort = ${PORT}`];
    writeFileSync(file, ['[Interface]', ...own, '[Peer]', ...peer, ''].join('\n'));
    for (let i = 0; ; i++) {
      const { code, err } = await this.space.run('wg', 'setconf', this.name, file);
      if (code === 0) break;
      if (i === 50) throw new Error(`wireguard-go did not start: ${err}${daemon.err}`);
      await pause(100);
    }
    await this.space.ip('addr', 'add', `${THEIRS}/24`, 'dev', this.name);
    await this.space.ip('addr', 'add', 'fd66::2/64', 'dev', this.name, 'nodad');
    await this.space.ip('link', 'set', this.name, 'mtu', '1420', 'up');
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop('SIGTERM');
    this.#daemon = undefined;
  }

  /** Our file; `endpoint`: where the peer is, '' if we are to wait for it. */
  file(endpoint: string, more: readonly string[] = []): string {
    const place = endpoint === '' ? [] : [`Endpoint = ${endpoint}`];
    return [
      ...['[Interface]', `PrivateKey = ${this.ours.secret}`, `ListenPort = ${PORT}`],
      ...[`Address = ${OURS}/24, fd66::1/64`, '[Peer]', `PublicKey = ${this.keys.public}`],
      ...[`AllowedIPs = ${THEIRS}/32, fd66::2/128`, ...place, ...more, ''],
    ].join('\n');
  }

  /** What `wg show` tells of it. */
  async show(what: string): Promise<string> {
    return (await this.space.run('wg', 'show', this.name, what)).out;
  }

  /** The servers of test/support/outside, at its address inside. */
  async serve(t: Teardown): Promise<void> {
    const program = join(root, 'dist/test/support/outside.js');
    const servers = this.space.start(process.execPath, program, THEIRS);
    t.teardown(() => servers.stop('SIGKILL').then(() => {}));
    if ((await servers.line()) !== 'ready') throw new Error('the servers did not start');
  }
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, err } = await run(program, ...args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${err}`);
}
