/**
 * `tunstack serve` as a program: how it begins, what the kernel's ping and curl see, how it ends.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { busyPart } from '../support/idle.ts';
import { pinged } from '../support/pinged.ts';
import { run, tunstack } from '../support/process.ts';
import { tunTest } from './namespace.ts';
import { serve, testWith } from './serving.ts';

const withPing = testWith('ping');
const withCurl = testWith('curl');
const withIp = testWith('ip');

tunTest('serve: one line says that it is ready, and where', async (t) => {
  const running = tunstack('serve', '--tun', 'first0');
  t.is(
    await running.line(),
    'ready tun=first0 host=10.83.0.1/24 address=10.83.0.2 mtu=1500 host6=fd83::1/64 address6=fd83::2',
  );
  t.is(networkInterfaces()['first0']?.[0]?.cidr, '10.83.0.1/24');
  await running.stop();
});

tunTest('serve: name, addresses and MTU are those of the options', async (t) => {
  const running = tunstack(
    ...['serve', '--tun', 'mine', '--host-address', '10.9.0.1/16'],
    ...['--address', '10.9.200.1', '--mtu', '1280'],
  );
  t.is(await running.line(), 'ready tun=mine host=10.9.0.1/16 address=10.9.200.1 mtu=1280');
  t.is(networkInterfaces()['mine']?.[0]?.cidr, '10.9.0.1/16');
  await running.stop();
});

tunTest('serve: it answers over IPv6 as over IPv4, by TCP and by UDP', async (t) => {
  const running = tunstack('serve');
  t.regex(await running.line(), / address6=fd83::2$/);
  for (const [host, type] of [
    ['10.83.0.2', 'udp4'],
    ['fd83::2', 'udp6'],
  ] as const) {
    const socket = connect(7, host);
    socket.write(host);
    const [echo] = (await once(socket, 'data')) as [Buffer];
    t.is(String(echo), host);
    socket.destroy();
    const asker = createSocket(type);
    asker.send(host, 7, host);
    const [answer] = (await once(asker, 'message')) as [Buffer];
    t.is(String(answer), host);
    asker.close();
  }
  await running.stop();
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  tunTest(`serve: ${signal} ends it with 0, the device is gone`, async (t) => {
    const { running, tun } = await serve(t);
    const { code, out, err } = await running.stop(signal);
    t.is(code, 0, err);
    t.is(err, '');
    const [, carried, ...more] = out.trimEnd().split('\n');
    t.regex(carried ?? '', /^carried \d+ packets? in /);
    t.deepEqual(more, []);
    t.is(networkInterfaces()[tun], undefined);
  });
}

// A terminal tells all programs in front of it, and npm and timeout tell theirs once more.
tunTest('serve: a signal that is passed on once more ends it in order', async (t) => {
  const { running } = await serve(t);
  running.child.kill('SIGINT');
  const { code, out, err } = await running.stop('SIGTERM');
  t.is(code, 0, err);
  t.regex(out, /\ncarried /);
});

// RFC 1112 §7.2: what is for groups that nobody joined, and broadcasts that nobody listens for, are discarded without a
// word. The kernel asks for routers and reports its groups on every fresh interface; programs announce themselves.
for (const json of [false, true]) {
  tunTest(`serve: on a fresh TUN nothing is dropped${json ? ', in JSON' : ''}`, async (t) => {
    const running = tunstack('serve', '--tun', 'fresh0', ...(json ? ['--json'] : []));
    await running.line();
    const socket = createSocket('udp4');
    socket.bind(0, '10.83.0.1');
    await once(socket, 'listening');
    socket.setBroadcast(true);
    socket.setMulticastInterface('10.83.0.1');
    for (const [port, address] of [
      [5353, '224.0.0.251'],
      [137, '10.83.0.255'],
    ] as const) {
      socket.send('x', port, address);
    }
    await new Promise((done) => setTimeout(done, 1300));
    socket.close();
    const { out } = await running.stop();
    const last = out.trimEnd().split('\n').at(-1) ?? '';
    if (!json) {
      t.regex(last, /, dropped none, \d+ for others$/);
      return;
    }
    const { drops, ignored } = JSON.parse(last).stack;
    t.deepEqual(drops, {});
    t.true(ignored.ipNotMember > 1, last);
    t.is(ignored.udpIgnoredMulti, 1);
  });
}

tunTest('serve: with --json every line is an object', async (t) => {
  const running = tunstack('serve', '--json', '--tun', 'json0');
  t.deepEqual(JSON.parse(await running.line()), {
    event: 'ready',
    tun: 'json0',
    host: '10.83.0.1/24',
    address: '10.83.0.2',
    mtu: 1500,
    host6: 'fd83::1/64',
    address6: 'fd83::2',
  });
  const { code, out } = await running.stop();
  t.is(code, 0);
  const last = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
  t.is(last.event, 'carried');
  t.is(last.services.echo.connections, 0);
});

tunTest('serve: a name in use is told in one line', async (t) => {
  const { tun } = await serve(t, '--tun', 'twice0');
  const { code, out, err } = await tunstack('serve', '--tun', tun).ended;
  t.is(code, 1);
  t.is(out, '');
  t.regex(err, /^tunstack: .*twice0 is in use.*\n$/);
});

tunTest('serve: a capture that cannot be written is told in one line', async (t) => {
  const { code, err } = await tunstack('serve', '--pcap', '/nowhere/at/all.pcapng').ended;
  t.is(code, 1);
  t.regex(err, /^tunstack: option '--pcap': .*\/nowhere\/at\/all\.pcapng.*\n$/);
});

withIp('serve: a device that is taken away ends it with one clean error', async (t) => {
  const { running, tun } = await serve(t);
  const removed = await run('ip', 'link', 'del', tun);
  t.is(removed.code, 0, removed.err);
  const { code, err } = await running.ended;
  t.is(code, 1);
  t.regex(err, /^tunstack: [^\n]*removed[^\n]*\n$/);
});

/** How many echoes that `serve` has answered. */
async function answered(pid: number): Promise<number> {
  const { out } = await tunstack('nstat', '-aj', 'IcmpOutEchoReps', '--pid', String(pid)).ended;
  return JSON.parse(out).tunstack.IcmpOutEchoReps;
}

