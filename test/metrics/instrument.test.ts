/** A stack in a registry of prom-client: what is scraped is what the stack counted. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Registry } from 'prom-client';
import { createPipe, createStack, type Stack } from '../../src/index.ts';
import { familyOf } from '../../src/metrics/names.ts';
import { instrument } from '../../src/metrics.ts';
import { ip, packet } from '../support/packets.ts';
import { root } from '../support/root.ts';

const GROUP = packet({ source: ip('10.9.1.2'), destination: ip('239.1.2.3') });

function pair(): [Stack, Stack] {
  const [left, right] = createPipe();
  return [
    createStack({ device: left, address: '10.9.1.1/24' }),
    createStack({ device: right, address: '10.9.1.2/24' }),
  ];
}

/** Of the text that is scraped: what stands behind a series. */
const value = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1),
  );

test('metrics: names are split as exporters split those of nstat', (t) => {
  t.deepEqual(familyOf('TcpExtTCPTimeouts'), { family: 'TcpExt', field: 'TCPTimeouts' });
  t.deepEqual(familyOf('TcpRetransSegs'), { family: 'Tcp', field: 'RetransSegs' });
  t.deepEqual(familyOf('Ip6InReceives'), { family: 'Ip6', field: 'InReceives' });
});

test('metrics: counters, gauges and drops are those of stats()', async (t) => {
  const [stack, far] = pair();
  const { register } = instrument(stack, { labels: { stack: 'one' } });
  await far.ping('10.9.1.1');
  const server = stack.net.createServer((socket) => socket.resume()).listen(7);
  const socket = far.net.connect(7, '10.9.1.1');
  await once(socket, 'connect');
  const text = await register.metrics();
  const stats = stack.stats();
  t.is(value(text, 'tunstack_netstat_Icmp_InEchos{stack="one"}'), 1);
  t.is(value(text, 'tunstack_packets_in_total{stack="one"}'), stats.packetsIn);
  t.is(value(text, 'tunstack_tcp_connections{stack="one"}'), 1);
  t.is(value(text, 'tunstack_tcp_memory_limit_bytes{stack="one"}'), stats.tcpMemoryLimit);
  t.regex(text, /# TYPE tunstack_netstat_Tcp_InSegs counter/);
  socket.destroy();
  server.close();
  await Promise.all([stack.close(), far.close()]);
});

test('metrics: a drop is counted under its reason', async (t) => {
  const [left, right] = createPipe();
  const stack = createStack({ device: left, address: '10.9.1.1/24' });
  const { register } = instrument(stack);
  const memory = new Uint8Array(2048);
  right.start({ memory, readable() {}, writable() {}, closed() {} });
  memory[0] = 0x45; // a header whose length says nothing
  right.write(0, 20);
  right.flush();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const [[reason, count] = ['', 0]] = Object.entries(stack.stats().drops);
  t.is(count, 1);
  t.is(value(await register.metrics(), `tunstack_packets_dropped_total{reason="${reason}"}`), 1);
  memory.set(GROUP);
  right.write(0, GROUP.length);
  right.flush();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const line = 'tunstack_packets_ignored_total{reason="ipNotMember"}';
  t.is(value(await register.metrics(), line), 1);
  await Promise.all([stack.close(), right.close()]);
});

test('metrics: histograms hold the connections of this stack, and no others', async (t) => {
  const [stack, far] = pair();
  const { register } = instrument(stack);
  const server = stack.net.createServer((socket) => socket.end('bye')).listen(7);
  const socket = far.net.connect(7, '10.9.1.1');
  socket.resume();
  await once(socket, 'close');
  await new Promise((resolve) => setTimeout(resolve, 20));
  const text = await register.metrics();
  t.is(value(text, 'tunstack_tcp_connection_seconds_count'), 1);
  t.is(value(text, 'tunstack_tcp_handshake_seconds_count'), 1);
  t.is(value(text, 'tunstack_tcp_rtt_seconds_count'), 1);
  server.close();
  await Promise.all([stack.close(), far.close()]);
});

test('metrics: end takes all of it out of the registry, which then takes another stack', async (t) => {
  const [stack, far] = pair();
  const register = new Registry();
  const first = instrument(stack, { register });
  t.throws(() => instrument(far, { register }), { message: /already been registered/ });
  first.end();
  t.is((await register.metrics()).trim(), '');
  t.notThrows(() => instrument(far, { register }));
  await Promise.all([stack.close(), far.close()]);
});

test('metrics: the dashboard asks for nothing that is not there', async (t) => {
  const [stack, far] = pair();
  const text = await instrument(stack).register.metrics();
  const dashboard = readFileSync(join(root, 'docs/grafana.json'), 'utf8');
  const asked = new Set(dashboard.match(/tunstack_\w+/g));
  t.true(asked.size > 10);
  for (const name of asked) t.true(text.includes(`${name.replace(/_bucket$/, '')} `), name);
  await Promise.all([stack.close(), far.close()]);
});
