/**
 * Where commands are, and how they reach what is elsewhere: two on one machine, and the kernel as gateway.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createStack, openTun } from '../../src/index.ts';
import { run, tunstack } from '../support/process.ts';
import { root } from '../support/root.ts';
import { Namespace } from './forwarding.ts';
import { tunTest } from './namespace.ts';
import { serve, testWith } from './serving.ts';

const withIp = testWith('ip', 'nsenter', 'unshare');

tunTest('place: a second command takes the next network, and says so', async (t) => {
  const first = await serve(t, '--tun', 'first0');
  t.is(first.address, '10.83.0.2');
  const second = await serve(t, '--tun', 'second0');
  t.is(second.address, '10.83.1.2');
  t.is(
    second.running.err,
    'tunstack: first0 has 10.83.0.0/24 already, so this is on 10.83.1.1/24; --host-address chooses\n',
  );
  const { code, out, err } = await tunstack('ping', '10.83.0.1', '-c', '2', '-i', '0.05').ended;
  t.is(code, 0, err);
  t.regex(out, /2 packets transmitted, 2 received, 0% packet loss/);
  t.regex(err, /^tunstack: first0 has 10.83.0.0\/24 already, so this is on 10.83.2.1\/24[^\n]*\n$/);
});

tunTest('place: who asks for a network that is taken is told what to give', async (t) => {
  await serve(t, '--tun', 'first0');
  const { code, out, err } = await tunstack('serve', '--host-address', '10.83.0.1/24').ended;
  t.is(code, 1);
  t.is(out, '');
  t.is(
    err,
    'tunstack: first0 has 10.83.0.0/24 already: give another network, such as --host-address 10.83.1.1/24\n',
  );
});

/** A namespace behind this one, which forwards: 192.0.2.2, and this one is 192.0.2.1 to it. */
async function makeBehind(t: ExecutionContext): Promise<Namespace> {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  const behind = await Namespace.make(t);
  const must = async (...words: string[]): Promise<void> => {
    const { code, err } = await run('ip', ...words);
    if (code !== 0) throw new Error(err);
  };
  await must('link', 'add', 'near0', 'type', 'veth', 'peer', 'name', 'far0');
  t.teardown(() => run('ip', 'link', 'del', 'near0').then(() => {}));
  await behind.adopt('far0');
  await must('addr', 'add', '192.0.2.1/24', 'dev', 'near0');
  await must('link', 'set', 'near0', 'up');
  await behind.ip('addr', 'add', '192.0.2.2/24', 'dev', 'far0');
  await behind.ip('link', 'set', 'far0', 'up');
  await behind.ip('route', 'add', 'default', 'via', '192.0.2.1');
  return behind;
}

withIp('place: a client that is routed to the stack is answered', async (t) => {
  const behind = await makeBehind(t);
  const { address } = await serve(t);
  const client = join(root, 'dist/test/support/inside.js');
  const { out } = await behind.run(process.execPath, client, 'half-close', address, '7', 'hello');
  t.deepEqual(JSON.parse(out), { answer: 'hello' });
});

withIp('place: ping reaches what is behind the kernel, unless there is no gateway', async (t) => {
  await makeBehind(t);
  const there = await tunstack('ping', '192.0.2.2', '-c', '2', '-i', '0.05').ended;
  t.is(there.code, 0, there.out);
  const none = await tunstack('ping', '192.0.2.2', '-c', '1', '--gateway', 'none').ended;
  t.is(none.code, 1);
  t.regex(none.out, /Destination Net Unreachable/);
  const other = await tunstack('ping', '192.0.2.2', '-c', '1', '--gateway', '10.83.0.1').ended;
  t.is(other.code, 0, other.out);
});

withIp('place: ping says that the kernel does not forward, where that is why', async (t) => {
  await makeBehind(t);
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
  const { code, err } = await tunstack('ping', '192.0.2.2', '-c', '1', '-W', '0.3').ended;
  t.is(code, 1);
  t.regex(
    err,
    /^tunstack: 192.0.2.2 is beyond this host, which does not forward: sysctl [^\n]*\n$/,
  );
});

tunTest(
  'place: a stack on a TUN with an address of the kernel has the kernel for a gateway',
  async (t) => {
    const tun = await openTun({ hostAddress: '10.84.0.1/24' });
    t.is(tun.hostAddress, '10.84.0.1');
    const stack = createStack({ device: tun, address: '10.84.0.2/24' });
    t.teardown(() => stack.close());
    t.deepEqual(
      stack.routes.map(({ network, gateway }) => [network, gateway]),
      [
        ['10.84.0.0/24', undefined],
        ['0.0.0.0/0', '10.84.0.1'],
      ],
    );
  },
);
