/**
 * What is compared: WireGuard by wireguard-go and by tunstack, OpenVPN by `openvpn` and by tunstack, each as both ends.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { formatKey, makePrivateKey, publicKeyFrom, systemRandom } from '../../src/tunnel.ts';
import { makePki, type Pki } from '../../test/tunnel/openvpn/pki.ts';
import { FAR, NEAR, type Places } from './places.ts';

export interface Subject {
  readonly name: string;
  /** What it is compared with; undefined: it is what others are compared with. */
  readonly base?: string;
  /** The far end inside, which is measured against. */
  readonly target: string;
  /** Why it cannot be measured here; undefined if it can. */
  readonly missing?: string | undefined;
  open(places: Places): Promise<void>;
}

const command = new URL('../../src/cli/main.js', import.meta.url).pathname;
const CIPHER = 'AES-256-GCM';
/** The server's address inside, by `server 10.67.0.0`. */
const SERVER = '10.67.0.1';

let count = 0;
const nextName = (end: number): string => `tb${process.pid % 10_000}x${count++}e${end}`;

function without(...programs: readonly string[]): string | undefined {
  const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin'];
  const gone = programs.filter(
    (name) => !folders.some((folder) => existsSync(`${folder}/${name}`)),
  );
  return gone.length > 0 ? `no ${gone.join(', ')} here` : undefined;
}

/** Settles when the child has said something; rejects if it ends before. */
function ready(child: ReturnType<Places['start']>): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`an end of the tunnel ended with ${code}`)));
  });
}

/** Both ends' files, without what is `wg-quick`'s own unless `quick`. */
function wireguardFiles(quick: boolean): readonly [string, string] {
  const keys = [makePrivateKey(systemRandom), makePrivateKey(systemRandom)] as const;
  const file = (own: typeof NEAR | typeof FAR, other: typeof NEAR | typeof FAR, i: 0 | 1): string =>
    [
      ...['[Interface]', `PrivateKey = ${formatKey(keys[i])}`, `ListenPort = ${own.port}`],
      ...(quick ? [`Address = ${own.inside}/32`] : []),
      ...['[Peer]', `PublicKey = ${formatKey(publicKeyFrom(keys[i === 0 ? 1 : 0]))}`],
      ...[`AllowedIPs = ${other.inside}/32`, `Endpoint = ${other.outside}:${other.port}`, ''],
    ].join('\n');
  return [file(NEAR, FAR, 0), file(FAR, NEAR, 1)];
}

const ours = (...more: readonly string[]): Subject['open'] => {
  return async (places) => {
    for (const [end, text] of wireguardFiles(true).entries()) {
      const file = places.write(`${nextName(end)}.conf`, text);
      await ready(places.start(end, [process.execPath, command, 'tunnel', 'up', ...more, file]));
    }
  };
};

async function go(places: Places): Promise<void> {
  for (const [end, text] of wireguardFiles(false).entries()) {
    const name = nextName(end);
    const file = places.write(`${name}.conf`, text);
    const [own, other] = end === 0 ? [NEAR, FAR] : [FAR, NEAR];
    places.start(end, ['wireguard-go', '-f', name]);
    for (let tries = 0; ; tries++) {
      try {
        places.run(end, 'wg', 'setconf', name, file);
        break;
      } catch (error) {
        if (tries === 50) throw error;
        await pause(100);
      }
    }
    places.run(end, 'ip', 'addr', 'add', `${own.inside}/32`, 'dev', name);
    places.run(end, 'ip', 'link', 'set', name, 'mtu', '1420', 'up');
    places.run(end, 'ip', 'route', 'add', `${other.inside}/32`, 'dev', name);
  }
}

let made: Pki | undefined;

/** Both ends' profiles: the client here, the server at the far place. */
function profiles(name: (end: number) => string): readonly [string, string] {
  made ??= makePki();
  const common = `proto udp\ndata-ciphers ${CIPHER}\n`;
  return [
    `client\ndev ${name(0)}\ndev-type tun\nnobind\nremote ${FAR.outside} ${FAR.port}\nremote-cert-tls server\n${common}${made.blocks('client')}`,
    `dev ${name(1)}\ndev-type tun\nlocal ${FAR.outside}\nport ${FAR.port}\nserver 10.67.0.0 255.255.255.0\ntopology subnet\nkeepalive 10 60\ndh none\n${common}${made.blocks('server')}`,
  ];
}

const openvpn = (isOurs: boolean): Subject['open'] => {
  return async (places) => {
    const names = [nextName(0), nextName(1)] as const;
    const files = profiles((end) => names[end] ?? '').map((text, end) =>
      places.write(`${names[end]}.conf`, text),
    );
    // The server first: a client that finds nobody waits before it tries again.
    for (const end of [1, 0]) {
      const file = files[end] ?? '';
      const words = isOurs
        ? [process.execPath, command, 'tunnel', 'up', '--tun', names[end] ?? '', file]
        : ['openvpn', '--disable-dco', '--config', file];
      const child = places.start(end, words);
      if (isOurs) await ready(child);
      else await said(child, 'Initialization Sequence Completed');
    }
  };
};

function said(child: ReturnType<Places['start']>, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (piece) => {
      text += piece;
      if (text.includes(what)) resolve();
    });
    child.once('exit', () => reject(new Error(`openvpn ended:\n${text.slice(-2000)}`)));
  });
}

/** Take away what subjects have left on the disk. */
export function cleanUp(): void {
  made?.remove();
  made = undefined;
}

const version = (): string => {
  const { stdout = '' } = spawnSync('openvpn', ['--version'], { encoding: 'utf8' });
  return /^OpenVPN (\S+)/.exec(stdout)?.[1] ?? '';
};

const noGo = without('wireguard-go', 'wg');
const noOpenvpn = without('openvpn', 'openssl');
const openvpnName = `openvpn ${noOpenvpn === undefined ? version() : ''}`.trim();

export const SUBJECTS: readonly Subject[] = [
  { name: 'wireguard-go', target: FAR.inside, missing: noGo, open: go },
  { name: 'tunstack, WireGuard', base: 'wireguard-go', target: FAR.inside, open: ours() },
  {
    ...{ name: 'the same, --no-offload', base: 'wireguard-go', target: FAR.inside },
    open: ours('--no-offload'),
  },
  {
    ...{ name: 'the same, --spin 200', base: 'wireguard-go', target: FAR.inside },
    open: ours('--spin', '200'),
  },
  { name: openvpnName, target: SERVER, missing: noOpenvpn, open: openvpn(false) },
  {
    ...{ name: 'tunstack, OpenVPN', base: openvpnName, target: SERVER, missing: noOpenvpn },
    open: openvpn(true),
  },
];