for (const [what, ...how] of [
  ['1000', '-i', '0.005'],
  ['20000', '-f'],
] as const) {
  withPing(`serve: of ${what} pings none is lost, with ${how.join(' ')}`, async (t) => {
    const { address, pid } = await serve(t);
    const { code, out, err } = await run('ping', '-q', ...how, '-w', '60', '-c', what, address);
    t.is(code, 0, out + err);
    t.is(await answered(pid), pinged(out).transmitted);
    t.log(out.trim().split('\n').at(-1));
  });
}

withPing('serve: ping of every size up to the MTU comes back with its bytes', async (t) => {
  const { address } = await serve(t);
  for (const size of [0, 1, 17, 56, 1471, 1472]) {
    const { code, out } = await run('ping', '-q', '-M', 'do', '-c', '1', '-s', `${size}`, address);
    t.is(code, 0, `${size}: ${out}`);
  }
});

withCurl('serve: curl fetches the page, and its numbers', async (t) => {
  const { address } = await serve(t);
  const page = await run('curl', '-sS', '--max-time', '10', '-i', `http://${address}/`);
  t.is(page.code, 0, page.err);
  t.regex(page.out, /^HTTP\/1\.1 200 OK\r?\n[\s\S]*<title>tunstack<\/title>/);
  const numbers = await run('curl', '-sS', '--max-time', '10', `http://${address}/stats.json`);
  const told = JSON.parse(numbers.out);
  t.is(told.services.page.connections, 2);
  const ours = told.connections.find(({ state }: { state: string }) => state === 'ESTABLISHED');
  t.is(ours?.localPort, 80, 'the page lists the connection it is asked over');
  t.true(ours.rtt > 0 && ours.cwnd > 0);
  const twice = await run(
    ...(['curl', '-sS', '--max-time', '10', '-o', '/dev/null', '-o', '/dev/null'] as const),
    ...['-w', '%{num_connects}\n', `http://${address}/`, `http://${address}/stats.json`],
  );
  t.is(twice.out, '1\n0\n', 'the connection is kept');
});

withCurl('serve: a port without a service refuses', async (t) => {
  const { address } = await serve(t);
  const { code, err } = await run('curl', '-sS', '--max-time', '10', `http://${address}:81/`);
  t.is(code, 7, err); // curl: could not connect
});

/** Seconds on a processor so far, user and system. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100; // utime and stime, USER_HZ is 100
}

tunTest('serve: idle, it uses less than 1 % of a processor', async (t) => {
  const { pid } = await serve(t);
  const part = await busyPart(() => processorSeconds(pid), { enough: 0.01, windows: 5, length: 5 });
  t.true(part <= 0.01, `${part} of a processor while idle`);
});
