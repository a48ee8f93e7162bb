/**
 * OpenVPN against Debian's `openvpn`, as both ends, in one network namespace: theirs has a TUN of the kernel, ours is a
 * stack in this process. What is right: what `openvpn` 2.6 takes and gives.
 *
 * Each case has a port, a network inside and interfaces of its own, so that they may run side by side.
 * @module
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createServer, connect as kernelConnect, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createStack, type Stack } from '../../src/index.ts';
import {
  type OpenVpnDevice,
  type OpenVpnOptions,
  openOpenVpn,
} from '../../src/tunnel/openvpn/open.ts';
import {
  type OpenVpnServerDevice,
  type OpenVpnServerOptions,
  openOpenVpnServer,
} from '../../src/tunnel/openvpn/open-server.ts';
import type { DatagramTransport, TransportUser } from '../../src/tunnel/tunnel.ts';
import { openBatch } from '../../src/tunnel/udp/batch.ts';
import { openDgram } from '../../src/tunnel/udp/dgram.ts';
import { tunstack } from '../support/process.ts';
import { makePki, type Pki } from '../tunnel/openvpn/pki.ts';
import { Namespace } from './forwarding.ts';
import { atMost } from './lanes.ts';
import { milestones } from './long.ts';
import { Relay } from './relay.ts';
import { testWith } from './serving.ts';

const withPeer = atMost(5, testWith('openvpn', 'openssl', 'ip', 'nsenter', 'unshare'));
let made: Pki | undefined;
const pki = (): Pki => {
  if (made !== undefined) return made;
  made = makePki();
  for (const words of [
    ['--genkey', 'secret', 'ta.key'],
    ['--genkey', 'tls-crypt-v2-server', 'v2s.key'],
    ['--tls-crypt-v2', 'v2s.key', '--genkey', 'tls-crypt-v2-client', 'v2c.key'],
  ]) {
    spawnSync('openvpn', words, { cwd: made.folder });
  }
  writeFileSync(
    made.path('users.sh'),
    '#!/bin/sh\n[ "$(sed -n 1p "$1")" = ann ] && [ "$(sed -n 2p "$1")" = secret ]\n',
    { mode: 0o755 },
  );
  writeFileSync(made.path('ann'), 'ann\nsecret\n', { mode: 0o600 });
  return made;
};
test.after.always(() => made?.remove());

spawnSync('ip', ['link', 'set', 'lo', 'up']);

const FIRST_PORT = 21_194;
let nextPort = FIRST_PORT;
let nextFile = 0;

/** The network inside that goes with a port. */
const number = (port: number): number => port - FIRST_PORT + 1;
/** An address in it: of IPv4, and of IPv6, whose pool begins at ::1000. */
const inside = (port: number, host = 1): string => `10.8.${number(port)}.${host}`;
const inside6 = (port: number, host: string): string =>
  `fd00:8:${number(port).toString(16)}::${host}`;
/** Interfaces of `openvpn`: a server's and a client's. */
const serverTun = (port: number): string => `ovs${number(port)}`;
const clientTun = (port: number): string => `ovc${number(port)}`;

/** Lines of a profile: as a file for `openvpn`. */
interface Peer {
  stop(): Promise<void>;
  log(): string;
  /** Settles when it has said `text`. */
  said(text: string): Promise<void>;
}

/** Run `openvpn` with a profile; `enter`: the words that let it run in another namespace. */
function peer(
  t: ExecutionContext,
  profile: string,
  name: string,
  enter: readonly string[] = [],
): Peer {
  const file = pki().path(`${name}-${nextFile++}.conf`);
  writeFileSync(file, profile);
  const [program = '', ...words] = [
    ...[...enter, 'openvpn', '--config', file, '--cd', pki().folder, '--verb', '4'],
    ...['--disable-dco', '--script-security', '2'],
  ];
  const child = spawn(program, words);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  t.teardown(stop);
  return {
    stop,
    log: () => text,
    async said(wanted) {
      for (let i = 0; i < 600 && !text.includes(wanted); i++) await sleep(50);
      if (!text.includes(wanted))
        throw new Error(`openvpn has not said «${wanted}»:\n${text.slice(-3000)}`);
    },
  };
}

