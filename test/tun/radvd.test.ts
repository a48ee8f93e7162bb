/**
 * A stack as a host of a link whose router is the kernel with `radvd`: addresses, the way out, servers of names, the
 * link's MTU, and what becomes of them when the router says so. `ndisc6` and `rdisc6` ask the stack itself.
 * RFC 4861 §6.3, RFC 4862 §5.5, RFC 7217, RFC 8106, RFC 8981.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { decode, encode } from 'dns-packet';
import { createStack, openTap, type Stack, type StackOptions } from '../../src/index.ts';
import { resolveInside } from '../../src/services.ts';
import { Running, run } from '../support/process.ts';
import { testWith } from './serving.ts';

const DEVICE = 'tap5';
const SECRET = Buffer.alloc(16, 'stable');
const FORWARDING = '/proc/sys/net/ipv6/conf/all/forwarding';
/** Beyond the router: an address of the kernel's that is on no link. */
const BEYOND = 'fd96::1';
const CONFIG = `interface ${DEVICE} {
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  AdvLinkMTU 1400;
  prefix fd95::/64 { AdvOnLink on; AdvAutonomous on; DeprecatePrefix on; };
  prefix fd97::/64 { AdvOnLink on; AdvAutonomous on; };
  RDNSS fd95::1 { AdvRDNSSLifetime 60; };
  DNSSL lan { AdvDNSSLLifetime 60; };
};
`;

const radvdTest = testWith('radvd', 'rdisc6', 'ndisc6');

