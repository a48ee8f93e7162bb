/**
 * Two real machines behind the gateway of a network without root: leases, names, a server of this host, a page on a
 * published port, and what a policy refuses.
 *
 * With MACHINES=full, as `npm run machines` has it, they fetch 100 MiB; else 4 MiB.
 * @module
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { listenForMachines, type MachineServer } from '../../src/index.ts';
import { createNetwork, type Network } from '../../src/services.ts';
import { Guest, type Said, whyNoMachines, writeInitramfs } from './guest.ts';

const MIB = 1 << 20;
const SIZE = (process.env['MACHINES'] === 'full' ? 100 : 4) * MIB;

const why = whyNoMachines();
const machineTest: TestFn = why === undefined ? test : (test.skip as unknown as TestFn);

interface World {
  readonly network: Network;
  readonly guests: readonly [Guest, Guest];
  readonly server: Server;
  readonly port: number;
  readonly alias: string;
  readonly bytes: Buffer;
  readonly close: () => Promise<void>;
}

let world: World;

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-network-'));
  const path = join(folder, 'vm.sock');
  const initramfs = join(folder, 'initramfs.gz');
  writeInitramfs(initramfs);
  const bytes = Buffer.alloc(SIZE);
  for (let i = 0; i < SIZE; i += 4) bytes.writeInt32LE(Math.imul(i, 0x9e37_79b1), i);
  const server = createServer((_request, response) => response.end(bytes));
  const port = await listening(server);
  const alias = '10.94.0.254';
  const network = createNetwork({
    ...{ address: '10.94.0.1/24', hostAlias: alias },
    reservations: { '02:00:5e:00:53:0a': '10.94.0.10', '02:00:5e:00:53:0b': '10.94.0.11' },
    policy: { default: 'deny', rules: [`allow ${alias}:${port}/tcp`] },
  });
  await network.ready;
  const machines: MachineServer = await listenForMachines({ path }, (device) =>
    network.plug(device),
  );
  const guests = [
    new Guest('first', '02:00:5e:00:53:0a', path, initramfs),
    new Guest('second', '02:00:5e:00:53:0b', path, initramfs),
  ] as const;
  const close = async (): Promise<void> => {
    for (const guest of guests) guest.kill();
    server.close();
    await Promise.all([machines.close(), network.close()]);
    rmSync(folder, { recursive: true });
  };
  return { network, guests, server, port, alias, bytes, close };
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
  'network: machines get leases, and ping each other and the gateway',
  async (t) => {
    const [first, second] = world.guests;
    const asked = 'udhcpc -i eth0 -n -q -t 10 -T 2 -x hostname:';
    const said = await Promise.all([
      good(t, first, `${asked}first`),
      good(t, second, `${asked}second`),
    ]);
    t.regex(said[0].out, /^lease 10\.94\.0\.10\/24 by 10\.94\.0\.1$/m);
    t.regex(said[1].out, /^lease 10\.94\.0\.11\/24 by 10\.94\.0\.1$/m);
    t.regex((await good(t, first, 'ping -c 3 -w 20 10.94.0.11')).out, / 0% packet loss/);
    t.regex((await good(t, second, 'ping -c 3 -w 20 10.94.0.1')).out, / 0% packet loss/);
  },
);

machineTest.serial('network: machines resolve the names that guests expect', async (t) => {
  const [first] = world.guests;
  const { out } = await good(t, first, 'nslookup host.docker.internal');
  t.true(out.includes(`Address: ${world.alias}`), out);
  t.true((await good(t, first, 'nslookup gateway.internal')).out.includes('10.94.0.1'));
});

machineTest.serial(
  `network: ${SIZE / MIB} MiB from a server of this host arrive identical`,
  async (t) => {
    t.timeout(600_000);
    const [first] = world.guests;
    const hash = createHash('sha256').update(world.bytes).digest('hex');
    const url = `http://host.docker.internal:${world.port}/`;
    const { out } = await good(t, first, `wget -q -O - ${url} | sha256sum`);
    t.is(out, `${hash}  -`);
  },
);

machineTest.serial('network: a page of a machine is had on a published port', async (t) => {
  const [, second] = world.guests;
  await good(t, second, 'echo "published" > /www/index.html; httpd -h /www -p 80');
  const { port } = await world.network.publish({ port: 0, guest: '10.94.0.11', guestPort: 80 });
  const text = await new Promise<string>((resolve, reject) => {
    get({ port, host: '127.0.0.1' }, async (response) => {
      let read = '';
      for await (const part of response) read += part;
      resolve(read);
    }).on('error', reject);
  });
  t.is(text, 'published\n');
});

machineTest.serial('network: machines are refused what the policy refuses', async (t) => {
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
