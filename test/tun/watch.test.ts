/**
 * `ss`, `nstat` and `dump` of a running command beside those of the kernel, at the other end of the same
 * connections: the same facts.
 * @module
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { Running, run, tunstack } from '../support/process.ts';
import { serve, testWith } from './serving.ts';

const ours = async (pid: number, ...words: string[]): Promise<string> => {
  const { out, err, code } = await tunstack(...words, '--pid', String(pid)).ended;
  if (code !== 0) throw new Error(err);
  return out;
};

async function connected(t: ExecutionContext, address: string, count: number): Promise<Socket[]> {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(7, address);
      await once(socket, 'connect');
      socket.write('x'.repeat(1000));
      await once(socket, 'data');
      return socket;
    }),
  );
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  return sockets;
}

/** Local and peer address of each line, as the other end has them. */
const ends = (lines: string, swapped: boolean): string[] =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, , , local = '', peer = ''] = line.split(/\s+/);
      return swapped ? `${peer} ${local}` : `${local} ${peer}`;
    })
    .sort();

testWith('ss')(
  'watch: ss shows the connections that the kernel’s ss shows at their other end',
  async (t) => {
    const { address, pid } = await serve(t);
    await connected(t, address, 5);
    const kernel = await run('ss', '-tnH', 'state', 'established', 'dst', address);
    // With a state given, ss leaves out its column.
    const lines = kernel.out.replace(/^/gm, 'ESTAB ').replace(/ESTAB $/, '');
    t.deepEqual(ends(await ours(pid, 'ss', '-tnH', 'sport', '=', ':7'), true), ends(lines, false));
  },
);

testWith('ss')('watch: ss -i counts the octets that the kernel counts', async (t) => {
  const { address, pid } = await serve(t);
  await connected(t, address, 1);
  const count = (text: string, name: string): string =>
    new RegExp(`\\b${name}:(\\d+)`).exec(text)?.[1] ?? '';
  const kernel = (await run('ss', '-tniH', 'dst', address)).out;
  const here = await ours(pid, 'ss', '-tniH');
  t.is(count(here, 'bytes_received'), count(kernel, 'bytes_sent'));
  t.is(count(kernel, 'bytes_received'), '1000');
  t.is(count(here, 'pmtu'), '1500');
});

testWith('ping')('watch: nstat counts what came, and then what is new', async (t) => {
  const { address, pid } = await serve(t);
  await run('ping', '-c', '3', '-i', '0.01', address);
  t.regex(await ours(pid, 'nstat', 'IcmpInEchos'), /^#tunstack\nIcmpInEchos {21}3 +0\.0\n$/);
  await run('ping', '-c', '2', '-i', '0.01', address);
  t.is(await ours(pid, 'nstat', '-j', 'IcmpInEchos'), '{"tunstack":{"IcmpInEchos":2}}\n');
  t.is(await ours(pid, 'nstat', '-j', 'IcmpInEchos'), '{"tunstack":{}}\n');
  t.is(await ours(pid, 'nstat', '-aj', 'IcmpInEchos'), '{"tunstack":{"IcmpInEchos":5}}\n');
});

testWith('ping', 'tcpdump')('watch: dump prints the packets that tcpdump sees', async (t) => {
  const { address, pid, tun } = await serve(t);
  const filter = ['icmp', 'and', 'src', 'host', '10.83.0.1'];
  const kernel = new Running('tcpdump', ['-n', '-t', '-l', '-c', '3', '-i', tun, ...filter]);
  const here = tunstack('dump', '--pid', String(pid), '-c', '3', ...filter);
  // Both have begun once both have printed: ping until they have.
  const ping = new Running('ping', ['-i', '0.05', address]);
  const [theirs, mine] = await Promise.all([kernel.ended, here.ended]);
  await ping.stop('SIGINT');
  t.is(mine.code, 0, mine.err);
  t.is(theirs.out.trimEnd().split('\n').length, 3);
  const lines = mine.out.trimEnd().split('\n');
  t.is(lines.length, 3);
  for (const line of lines)
    t.regex(line, / In +10\.83\.0\.1 > 10\.83\.0\.2: ICMP echo id \d+ seq \d+ /);
});

testWith('ping', 'tshark')('watch: a capture that is stopped is whole', async (t) => {
  const { address, pid } = await serve(t);
  const file = `/tmp/tunstack-watch-${process.pid}.pcapng`;
  t.teardown(() => run('rm', '-f', file));
  const capture = tunstack('capture', '--pid', String(pid), file, 'icmp');
  const ping = new Running('ping', ['-i', '0.02', address]);
  const isThere = async (): Promise<boolean> => /echo/i.test((await run('tshark', '-r', file)).out);
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 100));
  const { code, err } = await capture.stop('SIGINT');
  await ping.stop('SIGINT');
  t.is(code, 0, err);
  const read = await run('tshark', '-r', file);
  t.is(read.code, 0, read.err);
  // A second one does not write over it.
  const again = await tunstack('capture', '--pid', String(pid), file).ended;
  t.is(again.code, 1);
  t.regex(again.err, /EEXIST/);
});

testWith('ip')(
  'watch: top shows the rates of a connection, and ends after its rounds',
  async (t) => {
    const { address, pid } = await serve(t);
    const [socket] = await connected(t, address, 1);
    const timer = setInterval(() => socket?.write('y'.repeat(1000)), 5);
    socket?.resume();
    const out = await ours(pid, 'top', '-b', '-n', '2', '-d', '0.5');
    clearInterval(timer);
    const [, second = ''] = out.split('\n\ntunstack serve');
    t.regex(
      second,
      /^ \(\d+\) on tun\d+ 10\.83\.0\.2 [^,]*, up \d+ s\npackets [1-9]\d*\/s in, [1-9]\d*\/s out/,
    );
    t.regex(second, /10\.83\.0\.1:\d+ +7 +ESTAB +[1-9][\d.]* k?B +[1-9][\d.]* k?B/);
  },
);

testWith('ping')('watch: a command that has ended is said to have', async (t) => {
  const { address, pid, running } = await serve(t);
  const dump = tunstack('dump', '--pid', String(pid));
  const ping = new Running('ping', ['-i', '0.1', address]);
  await dump.line(); // it watches
  await running.stop();
  await ping.stop('SIGINT');
  const { code, err } = await dump.ended;
  t.is(code, 0, err);
  t.regex(err, /\d+ packets?\n$/);
  const late = await tunstack('ss', '--pid', String(pid)).ended;
  t.is(late.code, 1);
  t.regex(late.err, /^tunstack: no tunstack of yours/);
});
