/**
 * A hostile guest beside another one on `tunstack network`, with scapy on a TAP: what it does to the Ethernet, to leases,
 * names and this host is bounded, counted, and does the other one no harm.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';
import type { NetworkStatus } from '../../src/services.ts';
import { pinged } from '../support/pinged.ts';
import { type Ended, type Running, run, tunstack } from '../support/process.ts';
import { root } from '../support/root.ts';
import { makeOutside, Namespace, OUTSIDE } from './forwarding.ts';
import { testWith } from './serving.ts';

/** The system's Python first: the packages of the system are its. */
const python = ['/usr/bin/python3', 'python3'].find(
  (one) => spawnSync(one, ['-c', 'import scapy']).status === 0,
);

function withScapy(): TestFn {
  if (python !== undefined) return testWith('ip', 'nsenter', 'curl', 'ping', 'dig', 'udhcpc');
  console.log('skipped, no scapy here (python3-scapy)');
  return test.skip as unknown as TestFn; // takes what `test` takes
}

const attack = withScapy();
const GATEWAY = '10.83.0.1';
/** Below the pool: addresses that nobody has are who takes them. */
const VICTIM = '10.83.0.5';
const VICTIM6 = 'fd83::55';
const PORT = 8080;

interface Street {
  readonly folder: string;
  readonly victim: Namespace;
  readonly gateway: Running;
  /** What the attacker saw of one case of neighbour.py. */
  seen<T>(what: string, ...words: string[]): Promise<T>;
  starting(what: string, ...words: string[]): Running;
  status(): Promise<NetworkStatus>;
  /** That the victim reaches gateway and outside, by both families where `six` says. */
  unharmed(t: ExecutionContext): Promise<void>;
}

/** Two guests with a TAP each, `vm0` the victim's and `vm1` the attacker's. */
async function street(t: ExecutionContext, ...options: string[]): Promise<Street> {
  await makeOutside(t);
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-neighbour-'));
  const [victim, attacker] = [await Namespace.make(t), await Namespace.make(t)];
  const control = join(folder, 'control');
  const taps = ['--tap', 'vm0', '--tap', 'vm1', '--dns', OUTSIDE, '--control', control];
  const gateway = tunstack(
    'network',
    ...taps,
    ...options.map((word) => word.replace('FOLDER', folder)),
  );
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  await gateway.line();
  const places = [
    [victim, 'vm0', VICTIM, VICTIM6],
    [attacker, 'vm1', '10.83.0.6', 'fd83::66'],
  ] as const;
  for (const [space, name, address, address6] of places) {
    await space.adopt(name);
    await space.ip('link', 'set', name, 'up');
    await space.ip('addr', 'add', `${address}/24`, 'dev', name);
    await space.ip('-6', 'addr', 'add', `${address6}/64`, 'dev', name, 'nodad');
    await space.ip('route', 'add', 'default', 'via', GATEWAY, 'dev', name);
  }
  const script = join(root, 'test/tun/neighbour.py');
  const line = (what: string, words: string[]): string[] => [
    python ?? 'python3',
    script,
    what,
    'vm1',
    ...words,
  ];
  return {
    ...{ folder, victim, gateway },
    seen: async (what, ...words) => {
      const { code, out, err } = await attacker.run(...line(what, words));
      t.is(code, 0, err);
      return JSON.parse(out.trim().split('\n').at(-1) ?? '');
    },
    starting: (what, ...words) => {
      const running = attacker.start(...line(what, words));
      t.teardown(() => running.stop('SIGKILL').then(() => {}));
      return running;
    },
    status: async () => {
      const { out } = await run('curl', '-sS', '--unix-socket', control, 'http://x/v1/status');
      return JSON.parse(out) as NetworkStatus;
    },
    unharmed: async (now) => {
      for (const address of [GATEWAY, 'fd83::1']) {
        const { out } = await victim.run('ping', '-q', '-c', '3', '-i', '0.1', '-w', '20', address);
        now.true(pinged(out).received >= 3, out);
      }
      const page = await victim.run('curl', '-sS', '-m', '10', `http://${OUTSIDE}/`);
      now.regex(page.out, /<title>outside/, page.err);
    },
  };
}