const serverText = (port: number, more: string): string =>
  `dev ${serverTun(port)}\ndev-type tun\nlocal 127.0.0.1\nport ${port}\nproto udp\nserver ${inside(port, 0)} 255.255.255.0\nserver-ipv6 ${inside6(port, '')}/64\ntopology subnet\nkeepalive 2 10\ndh none\n${pki().blocks('server')}${more}`;

const clientText = (port: number, more: string): string =>
  `client\ndev ${clientTun(port)}\ndev-type tun\nnobind\nproto udp\nremote 127.0.0.1 ${port}\nremote-cert-tls server\nconnect-retry 1 2\n${pki().blocks('client')}${more}`;

const files = (name: string): Uint8Array => Buffer.from(pki().read(name));

/** A transport that loses a part of what is sent. */
class Lossy implements DatagramTransport {
  readonly #inner: DatagramTransport;
  readonly #every: number;
  #count = 0;

  constructor(inner: DatagramTransport, every: number) {
    this.#inner = inner;
    this.#every = every;
  }

  get bytes(): Uint8Array {
    return this.#inner.bytes;
  }
  get full(): boolean {
    return this.#inner.full;
  }
  get port(): number {
    return this.#inner.port;
  }
  get lost(): number {
    return this.#inner.lost;
  }
  start(user: TransportUser): void {
    this.#inner.start({
      received: (bytes, at, length, from) => {
        if (++this.#count % this.#every !== 0) user.received(bytes, at, length, from);
      },
      drained: () => user.drained(),
      writable: () => user.writable(),
      failed: (error) => user.failed(error),
    });
  }
  reserve(length: number): number {
    return this.#inner.reserve(length);
  }
  commit(length: number, to: Parameters<DatagramTransport['commit']>[1]): void {
    if (++this.#count % this.#every !== 0) this.#inner.commit(length, to);
  }
  flush(): void {
    this.#inner.flush();
  }
  ref(): void {
    this.#inner.ref();
  }
  unref(): void {
    this.#inner.unref();
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** Our client, in a stack. */
async function ourClient(
  t: ExecutionContext,
  profile: string,
  options: OpenVpnOptions = {},
): Promise<{ device: OpenVpnDevice; stack: Stack }> {
  const device = await openOpenVpn(profile, { readFile: files, timeout: 30_000, ...options });
  const [address = ''] = device.network.addresses;
  const stack = createStack({ device, address });
  t.teardown(() => stack.close());
  return { device, stack };
}

/** Our server, in a stack. */
async function ourServer(
  t: ExecutionContext,
  profile: string,
  options: OpenVpnServerOptions = {},
): Promise<{ device: OpenVpnServerDevice; stack: Stack }> {
  const device = await openOpenVpnServer(profile, { readFile: files, ...options });
  const [address = ''] = device.addresses;
  const stack = createStack({ device, address });
  t.teardown(() => stack.close());
  return { device, stack };
}

/** Send `size` bytes over `socket` to who echoes, and compare what comes back. */
async function echo(
  t: ExecutionContext,
  socket: Pick<Socket, 'on' | 'write' | 'once' | 'destroy'>,
  size: number,
): Promise<void> {
  const block = Buffer.alloc(65_536, 0).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
  const sent = createHash('sha256');
  const back = createHash('sha256');
  let received = 0;
  const tell = milestones(t.title, size);
  const done = new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${received} bytes`)));
    socket.on('data', (chunk: Buffer) => {
      back.update(chunk);
      received += chunk.length;
      tell(received);
      if (received >= size) resolve();
    });
  });
  let left = size;
  const pump = (): void => {
    while (left > 0) {
      const part = block.subarray(0, Math.min(left, block.length));
      sent.update(part);
      left -= part.length;
      if (!socket.write(part)) {
        socket.once('drain', pump);
        return;
      }
    }
  };
  pump();
  await done;
  socket.destroy();
  t.is(received, size);
  t.is(back.digest('hex'), sent.digest('hex'));
}

const echoes = (socket: Socket): void => {
  socket.on('error', () => {});
  socket.pipe(socket);
};

/** The kernel's echo, on an address of the TUN that their end has made. */
async function kernelEcho(t: ExecutionContext, host: string): Promise<Server> {
  // A tunnel that is closed tells the kernel's end nothing, and an open socket holds the event loop.
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    echoes(socket);
  });
  for (let i = 0; ; i++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(7, host, () => resolve());
      });
      break;
    } catch (error) {
      if (i > 100) throw error;
      await sleep(50);
    }
  }
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return server;
}

const MIB = 1 << 20;
/** Of text that passes; `npm run tunnels` has a gibibyte for the first of the variants, and where datagrams are lost. */
const SIZE = 2 * MIB;
const LONG = Number(process.env['TUNSTACK_TUNNEL_MIB'] ?? 2) * MIB;

interface Variant {
  readonly name: string;
  /** Lines for the server's and for the client's file. */
  readonly server: string;
  readonly client: string;
  readonly options?: OpenVpnOptions;
  readonly serverOptions?: OpenVpnServerOptions;
  readonly theirClient?: string;
  readonly only?: 'client';
  readonly cipher?: string;
  /** In place of 127.0.0.1. */
  readonly outside?: string;
}

const variants: Variant[] = [
  { name: 'nothing around the control channel', server: '', client: '', cipher: 'AES-256-GCM' },
  {
    name: 'tls-auth with SHA-512',
    server: 'tls-auth ta.key 0\nauth SHA512\n',
    client: 'tls-auth ta.key 1\nauth SHA512\n',
  },
  {
    name: 'tls-auth without a direction',
    server: 'tls-auth ta.key\n',
    client: 'tls-auth ta.key\n',
  },
  { name: 'tls-crypt', server: 'tls-crypt ta.key\n', client: 'tls-crypt ta.key\n' },
  {
    name: 'tls-crypt-v2',
    server: 'tls-crypt-v2 v2s.key force-cookie\n',
    client: 'tls-crypt-v2 v2c.key\n',
    only: 'client',
  },
  { name: 'AES-128-GCM', server: 'data-ciphers AES-128-GCM\n', client: '', cipher: 'AES-128-GCM' },
  {
    name: 'CHACHA20-POLY1305 and TLS 1.2',
    server: 'data-ciphers CHACHA20-POLY1305\ntls-version-max 1.2\n',
    client: '',
    cipher: 'CHACHA20-POLY1305',
  },
  {
    name: 'TCP with tls-crypt',
    server: 'proto tcp-server\ntls-crypt ta.key\n',
    client: 'proto tcp-client\ntls-crypt ta.key\n',
  },
  { name: 'IPv6 outside', server: 'proto udp6\n', client: 'proto udp6\n', outside: '::1' },
  {
    name: 'user and password',
    server: '',
    client: 'auth-user-pass ann\n',
    serverOptions: {
      authorize: async ({ user, password }) => user === 'ann' && password === 'secret',
    },
  },
];

for (const { name, server, client, only, cipher, serverOptions, outside } of variants) {
  const there = (text: string): string => text.replaceAll('127.0.0.1', outside ?? '127.0.0.1');
  const size = name === variants[0]?.name ? LONG : SIZE;
  withPeer(`openvpn: our client and openvpn as server: ${name}`, async (t) => {
    const port = nextPort++;
    const users =
      serverOptions === undefined
        ? ''
        : `auth-user-pass-verify ${pki().path('users.sh')} via-file\n`;
    const theirs = peer(t, there(serverText(port, server + users)), 'server');
    await theirs.said('Initialization Sequence Completed');
    const { device, stack } = await ourClient(t, there(clientText(port, client)));
    if (cipher !== undefined) t.is(device.status().cipher, cipher);
    await kernelEcho(t, inside(port));
    await echo(t, stack.net.connect(7, inside(port)) as unknown as Socket, size);
    t.deepEqual(device.status().drops, {});
  });

  if (only === 'client') continue;
  withPeer(`openvpn: our server and openvpn as client: ${name}`, async (t) => {
    const port = nextPort++;
    const { device, stack } = await ourServer(t, there(serverText(port, server)), serverOptions);
    stack.net.createServer((socket) => echoes(socket as unknown as Socket)).listen(7);
    const theirs = peer(t, there(clientText(port, client)), 'client');
    await theirs.said('Initialization Sequence Completed');
    await echo(t, kernelConnect(7, inside(port)), size);
    const { clients } = device.status();
    t.is(clients.length, 1);
    t.is(clients[0]?.name, 'client');
    t.deepEqual(clients[0]?.addresses, [inside(port, 2), inside6(port, '1000')]);
    if (cipher !== undefined) t.is(clients[0]?.cipher, cipher);
  });
}

withPeer('openvpn: a twentieth of all datagrams lost changes no byte, as either end', async (t) => {
  const port = nextPort++;
  const theirs = peer(t, serverText(port, ''), 'server');
  await theirs.said('Initialization Sequence Completed');
  const batch = await openBatch({ port: 0 });
  if (batch === undefined) {
    t.log('skipped, no batches of datagrams here');
    t.pass();
    return;
  }
  const { stack } = await ourClient(t, clientText(port, ''), { transport: new Lossy(batch, 20) });
  await kernelEcho(t, inside(port));
  await echo(t, stack.net.connect(7, inside(port)) as unknown as Socket, LONG);
  await stack.close();
  await theirs.stop();
  const own = nextPort++;
  const served = await openBatch({ port: own });
  if (served === undefined) return;
  const ours = await ourServer(t, serverText(own, ''), { transport: new Lossy(served, 20) });
  ours.stack.net.createServer((socket) => echoes(socket as unknown as Socket)).listen(7);
  const client = peer(t, clientText(own, ''), 'client');
  await client.said('Initialization Sequence Completed');
  await echo(t, kernelConnect(7, inside(own)), LONG);
});

const renegotiations = [
  {
    ...{ who: 'theirs', what: 'AES-256-GCM, tls-crypt' },
    ...{ server: 'tls-crypt ta.key\n', client: 'tls-crypt ta.key\n' },
  },
  {
    ...{ who: 'ours', what: 'CHACHA20-POLY1305, tls-crypt-v2' },
    server: 'data-ciphers CHACHA20-POLY1305\ntls-crypt-v2 v2s.key force-cookie\n',
    client: 'tls-crypt-v2 v2c.key\n',
  },
  {
    ...{ who: 'theirs', what: 'AES-128-GCM, TCP' },
    server: 'data-ciphers AES-128-GCM\nproto tcp-server\n',
    client: 'proto tcp-client\n',
  },
] as const;

for (const { who, what, server, client } of renegotiations) {
  withPeer(
    `openvpn: keys are renegotiated by ${who} while data flows, and no byte changes: ${what}`,
    async (t) => {
      const port = nextPort++;
      const by = (one: 'theirs' | 'ours'): string => (who === one ? 'reneg-sec 2\n' : '');
      const theirs = peer(t, serverText(port, server + by('theirs')), 'server');
      await theirs.said('Initialization Sequence Completed');
      const { device, stack } = await ourClient(t, clientText(port, client + by('ours')));
      t.is(device.status().cipher, what.split(',')[0]);
      await kernelEcho(t, inside(port));
      for (let i = 0; i < 200 && device.status().handshakes < 3; i++) {
        await echo(t, stack.net.connect(7, inside(port)) as unknown as Socket, MIB / 4);
        await sleep(20);
      }
      t.true(device.status().handshakes >= 3, `${device.status().handshakes}`);
      t.is(device.status().state, 'up');
    },
  );
}

withPeer(
  'openvpn: our server renegotiates with openvpn as client, and data flows on',
  async (t) => {
    const port = nextPort++;
    const { device, stack } = await ourServer(
      t,
      serverText(port, 'reneg-sec 2\ntls-auth ta.key 0\n'),
    );
    stack.net.createServer((socket) => echoes(socket as unknown as Socket)).listen(7);
    const theirs = peer(t, clientText(port, 'tls-auth ta.key 1\n'), 'client');
    await theirs.said('Initialization Sequence Completed');
    const count = (): number => theirs.log().split('Control Channel: TLSv1').length - 1;
    for (let i = 0; i < 200 && count() < 3; i++) {
      await echo(t, kernelConnect(7, inside(port)), MIB / 4);
      await sleep(20);
    }
    t.true(count() >= 3, `${count()} handshakes`);
    t.is(device.status().clients.length, 1);
  },
);

withPeer(
  'openvpn: openvpn follows our client to another port, and no key is agreed anew',
  async (t) => {
    const port = nextPort++;
    const theirs = peer(t, serverText(port, ''), 'server');
    await theirs.said('Initialization Sequence Completed');
    const { device, stack } = await ourClient(t, clientText(port, ''));
    await stack.ping(inside(port), { timeout: 5000 });
    const moved = await openDgram({ createSocket });
    await device.move(moved);
    await stack.ping(inside(port), { timeout: 5000 });
    await theirs.said(`floated from 127.0.0.1`);
    t.regex(theirs.log(), new RegExp(`floated from .*127\\.0\\.0\\.1:${moved.port}`));
    t.is(device.status().handshakes, 1);
    await kernelEcho(t, inside(port));
    await echo(t, stack.net.connect(7, inside(port)) as unknown as Socket, MIB / 4);
  },
);

withPeer('openvpn: our server follows openvpn to another port while data flows', async (t) => {
  const port = nextPort++;
  const relay = await Relay.make(t, port);
  const { device, stack } = await ourServer(t, serverText(port, ''));
  stack.net.createServer((socket) => echoes(socket as unknown as Socket)).listen(7);
  const text = clientText(port, '').replace(`127.0.0.1 ${port}`, `127.0.0.1 ${relay.port}`);
  const theirs = peer(t, text, 'client');
  await theirs.said('Initialization Sequence Completed');
  const flowing = echo(t, kernelConnect(7, inside(port)), SIZE);
  const moved = await relay.move();
  await flowing;
  const { clients } = device.status();
  t.deepEqual(
    clients.map(({ endpoint }) => endpoint),
    [`127.0.0.1:${moved}`],
  );
  t.is(theirs.log().split('Control Channel: TLSv1').length - 1, 1, 'one handshake');
});

for (const proto of ['udp', 'tcp'] as const) {
  const [server, client] =
    proto === 'udp' ? ['', ''] : ['proto tcp-server\n', 'proto tcp-client\n'];
  const quick = (text: string): string => text.replace('keepalive 2 10', 'keepalive 1 3');

  withPeer(`openvpn: our client finds openvpn again after its restart, by ${proto}`, async (t) => {
    const port = nextPort++;
    let theirs = peer(t, quick(serverText(port, server)), 'server');
    await theirs.said('Initialization Sequence Completed');
    let ups = 0;
    const { stack } = await ourClient(t, clientText(port, client), { onUp: () => ups++ });
    await theirs.stop();
    theirs = peer(t, quick(serverText(port, server)), 'server-again');
    await theirs.said('Initialization Sequence Completed');
    for (let i = 0; i < 500 && ups < 2; i++) await sleep(50);
    t.true(ups >= 2);
    t.true((await stack.ping(inside(port), { timeout: 5000 })).rtt > 0);
  });

  withPeer(`openvpn: openvpn finds our server again after its restart, by ${proto}`, async (t) => {
    const port = nextPort++;
    const first = await ourServer(t, quick(serverText(port, server)));
    const theirs = peer(t, clientText(port, client), 'client');
    await theirs.said('Initialization Sequence Completed');
    await first.stack.close();
    const second = await ourServer(t, quick(serverText(port, server)));
    for (let i = 0; i < 500 && second.device.status().clients.length === 0; i++) await sleep(50);
    t.is(second.device.status().clients.length, 1);
  });
}

withPeer(
  'openvpn: a wrong password and a certificate of another CA are refused by openvpn, and said',
  async (t) => {
    const port = nextPort++;
    const theirs = peer(
      t,
      serverText(port, `auth-user-pass-verify ${pki().path('users.sh')} via-file\n`),
      'server',
    );
    await theirs.said('Initialization Sequence Completed');
    await t.throwsAsync(
      openOpenVpn(clientText(port, 'auth-user-pass\n'), {
        user: 'ann',
        password: 'wrong',
        timeout: 20_000,
      }),
      {
        code: 'ECONNREFUSED',
        message: /AUTH_FAILED/,
      },
    );
    const lines: string[] = [];
    const stranger = clientText(port, '').replace(pki().blocks('client'), pki().blocks('stranger'));
    await t.throwsAsync(
      openOpenVpn(`${stranger}auth-user-pass ann\n`, {
        readFile: files,
        timeout: 3000,
        log: (line) => lines.push(line),
      }),
      {
        code: 'ETIMEDOUT',
      },
    );
  },
);

withPeer('openvpn: IPv6 passes inside, between the kernel and ours', async (t) => {
  const port = nextPort++;
  const theirs = peer(t, serverText(port, ''), 'server');
  await theirs.said('Initialization Sequence Completed');
  const device = await openOpenVpn(clientText(port, ''), { offload: false, timeout: 30_000 });
  const address6 = device.network.addresses[1] ?? '';
  t.is(address6, `${inside6(port, '1000')}/64`);
  const memory = new Uint8Array(4096);
  const answered = new Promise<Uint8Array>((resolve) => {
    device.start({
      memory,
      readable: () => {
        for (let length = device.read(0, 2000); length > 0; length = device.read(0, 2000)) {
          if (memory[6] === 58 && memory[40] === 129) resolve(memory.slice(0, length));
        }
      },
      writable: () => {},
      closed: () => {},
    });
  });
  t.teardown(() => device.close());
  // An echo request from ::1000 to ::1 of that network, RFC 4443 §4.1; its checksum is over these words.
  const request = Buffer.alloc(56);
  request.set([0x60, 0, 0, 0, 0, 16, 58, 64]);
  request.set([0xfd, 0, 0, 8, 0, number(port), ...Array(8).fill(0), 0x10, 0], 8);
  request.set([0xfd, 0, 0, 8, 0, number(port), ...Array(8).fill(0), 0, 1], 24);
  request.set([128, 0, 0, 0, 0x12, 0x34, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8], 40);
  let sum = 16 + 58;
  for (let at = 8; at < 56; at += 2) sum += request.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  request.writeUInt16BE(~sum & 0xffff, 42);
  const send = (): void => {
    memory.set(request, 2048);
    device.write(2048, request.length);
    device.flush();
  };
  const timer = setInterval(send, 300);
  t.teardown(() => clearInterval(timer));
  const answer = await answered;
  t.deepEqual([...answer.subarray(44, 56)], [...request.subarray(44, 56)]);
});

withPeer(
  'tunnel up: a profile of OpenVPN on a TUN of this host, and without one by a proxy',
  async (t) => {
    const port = nextPort++;
    const theirs = peer(t, serverText(port, 'push "route 10.77.0.0 255.255.0.0"\n'), 'server');
    await theirs.said('Initialization Sequence Completed');
    const file = pki().path('vpn7.ovpn');
    writeFileSync(file, clientText(port, 'verb 3\n'), { mode: 0o600 });
    const onTun = tunstack('tunnel', 'up', file);
    t.teardown(() => onTun.stop('SIGKILL').then(() => {}));
    const line = await onTun.line();
    const addresses = `${inside(port, 2)}/24,${inside6(port, '1000')}/64`;
    t.true(line.startsWith(`ready tunnel=openvpn tun=vpn7 address=${addresses} mtu=1500 routes=`));
    t.regex(line, /10\.77\.0\.0\/16/);
    const shown = spawnSync('ip', ['-4', 'route', 'show', 'dev', 'vpn7'], {
      encoding: 'utf8',
    }).stdout;
    t.regex(shown, /10\.77\.0\.0\/16/);
    t.regex(onTun.err, /without effect here: verb/);
    await onTun.stop('SIGTERM');
    t.not(spawnSync('ip', ['link', 'show', 'vpn7']).status, 0);

    await kernelEcho(t, inside(port));
    const proxied = tunstack('tunnel', 'up', file, '--rootless', '--socks5', '127.0.0.1:10807');
    t.teardown(() => proxied.stop('SIGKILL').then(() => {}));
    t.regex(await proxied.line(), /^ready tunnel=openvpn/);
    const socket = kernelConnect(10_807, '127.0.0.1');
    t.teardown(() => {
      socket.destroy();
    });
    // RFC 1928: no authentication, then CONNECT to port 7.
    socket.write(Uint8Array.of(5, 1, 0));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write(Uint8Array.of(5, 1, 0, 1, 10, 8, number(port), 1, 0, 7));
    const [, status] = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    t.is(status, 0);
    socket.write('through the proxy');
    t.is(
      String(await new Promise<Buffer>((resolve) => socket.once('data', resolve))),
      'through the proxy',
    );
  },
);

/** An interface's addresses and routes, whatever it is called. */
function standing(name: string): { mtu: string; addresses: string[]; routes: string[] } {
  const ip = (...words: string[]): string =>
    spawnSync('ip', [...words, 'dev', name], { encoding: 'utf8' }).stdout;
  const isOwn = (network = ''): boolean => !network.startsWith('fe80');
  const addresses = [...ip('addr', 'show').matchAll(/inet6? (\S+)/g)].map(([, one = '']) => one);
  const routes = (['-4', '-6'] as const).flatMap((family) =>
    ip(family, 'route', 'show')
      .split('\n')
      .map((line) => line.split(' ')[0] ?? ''),
  );
  return {
    mtu: /mtu (\d+)/.exec(ip('link', 'show'))?.[1] ?? '',
    addresses: addresses.filter(isOwn).toSorted(),
    routes: routes.filter((route) => route !== '' && isOwn(route)).toSorted(),
  };
}

withPeer('tunnel up: the same .ovpn brings up the same with openvpn and here', async (t) => {
  const port = nextPort++;
  // In a namespace of its own: the gateway of pushed routes must not be an address of this host.
  const space = await Namespace.make(t);
  spawnSync('ip', ['link', 'add', 'ovv0', 'type', 'veth', 'peer', 'name', 'ovv1']);
  await space.adopt('ovv1');
  for (const words of ['addr add 192.0.2.1/24 dev ovv0', 'link set ovv0 up']) {
    t.is(spawnSync('ip', words.split(' ')).status, 0);
  }
  await space.ip('addr', 'add', '192.0.2.2/24', 'dev', 'ovv1');
  await space.ip('link', 'set', 'ovv1', 'up');
  const there = (profile: string): string => profile.replaceAll('127.0.0.1', '192.0.2.2');
  const pushed = 'push "route 10.78.0.0 255.255.0.0"\npush "route-ipv6 fd78::/64"\n';
  const served = there(serverText(port, `tls-crypt ta.key\n${pushed}`));
  const theirs = peer(t, served, 'server', space.enter);
  await theirs.said('Initialization Sequence Completed');
  const file = pki().path('same.ovpn');
  const text = `${there(clientText(port, 'verb 3\n'))}<tls-crypt>\n${pki().read('ta.key')}</tls-crypt>\n`;
  writeFileSync(file, text, { mode: 0o600 });
  const client = peer(t, text, 'same');
  await client.said('Initialization Sequence Completed');
  const found = standing(clientTun(port));
  t.deepEqual(found.addresses, [`${inside(port, 2)}/24`, `${inside6(port, '1000')}/64`]);
  for (const route of ['10.78.0.0/16', 'fd78::/64']) {
    t.true(found.routes.includes(route), `${found.routes}\n${client.log()}`);
  }
  await client.stop();
  const ours = tunstack('tunnel', 'up', file);
  t.teardown(() => ours.stop('SIGKILL').then(() => {}));
  t.regex(await ours.line(), /^ready tunnel=openvpn tun=same /);
  const kept = standing('same');
  // The same name has the same address again, or the next while the server still remembers the first.
  t.is(kept.mtu, found.mtu);
  t.deepEqual(kept.routes, found.routes);
  t.deepEqual(
    kept.addresses.map((address) => address.split('/')[1]),
    found.addresses.map((address) => address.split('/')[1]),
  );
});

withPeer('tunnel up: a file of a server serves openvpn, on a TUN of this host', async (t) => {
  const port = nextPort++;
  const file = pki().path('vpnsrv.conf');
  writeFileSync(file, serverText(port, ''), { mode: 0o600 });
  const ours = tunstack('tunnel', 'up', file);
  t.teardown(() => ours.stop('SIGKILL').then(() => {}));
  t.true(
    (await ours.line()).startsWith(`ready tunnel=openvpn tun=vpnsrv address=${inside(port)}/24`),
  );
  const theirs = peer(t, clientText(port, ''), 'client');
  await theirs.said('Initialization Sequence Completed');
  t.regex(theirs.log(), new RegExp(`PUSH_REPLY,.*ifconfig ${inside(port, 2)} `));
});