async function ip(...words: string[]): Promise<void> {
  const { code, err } = await run('ip', ...words);
  if (code !== 0) throw new Error(`ip ${words.join(' ')}: ${err}`);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !holds(); ) {
    if (performance.now() > end) throw new Error(`it never came: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** A stack on a TAP that was told nothing, and the kernel as router of its link. */
async function link(
  t: ExecutionContext,
  options: Partial<StackOptions> = {},
): Promise<{ stack: Stack; radvd: Running }> {
  const device = await openTap({ name: DEVICE });
  for (const address of ['fd95::1/64', 'fd97::1/64']) {
    await ip('addr', 'add', address, 'dev', DEVICE, 'nodad');
  }
  await ip('addr', 'replace', `${BEYOND}/128`, 'dev', 'lo');
  // A router listens to no other (accept_ra of ip-sysctl): who comes after this test is none.
  writeFileSync(FORWARDING, '1');
  t.teardown(() => writeFileSync(FORWARDING, '0'));
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-radvd-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'conf');
  writeFileSync(config, CONFIG);
  const words = ['-n', '-C', config, '-p', join(folder, 'pid'), '-m', 'stderr'];
  const radvd = new Running('radvd', words);
  t.teardown(() => radvd.stop('SIGKILL').then(() => {}));
  const stack = createStack({ device, autoconf: true, secret: SECRET, ...options });
  t.teardown(() => stack.close());
  await until('addresses', () => globals(stack, 'fd95:').length > 0);
  await until('addresses', () => globals(stack, 'fd97:').length > 0);
  return { stack, radvd };
}

const globals = (stack: Stack, prefix: string): string[] =>
  stack.addresses.filter((address) => address.startsWith(prefix));

const ways = (stack: Stack): string[] =>
  stack.routes.flatMap(({ network, gateway }) => (network === '::/0' ? [String(gateway)] : []));

/** A server of the kernel's that says from where it was reached. */
async function whoCalls(t: ExecutionContext): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).end(`${socket.remoteAddress}`); // stacks end by reset
  }).listen(0, '::');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

async function sourceOf(stack: Stack, host: string, port: number): Promise<string> {
  const [text] = await once(stack.net.connect(port, host), 'data');
  return String(text);
}

radvdTest.serial(
  'radvd: a stack that was told nothing has addresses, a way out, names and the MTU of the link',
  async (t) => {
    const { stack } = await link(t);
    t.regex(ways(stack).join(), /^fe80::[^,]*%tap5$/);
    t.true((await stack.ping(BEYOND)).rtt > 0);
    t.is(globals(stack, 'fd95:').length, 1, 'no temporary address that nobody asked for');
    t.deepEqual(stack.dnsConfig, { servers: ['fd95::1'], domains: ['lan'] });

    const port = await whoCalls(t);
    const names = createSocket('udp6').bind(53, 'fd95::1');
    t.teardown(() => void names.close());
    names.on('message', (bytes, from) => {
      const { id = 0, questions = [] } = decode(bytes);
      const [{ name = '', type = 'A' } = {}] = questions as { name?: string; type?: string }[];
      const answers =
        type === 'AAAA' ? [{ type: 'AAAA' as const, name, ttl: 1, data: BEYOND }] : [];
      const reply = { type: 'response' as const, id, questions, answers };
      names.send(encode(reply), from.port, from.address);
    });
    const resolve = resolveInside(stack);
    t.is(await resolve('www.lan'), BEYOND);
    const socket = stack.net.connect({
      ...{ port, host: 'www.lan' },
      lookup: (name, _options, done) => {
        resolve(name).then(
          (address) => done(null, address, 6),
          (error) => done(error, '', 6),
        );
      },
    });
    const [caller] = await once(socket, 'data');
    t.true(globals(stack, 'fd').includes(String(caller)));
    // RFC 4861 §6.3.4: the link's MTU is that of the option; a segment is 60 bytes less.
    const [info] = stack.connections();
    t.is(info?.pmtu, 1400);
    t.true((info?.sndMss ?? 0) <= 1340, `${info?.sndMss}`);
    socket.destroy();
  },
);

radvdTest.serial(
  'radvd: addresses are the same each time (7217), temporary ones are used where asked for (8981)',
  async (t) => {
    const first = await link(t);
    const [stable = ''] = globals(first.stack, 'fd95:');
    await first.radvd.stop();
    await first.stack.close();
    const { stack } = await link(t, { autoconf: { temporary: true } });
    await until('both', () => globals(stack, 'fd95:').length === 2);
    const all = globals(stack, 'fd95:');
    t.true(all.includes(stable), `${stable} is not among ${all.join()}`);
    const source = await sourceOf(stack, 'fd95::1', await whoCalls(t));
    t.is(source, all.find((address) => address !== stable) ?? '');
  },
);

radvdTest.serial(
  'radvd: a router that ends takes the way and the names with it, and deprecates its prefix',
  async (t) => {
    const { stack, radvd } = await link(t);
    const port = await whoCalls(t);
    t.regex(await sourceOf(stack, 'fd95::1', port), /^fd95:/);
    // RFC 4861 §6.2.5: the last advertisement has a router lifetime of 0; preferred lifetime 0 of fd95::/64.
    await radvd.stop();
    await until('no router', () => ways(stack).length === 0);
    await until('no names', () => stack.dnsConfig.servers.length === 0);
    t.is(globals(stack, 'fd95:').length, 1, 'RFC 4862 §5.5.4: it is deprecated, and valid still');
    // RFC 6724 §5, rule 3 stands before rule 8: the other prefix, though it has fewer bits in common.
    t.regex(await sourceOf(stack, 'fd95::1', port), /^fd97:/);
    await t.throwsAsync(stack.ping(BEYOND), { code: 'ENETUNREACH' });
  },
);

radvdTest.serial(
  'ndisc6: finds a stack by each of its addresses; rdisc6 finds no router in it',
  async (t) => {
    const { stack, radvd } = await link(t);
    await radvd.stop();
    const mac = stack.hardwareAddress() ?? '';
    for (const address of stack.addresses) {
      const { out } = await run('ndisc6', '-1', '-w', '3000', address.replace(/%.*/, ''), DEVICE);
      t.regex(out.toLowerCase(), new RegExp(`target link-layer address: +${mac}`), address);
    }
    // RFC 4861 §6.2.6: who is no router answers no solicitation.
    const { out } = await run('rdisc6', '-1', '-r', '1', '-w', '500', DEVICE);
    t.regex(out, /Timed out|No response/);
  },
);
