/**
 * `tunstack traceroute` over the kernel's own routers: this namespace is the first, two more follow.
 * @module
 */
import { writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { run, tunstack } from '../support/process.ts';
import { Namespace } from './forwarding.ts';
import { testWith } from './serving.ts';

const withIp = testWith('ip', 'nsenter', 'unshare');

const must = async (...words: string[]): Promise<void> => {
  const { code, err } = await run('ip', ...words);
  if (code !== 0) throw new Error(err);
};

/** stack 10.83.0.2 - 10.83.0.1 here 192.0.2.1 - 192.0.2.2 middle 198.51.100.1 - 198.51.100.2 end */
async function chain(t: ExecutionContext): Promise<void> {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  const middle = await Namespace.make(t);
  const end = await Namespace.make(t);
  await must('link', 'add', 'hop0', 'type', 'veth', 'peer', 'name', 'hop1');
  t.teardown(() => run('ip', 'link', 'del', 'hop0').then(() => {}));
  await must('link', 'set', 'hop1', 'netns', `${middle.pid}`);
  await must('addr', 'add', '192.0.2.1/24', 'dev', 'hop0');
  await must('link', 'set', 'hop0', 'up');
  await must('route', 'add', '198.51.100.0/24', 'via', '192.0.2.2');
  await middle.ip('addr', 'add', '192.0.2.2/24', 'dev', 'hop1');
  await middle.ip('link', 'set', 'hop1', 'up');
  await middle.ip('route', 'add', 'default', 'via', '192.0.2.1');
  await middle.ip('link', 'add', 'hop2', 'type', 'veth', 'peer', 'name', 'hop3');
  await middle.ip('link', 'set', 'hop3', 'netns', `${end.pid}`);
  await middle.ip('addr', 'add', '198.51.100.1/24', 'dev', 'hop2');
  await middle.ip('link', 'set', 'hop2', 'up');
  await middle.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  await end.ip('addr', 'add', '198.51.100.2/24', 'dev', 'hop3');
  await end.ip('link', 'set', 'hop3', 'up');
  await end.ip('route', 'add', 'default', 'via', '198.51.100.1');
}

for (const flag of ['-U', '-I']) {
  withIp(`traceroute: ${flag} finds the kernel's routers, one after the other`, async (t) => {
    await chain(t);
    const { code, out, err } = await tunstack('traceroute', flag, '198.51.100.2').ended;
    t.is(code, 0, err);
    const [first, ...hops] = out.trimEnd().split('\n');
    t.is(first, 'traceroute to 198.51.100.2 (198.51.100.2), 30 hops max, 60 byte packets');
    const times = '(  \\d+\\.\\d{3} ms){3}';
    t.is(hops.length, 3, out);
    t.regex(hops[0] ?? '', new RegExp(`^ 1  10\\.83\\.0\\.1${times}$`));
    t.regex(hops[1] ?? '', new RegExp(`^ 2  192\\.0\\.2\\.2${times}$`));
    t.regex(hops[2] ?? '', new RegExp(`^ 3  198\\.51\\.100\\.2${times}$`));
  });
}

withIp(
  'traceroute: no way on is noted, silence is an asterisk, neither is a success',
  async (t) => {
    await chain(t);
    const nowhere = await tunstack('traceroute', '-q', '1', '203.0.113.1').ended;
    t.is(nowhere.code, 1);
    // The kernel sends only so many errors a second: the first probe may get none.
    t.regex(nowhere.out, /\n( \d {2}\*\n)* \d {2}10\.83\.0\.1 {2}[\d.]+ ms !N\n$/);
    const silent = ['-q', '2', '-w', '0.2', '-m', '4', '198.51.100.77'];
    const { code, out } = await tunstack('traceroute', ...silent).ended;
    t.is(code, 1);
    t.regex(out, /\n 3 {2}\* \*\n 4 {2}(\* \*|198)/);
  },
);

withIp('traceroute: with --json every hop is recorded as an object', async (t) => {
  await chain(t);
  const { out } = await tunstack('traceroute', '--json', '-q', '1', '198.51.100.2').ended;
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.is(lines.length, 4);
  t.like(lines[0], { event: 'traceroute', address: '198.51.100.2', method: 'udp' });
  t.like(lines[3], { event: 'hop', hop: 3, reached: true });
  t.like(lines[3].probes[0], { address: '198.51.100.2', type: 3, code: 3 });
});
