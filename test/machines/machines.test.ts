/**
 * Two real machines on the switch of a network without root, a Debian kernel each in QEMU, one at a stream and one at
 * datagrams, which has a cable of UDP besides: leases, each other, a stack beside them, names, a server of this host, a page on a published port, and what a policy refuses. They are booted
 * once for all of it: where there is no KVM that is what takes long.
 *
 * With MACHINES=full, as `npm run machines` has it, they fetch 100 MiB; else 4 MiB.
 * @module
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  type ClientRequest,
  createServer,
  get,
  type IncomingMessage,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';
import {
  createPipe,
  createStack,
  listenForMachines,
  type MachineServer,
  openDatagrams,
  openUdpFrames,
  type Stack,
} from '../../src/index.ts';
import { createNetwork, type Network } from '../../src/services.ts';
import { cable, Guest, type Said, whyNoMachines, writeInitramfs } from './guest.ts';

const MIB = 1 << 20;
const SIZE = (process.env['MACHINES'] === 'full' ? 100 : 4) * MIB;

const [FIRST, SECOND] = ['02:00:5e:00:53:0a', '02:00:5e:00:53:0b'] as const;
/** A stack beside the machines. */
const BESIDE = '10.94.0.6';
/** A stack at the other end of a cable, and the machine there. */
const [ACROSS, HERE] = ['10.94.1.1', '10.94.1.2'] as const;

const why = whyNoMachines();
if (why !== undefined) console.log(`skipped, no machines: ${why}`);
const machineTest: TestFn = why === undefined ? test : (test.skip as unknown as TestFn);

interface World {
  readonly network: Network;
  readonly stack: Stack;
  /** At the other end of a cable of UDP. */
  readonly across: Stack;
  readonly guests: readonly [Guest, Guest];
  readonly server: Server;
  readonly port: number;
  readonly alias: string;
  readonly bytes: Buffer;
  readonly close: () => Promise<void>;
}

const ALIAS6 = 'fd94::fe';

let world: World;

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port of UDP that is nobody's. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-network-'));
  const path = join(folder, 'vm.sock');
  const initramfs = join(folder, 'initramfs.gz');
  writeInitramfs(initramfs);
  const bytes = Buffer.alloc(SIZE);
  for (let i = 0; i < SIZE; i += 4) bytes.writeInt32LE(Math.imul(i, 0x9e37_79b1), i);
  const server = createServer(({ url }, response) =>
    response.end(url === '/short' ? 'over IPv6' : bytes),
  );
  const port = await listening(server);
  const alias = '10.94.0.254';
  const network = createNetwork({
    ...{ address: '10.94.0.1/24', hostAlias: alias },
    ...{ pool: ['10.94.0.100', '10.94.0.120'], reservations: { [SECOND]: '10.94.0.11' } },
    address6: 'fd94::1/64',
    policy: {
      default: 'deny',
      rules: [`allow ${alias}:${port}/tcp`, `allow [${ALIAS6}]:${port}/tcp`],
    },
  });
  await network.ready;
  const machines: MachineServer = await listenForMachines({ path }, (device) =>
    network.plug(device),
  );
  const [near, far] = createPipe({ medium: 'ethernet', offload: true });
  network.plug(near, { name: 'stack' });
  const stack = createStack({ device: far, address: `${BESIDE}/24` });
  const [own, ours] = [await freePort(), await freePort()];
  const udp = await openUdpFrames({ port: ours, remote: { host: '127.0.0.1', port: own } });
  const across = createStack({ device: udp, address: `${ACROSS}/24` });
  const socket = join(folder, 'net');
  const met = openDatagrams({ path: socket });
  const guests = [
    new Guest('first', FIRST, [cable.stream(path)], initramfs),
    new Guest('second', SECOND, [cable.datagrams(socket), cable.udp(own, ours)], initramfs),
  ] as const;
  network.plug(await met);
  const close = async (): Promise<void> => {
    for (const guest of guests) guest.kill();
    server.close();
    await Promise.all([machines, stack, across, network].map((one) => one.close()));
    rmSync(folder, { recursive: true });
  };
  return { network, stack, across, guests, server, port, alias, bytes, close };
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What is answered to `ask`. */
function page(ask: (then: (response: IncomingMessage) => void) => ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = ask(async (response) => {
      let read = '';
      for await (const part of response) read += part;
      resolve(read);
    });
    asked.on('error', reject);
  });
}

async function good(t: ExecutionContext, guest: Guest, command: string): Promise<Said> {
  const said = await guest.sh(command);
  t.is(said.code, 0, `${guest.name}: ${command}\n${said.out}`);
  return said;
}

if (why === undefined) {
  test.before('both are booted', async (t) => {
    t.timeout(600_000);
    world = await open();
    await Promise.all(world.guests.map((guest) => guest.booted()));
  });
  test.after.always(() => world?.close());
}

machineTest.serial(
  'machines: both get leases by DHCP, one of them the address kept for it',
  async (t) => {
    const asked = 'udhcpc -i eth0 -n -q -t 10 -T 2 -x hostname:';
    const [one, two] = world.guests;
    const said = await Promise.all([good(t, one, `${asked}first`), good(t, two, `${asked}second`)]);
    t.regex(said[0].out, /^lease 10\.94\.0\.100\/24 by 10\.94\.0\.1$/m);
    t.regex(said[1].out, /^lease 10\.94\.0\.11\/24 by 10\.94\.0\.1$/m);
    t.deepEqual(world.network.dhcp.leases.map(({ mac }) => mac).sort(), [FIRST, SECOND]);
  },
);