const portOf = (status: NetworkStatus, name: string): NetworkStatus['ports'][number] => {
  const port = status.ports.find((one) => one.name === name);
  if (port === undefined) throw new Error(`no port ${name}`);
  return port;
};

attack(
  'neighbour: who claims the gateway’s addresses, or the other guest’s, has neither',
  async (t) => {
    const { victim, seen, status, unharmed } = await street(t);
    await unharmed(t);
    const neighbours = async (): Promise<string[]> => {
      const shown: Ended = await victim.run('ip', 'neigh', 'show', 'dev', 'vm0');
      const known = [...shown.out.matchAll(/^(\S+) lladdr (\S+)/gm)].map(
        ([, a, mac]) => `${a} ${mac}`,
      );
      return known.filter((line) => /^(10\.83\.0\.1|fd83::1) /.test(line)).sort();
    };
    const before = await neighbours();
    t.is(before.length, 2, before.join());
    const { sent } = await seen<{ sent: number }>('poison', VICTIM, VICTIM6);
    t.deepEqual(await neighbours(), before);
    await unharmed(t);
    t.true((await status()).guests.spoofed >= sent, 'each is counted');
  },
);

attack(
  'neighbour: a flood of stations fills its own share, and the other one goes on',
  async (t) => {
    const { starting, victim, status, unharmed } = await street(t);
    await unharmed(t);
    const flood = starting('flood', '40000');
    const { out } = await victim.run('ping', '-q', '-c', '40', '-i', '0.05', '-w', '30', GATEWAY);
    t.true(pinged(out).received >= 40, out);
    const { code, err } = await flood.ended;
    t.is(code, 0, err);
    const now = await status();
    const [near, far] = [portOf(now, 'vm0'), portOf(now, 'vm1')];
    t.true(far.stations <= 256, `${far.stations} stations`);
    t.true(now.guests.tooMany > 10_000, JSON.stringify(now.guests));
    t.true(near.stations >= 1);
    await unharmed(t);
  },
);

/** The victim has no address, asks for one and gets it of the gateway. */
async function getsLease(t: ExecutionContext, { victim, folder }: Street): Promise<void> {
  await victim.ip('addr', 'flush', 'dev', 'vm0');
  const script = join(folder, 'script');
  writeFileSync(
    script,
    '#!/bin/sh\n[ "$1" = bound ] && echo "bound $ip $router $serverid"\nexit 0\n',
    {
      mode: 0o755,
    },
  );
  const asked = ['udhcpc', '-i', 'vm0', '-s', script, '-q', '-f', '-n', '-t', '10', '-T', '1'];
  const { out, err } = await victim.run(...asked);
  t.regex(out, /^bound 10\.83\.0\.\d+ 10\.83\.0\.1 10\.83\.0\.1$/m, err);
}

attack('neighbour: who asks for every lease gets a few, and the next one gets one', async (t) => {
  const way = await street(t);
  const { seen, status } = way;
  const { got } = await seen<{ got: number }>('starve', '600');
  const during = await status();
  t.true(got <= 64, `${got} leases`);
  t.true(during.leases.length <= 64, `${during.leases.length} leases`);
  t.true(during.guests.tooMany > 0, JSON.stringify(during.guests));
  await getsLease(t, way);
});

attack('neighbour: a guest that plays the DHCP server is not heard', async (t) => {
  const way = await street(t);
  const { starting, status } = way;
  const rogue = starting('rogue', '6');
  t.is(await rogue.line(), 'listening');
  await getsLease(t, way);
  const { answers } = JSON.parse((await rogue.ended).out.trim().split('\n').at(-1) ?? '');
  t.true(answers > 0, 'it has answered');
  t.is((await status()).guests.rogueDhcp, answers);
});

attack(
  'neighbour: answers that nobody asked for, and names that lead in circles, lead nowhere',
  async (t) => {
    const { victim, seen, status, unharmed } = await street(t);
    const before = await status();
    const found = await seen<Record<string, number[]>>('names', VICTIM);
    t.deepEqual(found['a good question'], [0]);
    for (const what of ['answers', 'nothing']) t.deepEqual(found[what], [], what);
    for (const [what, codes] of Object.entries(found)) {
      if (what !== 'a good question') t.false(codes.includes(0), `${what}: ${codes}`);
    }
    const after = await status();
    t.true(after.dns.malformed - before.dns.malformed >= 7 * 20, JSON.stringify(after.dns));
    t.true(after.guests.spoofed >= 200, 'what came in the gateway’s name');
    const dig = await victim.run('dig', '+short', '+tries=1', `@${GATEWAY}`, 'web.example', 'A');
    t.is(dig.out, '203.0.113.9\n', dig.err);
    await unharmed(t);
  },
);

