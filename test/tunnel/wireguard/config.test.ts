/**
 * Files of WireGuard: wg(8), wg-quick(8); keys as `wg` writes them.
 * @module
 */
import test from 'ava';
import { splitEndpoint } from '../../../src/tunnel/endpoint.ts';
import { formatPrefix } from '../../../src/tunnel/prefix.ts';
import { ConfigError, parseConfig } from '../../../src/tunnel/wireguard/config.ts';
import { formatKey, parseKey, publicKeyFrom } from '../../../src/tunnel/wireguard/keys.ts';

const A = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';
/** By `wg pubkey`. */
const PUBLIC_OF_A = 'HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=';
const B = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';

const FILE = `
# as wg-quick(8) has it
[Interface]
Address = 10.192.122.1/24, fd00::1/64
address=10.10.0.1/16
PrivateKey = ${A}
ListenPort = 51820
DNS = 10.0.0.53, example.internal
MTU = 1380
FwMark = 0xca6c
Table = off
PostUp = iptables -A FORWARD -i %i -j ACCEPT # and so on

[peer]
PublicKey = ${B}
PresharedKey = ${A}
AllowedIPs = 10.192.122.3/32, fd00::3
AllowedIPs = 192.168.0.0/16
Endpoint = [2001:db8::1]:1234
PersistentKeepalive = 25
`;

test('config: a file of wg-quick is read as it stands', (t) => {
  const config = parseConfig(FILE);
  t.deepEqual(config.addresses, ['10.192.122.1/24', 'fd00::1/64', '10.10.0.1/16']);
  t.is(formatKey(config.privateKey), A);
  t.deepEqual(
    [config.listenPort, config.mtu, config.fwMark, config.table],
    [51_820, 1380, 0xca6c, 'off'],
  );
  t.deepEqual([config.dns, config.search], [['10.0.0.53'], ['example.internal']]);
  t.deepEqual(config.commands, [
    { when: 'PostUp', command: 'iptables -A FORWARD -i %i -j ACCEPT' },
  ]);
  const [peer] = config.peers;
  t.deepEqual(peer?.allowedIps.map(formatPrefix), [
    '10.192.122.3/32',
    'fd00::3/128',
    '192.168.0.0/16',
  ]);
  t.deepEqual(peer?.endpoint, { host: '2001:db8::1', port: 1234 });
  t.is(peer?.persistentKeepalive, 25);
});

const refusals: readonly (readonly [string, number, RegExp])[] = [
  ['', 0, /there is no \[Interface\]/],
  ['[Interface]\nMTU = 1420', 0, /no PrivateKey/],
  ['PrivateKey = x', 1, /stands before \[Interface\]/],
  [`[Interface]\nPrivateKey = ${A.slice(1)}`, 2, /^line 2: PrivateKey: a key is 32 bytes/],
  ['[Interface]\nMTU = 100', 2, /MTU = 100: an MTU is from 576/],
  ['[Interface]\nMTU = 1420\nMTU = 1420', 3, /MTU is set twice/],
  ['[Interface]\nMtuu = 1420', 2, /Mtuu is no setting of \[Interface\]/],
  ['[Interface]\n__proto__ = 1', 2, /__proto__ is no setting/],
  ['[Interface]\nconstructor = 1', 2, /constructor is no setting/],
  ['[Interface]\nAddress = 10.0.0.1/33', 2, /10.0.0.1\/33 is no address/],
  ['[Interfaces]', 1, /neither \[Interface\] nor \[Peer\]/],
  ['[Interface]\n[Interface]', 2, /already/],
  [
    `[Interface]\nPrivateKey = ${A}\n[Peer]\nAllowedIPs = 10.0.0.0/8`,
    3,
    /this \[Peer\] has no PublicKey/,
  ],
  [
    `[Interface]\nPrivateKey = ${A}\n[Peer]\nPublicKey = ${B}\n[Peer]\nPublicKey = ${B}`,
    5,
    /already/,
  ],
  [`[Interface]\nPrivateKey = ${A}\n[Peer]\nEndpoint = example.com`, 4, /a host and a port/],
  [`[Interface]\nPrivateKey = ${A}\n[Peer]\nPersistentKeepalive = 70000`, 4, /from 1 to 65535/],
  ['[Interface]\nno setting at all', 2, /is no setting, such as/],
];

for (const [i, [file, line, reason]] of refusals.entries()) {
  test(`config: it is refused with its line and the reason, ${i}: ${reason.source}`, (t) => {
    const error = t.throws(() => parseConfig(file), { instanceOf: ConfigError, message: reason });
    t.is(error?.line, line);
    t.false(error?.message.includes(A.slice(1)), 'no key is repeated');
  });
}

test('config: every truncation of a file is read or refused with its line, and nothing else', (t) => {
  for (let end = 0; end < FILE.length; end++) {
    try {
      parseConfig(FILE.slice(0, end));
    } catch (error) {
      if (!(error instanceof ConfigError)) t.fail(`${end}: ${error}`);
    }
  }
  t.pass();
});

test('keys: text and bytes are the same key, and what is no key is none', (t) => {
  t.is(formatKey(parseKey(A) ?? new Uint8Array(0)), A);
  for (const wrong of ['', A.slice(0, 43), `${A}=`, `${A.slice(0, 42)}n=`, A.replace('y', '-')]) {
    t.is(parseKey(wrong), undefined, wrong);
  }
  // wg(8): echo ... | wg pubkey
  t.is(formatKey(publicKeyFrom(parseKey(A) ?? new Uint8Array(32))), PUBLIC_OF_A);
});

test('endpoint: a host and a port, and nothing that is not', (t) => {
  t.deepEqual(splitEndpoint('example.com:1'), { host: 'example.com', port: 1 });
  t.deepEqual(splitEndpoint('[fe80::1%eth0]:5'), { host: 'fe80::1%eth0', port: 5 });
  for (const wrong of ['', ':1', 'a', 'a:', 'a:0', 'a:65536', '::1:5', '[x]:5', '[::1]', 'a:1:2']) {
    t.is(splitEndpoint(wrong), undefined, wrong);
  }
});
