/**
 * The command line of `tunstack network`, what it prints to paste, and its last line.
 * @module
 */
import test from 'ava';
import { networkLine, qemuOption } from '../../src/cli/network/network.ts';
import { joinPolicies } from '../../src/cli/network/policy-file.ts';
import { parse } from '../../src/cli/options.ts';
import { replayedLines } from '../../src/cli/replay.ts';
import type { NetworkStatus } from '../../src/services.ts';

function options(line: string): Record<string, unknown> {
  const request = parse(line.split(' '), '1.2.3');
  if (!('options' in request)) throw new Error(JSON.stringify(request));
  return { ...request.options };
}

function refusal(line: string): string {
  const request = parse(line.split(' '), '1.2.3');
  return request.command === 'refuse' ? request.reason : `taken: ${JSON.stringify(request)}`;
}

test('network: the command line is read, with what is usual filled in', (t) => {
  t.like(options('network --listen unixgram:/run/b'), {
    listen: [{ path: '/run/b', datagrams: true }],
  });
  t.like(options('network --listen unix:/run/a.sock --listen 127.0.0.1:0 --tap vm0'), {
    listen: [{ path: '/run/a.sock' }, { host: '127.0.0.1', port: 0 }],
    ...{ taps: ['vm0'], address: '10.83.0.1/24', mtu: 1500, guard: true, isolated: false },
  });
  const line = 'network --tap a --publish 8080:10.83.0.15:80 --publish [::1]:53:10.83.0.15:53/udp';
  t.like(options(`${line} --publish 0.0.0.0:1:10.83.0.15:2/tcp,source=inside`), {
    publish: [
      { port: 8080, guest: '10.83.0.15', guestPort: 80, protocol: 'tcp' },
      { host: '::1', port: 53, protocol: 'udp' },
      { host: '0.0.0.0', port: 1, source: 'inside' },
    ],
  });
  t.like(
    options('network --tap a --reserve 02:00:5E:00:53:01=10.83.0.15 --name Db.lan=192.0.2.1'),
    {
      reservations: { '02:00:5e:00:53:01': '10.83.0.15' },
      names: { 'db.lan': '192.0.2.1' },
    },
  );
});

test('network: rules of all kinds keep their order', (t) => {
  const line =
    'network --tap a --deny 10.0.0.0/8 --allow *.example.org:443 --by-proxy * --default deny';
  const { policy } = options(line) as { policy: { rules: { text: string }[]; default: string } };
  t.deepEqual(
    policy.rules.map(({ text }) => text),
    ['10.0.0.0/8', '*.example.org:443', '*'],
  );
  t.is(policy.default, 'deny');
});

test('network: what cannot be meant is refused in one line', (t) => {
  t.regex(refusal('network'), /where do machines plug in/);
  t.regex(refusal('network --listen nowhere'), /Give unix:PATH/);
  t.regex(refusal('network --tap a --publish 80'), /Give \[HOST:\]PORT:GUEST:PORT/);
  t.regex(refusal('network --tap a --allow a..b'), /Give CIDR/);
  t.regex(refusal('network --tap a --mtu 70000'), /from 576 to 65520/);
  t.regex(refusal('network --tap a --default perhaps'), /Give allow or deny/);
  t.regex(
    refusal('network --tap a --record f --publish 80:10.83.0.15:80'),
    /cannot be with '--publish'/,
  );
  t.regex(refusal('forward --allow *.example.org'), /names are for network/);
});

test('network: QEMU is told where to connect', (t) => {
  t.is(
    qemuOption({ path: '/tmp/a', text: '' }),
    '-netdev stream,id=net0,server=off,addr.type=unix,addr.path=/tmp/a -device virtio-net-pci,netdev=net0',
  );
  t.regex(
    qemuOption({ host: '127.0.0.1', port: 9, text: '' }),
    /addr.type=inet,addr.host=127.0.0.1,addr.port=9 /,
  );
  t.is(
    qemuOption({ path: '/tmp/a', datagrams: true, text: '' }),
    '-netdev dgram,id=net0,local.type=unix,local.path=/tmp/a.vm,remote.type=unix,remote.path=/tmp/a -device virtio-net-pci,netdev=net0',
  );
  t.regex(
    qemuOption({ path: "/tmp/it's, a", text: '' }),
    /^-netdev 'stream,id=net0,server=off,addr.type=unix,addr.path=\/tmp\/it'\\''s,, a' /,
  );
});

test('network: a file’s rules come after those of the command line, whose default counts', (t) => {
  const joined = joinPolicies(
    { rules: ['deny a.example'], default: 'deny' },
    '{"default":"allow","rules":["allow *"],"close":["private"]}',
  );
  t.deepEqual(joined, {
    ...{ default: 'deny', rules: ['deny a.example', 'allow *'], close: ['private'] },
  });
  t.throws(() => joinPolicies({}, '{'), { message: /no JSON/ });
  t.throws(() => joinPolicies({}, '[]'), { message: /an object/ });
});

test('network: the last line says what was carried, lent, answered and refused', (t) => {
  const status = {
    flows: {
      ...{ tcp: 2, udp: 1, tcpOpen: 0, udpOpen: 0, denied: 3, failed: 1, full: 0, looped: 0 },
      ...{ displaced: 0, cut: 1, bytesOut: 1000, bytesIn: 2_000_000 },
    },
    leases: [],
    dhcp: { ack: 2 },
    dns: { queries: 9, local: 3, cached: 2, resolved: 2, refused: 1 },
    guests: { spoofed: 4, rogueDhcp: 0, rogueRouter: 0, tooMany: 0 },
  } as unknown as NetworkStatus;
  t.is(
    networkLine(status),
    'carried 2 TCP flows, 1 UDP flow, 1.0 kB out, 2.0 MB in, refused 3 by the policy, 1 at the far end, ' +
      '0 for want of room, cut 1, lent 2, 0 now, answered 7 of 9 names, refused 1, dropped 4 frames from addresses of others',
  );
});

test('replay: what came of it is said in lines', (t) => {
  const result = {
    ...{ same: false, seconds: 1.5, sent: 3, got: { recorded: 4, played: 5 }, alike: 3 },
    decisions: { recorded: 2, played: 1 },
    difference: { recorded: '{"event":"open"}', played: undefined },
    surprises: ['tcp 198.51.100.1:80'],
  };
  t.deepEqual(replayedLines(result), [
    'NOT the same: 1 of 2 decisions in 1.500 s',
    'guests sent 3 frames, got 4 as recorded and 5 now, 3 of them alike',
    'recorded {"event":"open"}',
    'played   nothing',
    'not in the recording: tcp 198.51.100.1:80',
  ]);
});
