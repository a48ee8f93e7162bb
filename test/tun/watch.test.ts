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

/** Of `serve`, in both families. */
const ADDRESSES = ['10.83.0.2', 'fd83::2'] as const;

/** As the kernel's ss reads it. */
const kernels = (address: string): string => (address.includes(':') ? `[${address}]` : address);

for (const address of ADDRESSES) {
  testWith('ss')(
    `watch: ss shows what the kernel’s ss shows at the other end, at ${address}`,
    async (t) => {
      const { pid } = await serve(t);
      await connected(t, address, 5);
      const kernel = await run('ss', '-tnH', 'state', 'established', 'dst', kernels(address));
      // With a state given, ss leaves out its column.
      const lines = kernel.out.replace(/^/gm, 'ESTAB ').replace(/ESTAB $/, '');
      const filter = ['sport', '=', ':7', 'and', 'src', address];
      const mine = await ours(pid, 'ss', '-tnH', ...filter);
      t.is(mine.trimEnd().split('\n').length, 5);
      t.deepEqual(ends(mine, true), ends(lines, false));
    },
  );

  testWith('ss')(`watch: ss -i counts what the kernel counts, at ${address}`, async (t) => {
    const { pid } = await serve(t);
    await connected(t, address, 1);
    const count = (text: string, name: string): string =>
      new RegExp(`\\b${name}:(\\d+)`).exec(text)?.[1] ?? '';
    await new Promise((later) => setTimeout(later, 100)); // the kernel's ACK may be delayed
    const kernel = (await run('ss', '-tniH', 'state', 'established', 'dst', kernels(address))).out;
    const here = await ours(pid, 'ss', '-tniH', 'sport', '=', ':7');
    t.is(count(kernel, 'bytes_received'), '1000');
    for (const [mine, theirs] of [
      ['bytes_received', 'bytes_sent'],
      ['bytes_sent', 'bytes_received'],
      ['bytes_acked', 'bytes_received'],
      ['segs_in', 'segs_out'],
      ['mss', 'mss'],
      ['pmtu', 'pmtu'],
    ] as const) {
      t.is(count(here, mine), count(kernel, theirs), `${mine}: ${here} ${kernel}`);
    }
    // A window scale is told as "what the peer shifts, what we do".
    const scales = (text: string): string[] => /wscale:(\d+),(\d+)/.exec(text)?.slice(1) ?? [];
    t.deepEqual(scales(here), scales(kernel).reverse());
  });
}

/** The kernel's counters of this namespace. */
async function counters(): Promise<Readonly<Record<string, number>>> {
  return JSON.parse((await run('nstat', '-asjz')).out).kernel;
}

/** What the kernel has sent: `TcpOutSegs` leaves out what is only sent again (RFC 4022), `TcpInSegs` counts it. */
const sentSegments = (kernel: Readonly<Record<string, number>> | undefined): number =>
  (kernel?.['TcpOutSegs'] ?? 0) + (kernel?.['TcpRetransSegs'] ?? 0);

/** Both ends' counters, of one moment: what the kernel sends between two readings counts at one end alone. */
async function bothCounters(pid: number): Promise<readonly Readonly<Record<string, number>>[]> {
  for (let kernel = await counters(); ; ) {
    const here = JSON.parse(await ours(pid, 'nstat', '-aj')).tunstack;
    const again = await counters();
    if (sentSegments(again) === sentSegments(kernel)) return [again, here];
    kernel = again;
  }
}