// RFC 4291 §2.5.5, RFC 7915 §7, RFC 6052, RFC 8215, RFC 3056: roads of IPv6 to addresses of IPv4.
attack('neighbour: no road leads to this host, over either family', async (t) => {
  const heard: string[] = [];
  const server = createServer((socket) => {
    heard.push(`TCP from ${socket.remoteAddress} to ${socket.localAddress}`);
    socket.destroy();
  }).listen(PORT, '::');
  const datagrams = createSocket('udp6', (text) => heard.push(`UDP to ${text}`)).bind(PORT, '::');
  t.teardown(() => {
    server.close();
    datagrams.close();
  });
  await Promise.all([once(server, 'listening'), once(datagrams, 'listening')]);
  await run('ip', 'link', 'set', 'lo', 'up');
  const { seen, status } = await street(
    t,
    '--allow',
    '0.0.0.0/0',
    '--allow',
    '::/0',
    '--allow',
    '*',
  );
  const places = [
    ...['127.0.0.1', '127.1.2.3', '0.0.0.0', '0.1.2.3', '192.0.2.1', '192.0.2.255', '192.0.2.0'],
    ...[
      '10.83.0.1',
      '10.83.0.254',
      '10.83.0.255',
      '169.254.169.254',
      '224.0.0.1',
      '255.255.255.255',
    ],
    ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:192.0.2.1', '::ffff:0:127.0.0.1'],
    ...[
      '64:ff9b::7f00:1',
      '64:ff9b::c000:201',
      '64:ff9b:1::7f00:1',
      '2002:7f00:1::',
      '2002:c000:201::1',
    ],
    ...['2001:db8:2::1', '2001:db8:2::', 'fd83::1', 'fd83::fe', 'fe80::1', 'ff02::1', 'ff05::2'],
  ];
  const open = await seen<Record<string, string[]>>('reach', '80', OUTSIDE, '2001:db8:7::7');
  t.deepEqual(
    open,
    { [OUTSIDE]: ['open'], '2001:db8:7::7': ['open'] },
    'the world outside is open',
  );
  const found = await seen<Record<string, string[]>>('reach', `${PORT}`, ...places);
  for (const place of places)
    t.deepEqual(
      found[place]?.filter((what) => what !== 'reset'),
      [],
      place,
    );
  t.deepEqual(heard, []);
  const now = await status();
  t.true(now.flows.denied + Object.values(now.drops).reduce((a, b) => a + b, 0) >= places.length);
});

attack(
  'neighbour: one at a stream that reads nothing, and one whose lengths lie, harm nobody',
  async (t) => {
    const { folder, seen, status, unharmed } = await street(t, '--listen', 'unix:FOLDER/net.sock');
    const path = join(folder, 'net.sock');
    const deaf = connect(path).pause();
    t.teardown(() => void deaf.destroy());
    await once(deaf, 'connect');
    for (const length of [0xffff_ffff, 0, 13, 0x0002_0001]) {
      const liar = connect(path);
      const closed = once(
        liar.resume().on('error', () => {}),
        'close',
      );
      const head = Buffer.alloc(64);
      head.writeUInt32BE(length);
      liar.write(head);
      if (length === 0xffff_ffff || length === 0x0002_0001)
        await closed; // it cannot be meant
      else liar.destroy();
    }
    await seen('shout', '6000');
    await unharmed(t);
    const now = await status();
    const slow = now.ports.find(({ drops }) => (drops['queueFull'] ?? 0) > 0);
    t.truthy(slow, JSON.stringify(now.ports));
    t.not(slow?.name, 'vm0');
    t.is(portOf(now, 'vm0').drops['queueFull'], undefined);
    t.true(portOf(now, 'vm0').framesOut >= 6000, 'who reads has heard all');
  },
);