machineTest.serial(
  'machines: they ping each other, the gateway and a stack, and it them',
  async (t) => {
    const [one, two] = world.guests;
    const ping = async (guest: Guest, what: string): Promise<void> => {
      t.regex((await good(t, guest, `ping -c 2 -w 20 ${what}`)).out, / 0% packet loss/);
    };
    await Promise.all([ping(one, '10.94.0.11'), ping(two, '10.94.0.100')]);
    await Promise.all([ping(one, '10.94.0.1'), ping(two, `-s 8000 ${BESIDE}`)]);
    t.true((await world.stack.ping('10.94.0.11', { timeout: 10_000 })).rtt > 0);
  },
);

machineTest.serial(
  `machines: ${SIZE / MIB} MiB from a stack arrive identical in both at once`,
  async (t) => {
    t.timeout(600_000);
    const server = world.stack.http.createServer((_request, response) => response.end(world.bytes));
    server.listen(80);
    const command = `wget -q -O - http://${BESIDE}/ | sha256sum`;
    const said = await Promise.all(world.guests.map((guest) => good(t, guest, command)));
    for (const { out } of said) t.is(out, `${hashOf(world.bytes)}  -`);
    server.close();
  },
);

machineTest.serial(
  `machines: ${SIZE / MIB} MiB arrive identical over a cable of UDP, and pings of all sizes`,
  async (t) => {
    t.timeout(600_000);
    const [, second] = world.guests;
    await good(t, second, `ip link set eth1 up; ip addr add ${HERE}/24 dev eth1`);
    for (const size of [0, 1472, 8000]) {
      const { out } = await good(t, second, `ping -c 1 -w 20 -s ${size} ${ACROSS}`);
      t.regex(out, / 0% packet loss/);
    }
    t.true((await world.across.ping(HERE, { timeout: 10_000 })).rtt > 0);
    const server = world.across.http.createServer((_request, response) =>
      response.end(world.bytes),
    );
    server.listen(80);
    const { out } = await good(t, second, `wget -q -O - http://${ACROSS}/ | sha256sum`);
    t.is(out, `${hashOf(world.bytes)}  -`);
    server.close();
  },
);

// RFC 4862: a kernel has made one of what the gateway advertises, while it did something else.
machineTest.serial(
  'machines: they have addresses of IPv6, reach each other by them, and fetch over it',
  async (t) => {
    const [first, second] = world.guests;
    const show = 'ip -6 addr show dev eth0';
    const ready = `${show} | grep fd94 | grep -v tentative`;
    await good(t, first, `for i in $(seq 20); do ${ready} && break; sleep 1; done`);
    const { out } = await good(t, second, show);
    const [, address = ''] = /inet6 (fd94:\S+)\/64/.exec(out) ?? [];
    t.true(world.network.guests.addresses6(second.mac).includes(address), out);
    t.regex((await good(t, first, `ping -6 -c 1 -w 20 ${address}`)).out, / 0% packet loss/);
    const url = `http://[${ALIAS6}]:${world.port}/short`;
    const said = await good(t, first, `wget -q -O - ${url} | sha256sum`);
    t.is(said.out, `${hashOf(Buffer.from('over IPv6'))}  -`);
    const closed = await first.sh(`wget -q -T 5 -O - http://[fd94::1]:${world.port}/short`);
    t.not(closed.code, 0);
  },
);

machineTest.serial('machines: they resolve the names that guests expect', async (t) => {
  const [first] = world.guests;
  const { out } = await good(t, first, 'nslookup host.docker.internal');
  t.true(out.includes(`Address: ${world.alias}`), out);
  t.true((await good(t, first, 'nslookup gateway.internal')).out.includes('10.94.0.1'));
});

machineTest.serial(
  `machines: ${SIZE / MIB} MiB from a server of this host arrive identical`,
  async (t) => {
    t.timeout(600_000);
    const [first] = world.guests;
    const url = `http://host.docker.internal:${world.port}/`;
    const { out } = await good(t, first, `wget -q -O - ${url} | sha256sum`);
    t.is(out, `${hashOf(world.bytes)}  -`);
  },
);

machineTest.serial(
  'machines: a page of one is had by the other, a stack and on a published port',
  async (t) => {
    const [first, second] = world.guests;
    await good(t, second, 'echo "published" > /www/index.html; httpd -h /www -p 80');
    const { port } = await world.network.publish({ port: 0, guest: '10.94.0.11', guestPort: 80 });
    t.is(await page((then) => get({ port, host: '127.0.0.1' }, then)), 'published\n');
    const { http } = world.stack;
    t.is(await page((then) => http.get('http://10.94.0.11/', then)), 'published\n');
    t.is((await good(t, first, 'wget -q -O - http://10.94.0.11/')).out, 'published');
  },
);

machineTest.serial('machines: they are refused what the policy refuses', async (t) => {
  const [first] = world.guests;
  const other = createServer((_request, response) => response.end('not for guests'));
  const closed = await listening(other);
  t.teardown(() => other.close());
  for (const place of [`${world.alias}:${closed}`, `10.94.0.1:${closed}`, '169.254.169.254:80']) {
    const said = await first.sh(`wget -q -T 5 -O - http://${place}/`);
    t.not(said.code, 0, `${place}: ${said.out}`);
    t.false(said.out.includes('not for guests'));
  }
});