testWith('nstat', 'ping')(
  'watch: nstat counts what the kernel’s nstat counts at the other end',
  async (t) => {
    const { address, pid } = await serve(t);
    const [before, mineBefore] = await bothCounters(pid);
    for (const one of ADDRESSES) {
      const sockets = await connected(t, one, 3);
      for (const socket of sockets) {
        socket.end();
        await once(socket, 'close');
      }
      await run('ping', '-c', '3', '-i', '0.01', one);
    }
    t.truthy(address);
    const [after, mineAfter] = await bothCounters(pid);
    const came = (mineAfter?.['TcpInSegs'] ?? 0) - (mineBefore?.['TcpInSegs'] ?? 0);
    t.is(came, sentSegments(after) - sentSegments(before), 'TcpInSegs and what the kernel sent');
    t.true(came > 30);
    for (const [mine, theirs] of [
      ['TcpPassiveOpens', 'TcpActiveOpens'],
      ['IcmpInEchos', 'IcmpOutEchos'],
      ['IcmpOutEchoReps', 'IcmpInEchoReps'],
      ['Icmp6InEchos', 'Icmp6OutEchos'],
    ] as const) {
      const grown = (mineAfter?.[mine] ?? 0) - (mineBefore?.[mine] ?? 0);
      t.is(grown, (after?.[theirs] ?? 0) - (before?.[theirs] ?? 0), `${mine} and ${theirs}`);
      t.true(grown > 0, mine);
    }
  },
);

testWith('ping')('watch: nstat counts what came, and then what is new', async (t) => {
  const { address, pid } = await serve(t);
  await run('ping', '-c', '3', '-i', '0.01', address);
  t.regex(await ours(pid, 'nstat', 'IcmpInEchos'), /^#tunstack\nIcmpInEchos {21}3 +0\.0\n$/);
  await run('ping', '-c', '2', '-i', '0.01', address);
  t.is(await ours(pid, 'nstat', '-j', 'IcmpInEchos'), '{"tunstack":{"IcmpInEchos":2}}\n');
  t.is(await ours(pid, 'nstat', '-j', 'IcmpInEchos'), '{"tunstack":{}}\n');
  t.is(await ours(pid, 'nstat', '-aj', 'IcmpInEchos'), '{"tunstack":{"IcmpInEchos":5}}\n');
});

/** Who to whom, flags, octets of text: of a line of tcpdump's, and of one of ours. */
function facts(line: string): string | undefined {
  const theirs = /^IP6? (\S+)\.(\d+) > (\S+)\.(\d+): Flags \[([^\]]+)\].* length (\d+)/.exec(line);
  if (theirs) return theirs.slice(1).join(' ').replace(/P/, '');
  const mine = /(\S+)\.(\d+) > (\S+)\.(\d+): TCP (\S+) .* len (\d+)/.exec(line);
  return mine?.slice(1).join(' ').replace(/P/, '');
}

for (const address of ADDRESSES) {
  testWith('tcpdump')(
    `watch: dump prints the segments that tcpdump sees, at ${address}`,
    async (t) => {
      const { pid, tun } = await serve(t, '--no-offload');
      const filter = ['tcp', 'port', '7', 'and', 'host', address];
      const kernel = new Running('tcpdump', ['-n', '-t', '-l', '-i', tun, ...filter]);
      const here = tunstack('dump', '--pid', String(pid), ...filter);
      t.teardown(() => kernel.stop('SIGKILL').then(() => {}));
      t.teardown(() => here.stop('SIGKILL').then(() => {}));
      // Both have begun once both have printed a first connection.
      while (!/length/.test(kernel.out) || !/ > /.test(here.out)) {
        const [socket] = await connected(t, address, 1);
        socket?.destroy();
        await new Promise((later) => setTimeout(later, 200));
      }
      const [socket] = await connected(t, address, 1);
      const port = socket?.localPort;
      socket?.end();
      if (socket) await once(socket, 'close');
      const of = (text: string): string[] =>
        text
          .split('\n')
          .map(facts)
          .filter((one) => one?.split(' ').includes(String(port)))
          .map(String);
      const isWhole = (lines: string[]): boolean =>
        lines.filter((one) => / F/.test(one)).length >= 2;
      const end = Date.now() + 10_000;
      while (!(isWhole(of(kernel.out)) && isWhole(of(here.out))) && Date.now() < end) {
        await new Promise((later) => setTimeout(later, 50));
      }
      await new Promise((later) => setTimeout(later, 300)); // the last ACK
      t.true(of(kernel.out).length >= 8, kernel.out);
      t.deepEqual(of(here.out).sort(), of(kernel.out).sort());
    },
  );
}

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
