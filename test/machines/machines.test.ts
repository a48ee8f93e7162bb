/**
 * Two real machines on one switch: a Debian kernel each, in QEMU, plugged into a socket of ours. They get
 * leases, reach each other, and fetch from a stack.
 *
 * With MACHINES=full, as `npm run machines` has it, they fetch 100 MiB; else 4 MiB.
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';
import {
  createPipe,
  createStack,
  createSwitch,
  listenForMachines,
  type Stack,
} from '../../src/index.ts';
import { createDhcpServer, type DhcpServer } from '../../src/services.ts';
import { Guest, type Said, whyNoMachines, writeInitramfs } from './guest.ts';

const OURS = '10.90.0.1';
const MIB = 1 << 20;
const SIZE = (process.env['MACHINES'] === 'full' ? 100 : 4) * MIB;

const why = whyNoMachines();
if (why !== undefined) console.log(`skipped, no machines: ${why}`);
const machineTest: TestFn = why === undefined ? test : (test.skip as unknown as TestFn);

interface Network {
  readonly guests: readonly [Guest, Guest];
  readonly stack: Stack;
  readonly dhcp: DhcpServer;
  readonly close: () => Promise<void>;
}

let network: Network;

/** Bytes that are the same each time, and no two MiB alike. */
function page(): Buffer {
  const bytes = Buffer.alloc(SIZE);
  for (let i = 0; i < SIZE; i += 4) bytes.writeInt32LE(Math.imul(i, 0x9e37_79b1), i);
  return bytes;
}

async function open(): Promise<Network> {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-machines-'));
  const path = join(folder, 'vm.sock');
  const initramfs = join(folder, 'initramfs.gz');
  writeInitramfs(initramfs);
  const bridge = createSwitch();
  const [near, far] = createPipe({ medium: 'ethernet', offload: true });
  bridge.plug(near, { name: 'stack' });
  const stack = createStack({ device: far, address: `${OURS}/24` });
  const dhcp = createDhcpServer(stack, {
    ...{ address: `${OURS}/24`, pool: ['10.90.0.100', '10.90.0.120'], probe: 0 },
    reservations: { '02:00:5e:00:53:0b': '10.90.0.11' },
  });
  await dhcp.ready;
  const server = await listenForMachines({ path }, (device) => bridge.plug(device));
  const guests = [
    new Guest('first', '02:00:5e:00:53:0a', path, initramfs),
    new Guest('second', '02:00:5e:00:53:0b', path, initramfs),
  ] as const;
  const close = async (): Promise<void> => {
    for (const guest of guests) guest.kill();
    dhcp.close();
    await Promise.all([stack.close(), server.close(), bridge.close()]);
    rmSync(folder, { recursive: true });
  };
  return { guests, stack, dhcp, close };
}

if (why === undefined) {
  test.before('both are booted', async (t) => {
    t.timeout(600_000);
    network = await open();
    await Promise.all(network.guests.map((guest) => guest.booted()));
  });
  test.after.always(() => network?.close());
}

async function good(t: ExecutionContext, guest: Guest, command: string): Promise<Said> {
  const said = await guest.sh(command);
  t.is(said.code, 0, `${guest.name}: ${command}\n${said.out}`);
  return said;
}

machineTest.serial(
  'machines: both get leases by DHCP, one of them the address kept for it',
  async (t) => {
    const [first, second] = network.guests;
    const asked = 'udhcpc -i eth0 -n -q -t 10 -T 2';
    const said = await Promise.all([good(t, first, asked), good(t, second, asked)]);
    t.regex(said[0].out, /^lease 10\.90\.0\.100\/24 by 10\.90\.0\.1$/m);
    t.regex(said[1].out, /^lease 10\.90\.0\.11\/24 by 10\.90\.0\.1$/m);
    t.deepEqual(network.dhcp.leases.map(({ mac }) => mac).sort(), [first.mac, second.mac]);
  },
);

machineTest.serial('machines: they ping each other and the stack, and it them', async (t) => {
  const [first, second] = network.guests;
  t.regex((await good(t, first, 'ping -c 3 -w 20 10.90.0.11')).out, / 0% packet loss/);
  t.regex((await good(t, second, 'ping -c 3 -w 20 10.90.0.100')).out, / 0% packet loss/);
  t.regex((await good(t, second, `ping -c 3 -w 20 -s 8000 ${OURS}`)).out, / 0% packet loss/);
  t.true((await network.stack.ping('10.90.0.11', { timeout: 10_000 })).rtt > 0);
});

machineTest.serial(
  `machines: ${SIZE / MIB} MiB from a stack arrive identical in both at once`,
  async (t) => {
    t.timeout(600_000);
    const bytes = page();
    const hash = createHash('sha256').update(bytes).digest('hex');
    const server = network.stack.http.createServer((_request, response) => response.end(bytes));
    server.listen(80);
    const command = `wget -q -O - http://${OURS}/ | sha256sum`;
    const said = await Promise.all(network.guests.map((guest) => good(t, guest, command)));
    for (const { out } of said) t.is(out, `${hash}  -`);
    server.close();
  },
);

machineTest.serial(
  'machines: one serves a page, which the stack and the other one get',
  async (t) => {
    const [first, second] = network.guests;
    await good(t, second, 'echo "from the second" > /www/index.html; httpd -h /www -p 80');
    t.is((await good(t, first, 'wget -q -O - http://10.90.0.11/')).out, 'from the second');
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      network.stack.http
        .get('http://10.90.0.11/', (response) => {
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.on('end', () => resolve(text));
        })
        .on('error', reject);
    });
    t.is(answer, 'from the second\n');
  },
);
