/**
 * A switch between TAPs of two kernels' network namespaces: what is plugged in sees one Ethernet.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { ExecutionContext } from 'ava';
import { createSwitch, openTap, type SwitchPort } from '../../src/index.ts';
import { pinged } from '../support/pinged.ts';
import { run } from '../support/process.ts';
import { tunTest } from './namespace.ts';

const HERE = '10.85.0.1';
const THERE = '10.85.0.2';
const SIZE = 8 * 1024 * 1024;

/** Another namespace, which lives as long as the test. */
async function elsewhere(t: ExecutionContext): Promise<ChildProcess> {
  const child = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up; echo up; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

const must = async (t: ExecutionContext, ...words: string[]): Promise<string> => {
  const [program = '', ...rest] = words;
  const { code, out, err } = await run(program, ...rest);
  t.is(code, 0, `${words.join(' ')}: ${err}${out}`);
  return out;
};

/** What a server in the other namespace sends, which counts what it is sent first. */
const SERVER = `require('node:net').createServer((s) => {
  let n = 0;
  s.on('data', (d) => { n += d.length; if (n === ${SIZE}) s.end(Buffer.alloc(${SIZE}, 7)); });
}).listen(80, () => console.log('ready'));`;

for (const offload of [false, true]) {
  const how = offload ? 'with offload' : 'without offload';
  tunTest.serial(`switch: two TAPs on one Ethernet, ${how}`, async (t) => {
    const other = await elsewhere(t);
    const inThere = ['nsenter', `--net=/proc/${other.pid}/ns/net`];
    const [near, far] = [
      await openTap({ name: 'sw0', hostAddress: `${HERE}/24`, offload }),
      await openTap({ name: 'sw1', offload }),
    ];
    await must(t, 'ip', 'link', 'set', 'sw1', 'netns', String(other.pid));
    await must(t, ...inThere, 'ip', 'addr', 'add', `${THERE}/24`, 'dev', 'sw1');
    await must(t, ...inThere, 'ip', 'link', 'set', 'sw1', 'up');
    const bridge = createSwitch();
    const [a, b] = [bridge.plug(near), bridge.plug(far)];

    const said = await must(t, 'ping', '-f', '-q', '-c', '500', '-s', '1400', '-w', '20', THERE);
    t.true(pinged(said).received >= 500, said);

    const server = spawn(inThere[0] as string, [
      ...inThere.slice(1),
      ...[process.execPath, '-e', SERVER],
    ]);
    t.teardown(() => server.kill('SIGKILL'));
    await once(server.stdout, 'data');
    const socket = connect(80, THERE);
    socket.write(Buffer.alloc(SIZE, 3));
    let read = 0;
    socket.on('data', (data) => {
      read += data.length;
    });
    await once(socket, 'end');
    t.is(read, SIZE);

    t.is(bridge.stations().filter(({ port }) => port === a).length, 1);
    t.is(bridge.stations().filter(({ port }) => port === b).length, 1);
    t.is(a.stats().drops['short'], 0);
    await bridge.close();
    t.is(bridge.ports.length, 0);
  });
}

/** Counts datagrams that come in the order of their numbers, and says so of every 40. */
const COUNTER = `const s = require('node:dgram').createSocket('udp4');
let next = 0;
s.on('message', (m, from) => {
  if (m.readUInt32BE(0) === next) next++;
  if ((m.readUInt32BE(0) + 1) % 40 === 0) s.send(String(next), from.port, from.address);
});
s.bind(7, () => console.log('ready'));`;

tunTest.serial('switch: bursts of short frames cross it whole and in order', async (t) => {
  const other = await elsewhere(t);
  const inThere = ['nsenter', `--net=/proc/${other.pid}/ns/net`];
  const near = await openTap({ name: 'bu0', hostAddress: `${HERE}/24` });
  const far = await openTap({ name: 'bu1' });
  await must(t, 'ip', 'link', 'set', 'bu1', 'netns', String(other.pid));
  await must(t, ...inThere, 'ip', 'addr', 'add', `${THERE}/24`, 'dev', 'bu1');
  await must(t, ...inThere, 'ip', 'link', 'set', 'bu1', 'up');
  const bridge = createSwitch();
  t.teardown(() => bridge.close());
  const [from] = [bridge.plug(near), bridge.plug(far)];
  await must(t, 'ping', '-q', '-c', '1', '-w', '20', THERE);
  const server = spawn(inThere[0] as string, [
    ...inThere.slice(1),
    ...[process.execPath, '-e', COUNTER],
  ]);
  t.teardown(() => server.kill('SIGKILL'));
  await once(server.stdout, 'data');
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  for (let burst = 1; burst <= 25; burst++) {
    for (let i = (burst - 1) * 40; i < burst * 40; i++) {
      const number = Buffer.alloc(18);
      number.writeUInt32BE(i);
      socket.send(number, 7, THERE);
    }
    const [said] = await once(socket, 'message');
    t.is(String(said), String(burst * 40));
  }
  t.true(from.stats().framesIn >= 1000);
});

// Two bridges of the kernel's without a spanning tree, each joined to both switches: all that comes goes round.
tunTest.serial('switch: two of them in a loop by bridges of the kernel do not melt', async (t) => {
  const other = await elsewhere(t);
  const inThere = ['nsenter', `--net=/proc/${other.pid}/ns/net`];
  const [near, far] = [
    await openTap({ name: 'lo0', hostAddress: `${HERE}/24` }),
    await openTap({ name: 'lo1' }),
  ];
  await must(t, 'ip', 'link', 'set', 'lo1', 'netns', String(other.pid));
  await must(t, ...inThere, 'ip', 'addr', 'add', `${THERE}/24`, 'dev', 'lo1');
  await must(t, ...inThere, 'ip', 'link', 'set', 'lo1', 'up');
  const [left, right] = [createSwitch(), createSwitch()];
  t.teardown(() => Promise.all([left.close(), right.close()]));
  left.plug(near);
  right.plug(far);
  const rounds: SwitchPort[] = [];
  for (const name of ['ring0', 'ring1']) {
    await must(t, 'ip', 'link', 'add', name, 'type', 'bridge', 'forward_delay', '0');
    t.teardown(() => run('ip', 'link', 'del', name));
    await must(t, 'ip', 'link', 'set', name, 'up');
    for (const [side, bridge] of [
      ['l', left],
      ['r', right],
    ] as const) {
      rounds.push(bridge.plug(await openTap({ name: `${name}${side}`, bridge: name })));
    }
  }
  const flood = ['-f', '-q', '-c', '300', '-w', '20'];
  t.true(pinged(await must(t, 'ping', ...flood, THERE)).received >= 300);
  await run('ping', '-b', '-q', '-c', '20', '-i', '0.01', '-W', '1', '10.85.0.255'); // nobody answers
  const carried = rounds.reduce((sum, port) => sum + port.stats().framesIn, 0);
  t.true(carried < 5000, `${carried} frames went round`);
  t.true(rounds.some((port) => (port.stats().drops['loop'] ?? 0) > 0));
});
