/**
 * What `tunstack tunnel` and `tunstack wg` may be told, and what they say.
 * @module
 */
import test from 'ava';
import { parse } from '../../src/cli/options.ts';
import { nameFor } from '../../src/cli/tunnel/file.ts';
import { statusLine } from '../../src/cli/tunnel/report.ts';
import { ago, describeInterface, span } from '../../src/cli/tunnel/show.ts';

const read = (line: string): ReturnType<typeof parse> => parse(line.split(' '), '1.2.3');

test('tunnel: up takes a file, and without root a proxy and ports', (t) => {
  const line =
    'tunnel up --rootless --socks5 1080 --publish 80:8080 --publish 22:192.0.2.9:2222 wg.conf';
  const request = read(line);
  if (request.command !== 'tunnel-up') return t.fail(JSON.stringify(request));
  t.deepEqual(request.options.socks5, { host: '127.0.0.1', port: 1080 });
  t.deepEqual(request.options.publish, [
    { port: 80, host: '127.0.0.1', hostPort: 8080 },
    { port: 22, host: '192.0.2.9', hostPort: 2222 },
  ]);
  t.is(request.options.file, 'wg.conf');
});

test('tunnel: an address of IPv6 stands in brackets before a port, RFC 3986 §3.2.2', (t) => {
  const request = read('tunnel up --rootless --socks5 [::1]:1080 --publish 80:[::1]:8080 wg.conf');
  if (request.command !== 'tunnel-up') return t.fail(JSON.stringify(request));
  t.deepEqual(request.options.socks5, { host: '::1', port: 1080 });
  t.deepEqual(request.options.publish, [{ port: 80, host: '::1', hostPort: 8080 }]);
});

const refusals: readonly (readonly [string, RegExp])[] = [
  ['tunnel up', /missing required argument 'file'/],
  ['tunnel up --socks5 1080 a.conf', /needs '--rootless'/],
  ['tunnel up --rootless a.conf', /needs '--socks5' or '--publish'/],
  ['tunnel up --rootless --publish 0:1 a.conf', /'0:1' is invalid/],
  ['tunnel up --rootless --socks5 x a.conf', /Give an address and a port/],
  ['tunnel up --rootless --socks5 1 --spin 50 a.conf', /'--spin' is for a TUN/],
  ['tunnel up --spin x a.conf', /'x' is invalid/],
  ['tunnel serve', /required option '--endpoint <host>' not specified/],
];

for (const [line, reason] of refusals) {
  test(`tunnel: refused is ${line}`, (t) => {
    const request = read(line);
    t.is(request.command, 'refuse');
    if (request.command === 'refuse') t.regex(request.reason, reason);
  });
}

test('tunnel: an interface is called as its file', (t) => {
  t.is(nameFor('/etc/wireguard/wg0.conf'), 'wg0');
  t.is(nameFor('a very long name of a file.conf'), 'averylongnameof');
  t.is(nameFor('.conf'), 'tunnel');
});

test('tunnel: the status line says who, when, how much and what was lost', (t) => {
  const peer = {
    name: 'x',
    endpoint: '192.0.2.1:5',
    receivedBytes: 1500,
    sentBytes: 2e6,
    loss: 0.0123,
  };
  t.is(
    statusLine([{ ...peer, lastHandshake: 1000 }], 66_000),
    '192.0.2.1:5: handshake 1 minute, 5 seconds ago, 1.5 kB in, 2.0 MB out, 1.2 % lost',
  );
  t.is(statusLine([{ ...peer, lastHandshake: 0 }], 0), 'no handshake yet, 1.5 kB in, 2.0 MB out');
});

test('wg: show speaks as wg does', (t) => {
  const key = 'c8'.repeat(32);
  const answer = `private_key=${'18'.repeat(32)}\nlisten_port=51820\npublic_key=${key}\npreshared_key=${'00'.repeat(32)}\nendpoint=192.0.2.1:5\nlast_handshake_time_sec=40\nlast_handshake_time_nsec=0\ntx_bytes=2048\nrx_bytes=100\npersistent_keepalive_interval=25\nallowed_ip=10.0.0.0/8\nerrno=0\n\n`;
  t.deepEqual(describeInterface('wg0', answer, 102_000).slice(2), [
    '  private key: (hidden)',
    '  listening port: 51820',
    '',
    `peer: ${Buffer.from(key, 'hex').toString('base64')}`,
    '  endpoint: 192.0.2.1:5',
    '  allowed ips: 10.0.0.0/8',
    '  latest handshake: 1 minute, 2 seconds ago',
    '  transfer: 100 B received, 2.00 KiB sent',
    '  persistent keepalive: every 25 seconds',
  ]);
  t.is(span(90_061), '1 day, 1 hour, 1 minute, 1 second');
  t.is(ago(0.5), 'Now');
});
