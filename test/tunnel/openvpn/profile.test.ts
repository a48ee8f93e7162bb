/**
 * Profiles of OpenVPN, read. What is right: openvpn(8) of 2.6.
 */
import test from 'ava';
import { readLines } from '../../../src/tunnel/openvpn/profile/lines.ts';
import type { Profile } from '../../../src/tunnel/openvpn/profile/profile.ts';
import {
  looksLikeProfile,
  readProfile,
  remotesOf,
} from '../../../src/tunnel/openvpn/profile/read.ts';
import { nothingPushed, readPushReply, writePushReply } from '../../../src/tunnel/openvpn/push.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
const CLIENT = `client
dev tun
proto udp
remote vpn.example 1195
remote 192.0.2.5 443 tcp
auth-user-pass
<ca>
${PEM}
</ca>
`;
const none = (path: string): Uint8Array => {
  throw new Error(`ENOENT ${path}`);
};
const read = (text: string): Profile => readProfile(text, none);

test('openvpn/profile: words, quotes, comments and blocks are read as OpenVPN reads them', (t) => {
  const lines = readLines(`\ufeffa "b c" 'd\\e' f\\ g # h\n;i\n--j\n<ca>\n x\n</ca>`);
  t.deepEqual(lines, [
    { name: 'a', words: ['b c', 'd\\e', 'f g'], block: undefined, line: 1 },
    { name: 'j', words: [], block: undefined, line: 3 },
    { name: 'ca', words: [], block: ' x', line: 4 },
  ]);
});

test('openvpn/profile: a usual profile of a client', (t) => {
  const profile = read(CLIENT);
  t.deepEqual(remotesOf(profile), [
    { host: 'vpn.example', port: 1195, isStream: false, family: 0 },
    { host: '192.0.2.5', port: 443, isStream: true, family: 0 },
  ]);
  t.true(profile.asksUser);
  t.true(profile.pulls);
  t.is(profile.ca?.includes('AAAA'), true);
  t.deepEqual(profile.notes, []);
});

const wrong: [string, string, RegExp][] = [
  ['compression', 'comp-lzo', /^line 12: «comp-lzo»: compression is not there, and unsafe/],
  ['compression of another kind', 'compress lz4-v2', /^line 12: .*compression/],
  ['a static key', 'secret static.key', /^line 12: .*forward secrecy/],
  ['CBC alone', 'data-ciphers AES-256-CBC:AES-128-CBC', /^line 12: .*CBC is refused/],
  ['Ethernet', 'dev tap0', /^line 12: «dev tap0»: only tunnels of IP packets/],
  ['a script', 'up /etc/openvpn/up.sh', /^line 12: .*it runs a program/],
  ['an unknown option', 'frobnicate 1', /^line 12: «frobnicate» is no option/],
  ['no number', 'reneg-sec soon', /^line 12: .*soon: it must be a number from 0/],
  ['a number out of range', 'port 70000', /^line 12: .*70000: it must be a number from 1 to 65535/],
  [
    'a block without an end',
    '<cert>\nabc',
    /^line 12: <cert> has no <\/cert>: the file is cut short/,
  ],
  [
    'a certificate cut short',
    '<cert>\n-----BEGIN CERTIFICATE-----\nAA\n</cert>',
    /^line 12: .*cut short/,
  ],
  [
    'a file that is not there',
    'cert me.crt',
    /^line 12: «cert me.crt»: the file cannot be read \(ENOENT me.crt\)/,
  ],
  ['a quote without an end', 'setenv "a', /^line 12: a " without its end/],
  ['TLS 1.1 at most', 'tls-version-max 1.1', /^line 12: .*TLS 1.2 and 1.3/],
  ['a route that is none', 'route 10.0.0.0 255.0.255.0', /^line 12: .*not understood/],
  ['a fingerprint that is none', 'peer-fingerprint abc', /^line 12: .*32 bytes/],
  ['a name of the prototype', 'constructor 1', /^line 12: «constructor» is no option/],
  ['a certificate without key', `<cert>\n${PEM}\n</cert>`, /^«key» without|«cert»|«key»/],
];
for (const [name, text, reason] of wrong) {
  test(`openvpn/profile: ${name} is refused, with line and reason`, (t) => {
    const error = t.throws(() => read(`${CLIENT}${text}\n`), { name: 'ProfileError' });
    t.regex(error?.message ?? '', reason);
    t.notRegex(error?.message ?? '', /\n/);
  });
}

test('openvpn/profile: what is without effect is named in one line', (t) => {
  const profile = read(
    `${CLIENT}verb 3\npersist-tun\ncipher AES-256-CBC\nsetenv opt block-outside-dns\n`,
  );
  t.deepEqual(profile.notes, [
    'line 14: «cipher AES-256-CBC» is not offered, since only AEAD is there; data-ciphers counts',
    'line 15: «block-outside-dns» is not there, without effect',
    'without effect here: verb (line 12), persist-tun (line 13)',
  ]);
});

test('openvpn/profile: CBC in a list of ciphers is left out, and said', (t) => {
  const profile = read(`${CLIENT}data-ciphers AES-128-GCM:AES-256-CBC:CHACHA20-POLY1305\n`);
  t.deepEqual(profile.ciphers, ['AES-128-GCM', 'CHACHA20-POLY1305']);
  t.regex(profile.notes[0] ?? '', /^line 12: not offered.*AES-256-CBC$/);
});

test('openvpn/profile: a profile cut off anywhere is an error or a whole one, and never thrown otherwise', (t) => {
  const text = `${CLIENT}key-direction 1\n<tls-auth>\nabc\n</tls-auth>\nremote-cert-tls server\nroute 10.0.0.0 255.0.0.0\n`;
  for (let length = 0; length < text.length; length++) {
    try {
      read(text.slice(0, length));
    } catch (error) {
      if ((error as Error).name !== 'ProfileError') t.fail(`${length}: ${String(error)}`);
    }
  }
  t.pass();
});

test('openvpn/profile: a server needs addresses, a certificate and no more', (t) => {
  const text = `server 10.8.0.0 255.255.255.0\nserver-ipv6 fd00::/64\nkeepalive 10 60\npush "route 10.1.0.0 255.255.0.0"\nport 1194
client-to-client\n<ca>\n${PEM}\n</ca>\n<cert>\n${PEM}\n</cert>\n<key>\n${PEM}\n</key>\ndh none\n`;
  const profile = read(text);
  t.is(profile.mode, 'server');
  t.is(profile.network, '10.8.0.0/24');
  t.is(profile.network6, 'fd00::/64');
  t.deepEqual(profile.push, ['route 10.1.0.0 255.255.0.0']);
  t.deepEqual([profile.ping, profile.pingRestart], [10, 60]);
  t.throws(() => read(text.replace('server 10', '#')), {
    message: /neither «client» nor «server»/,
  });
});

test('openvpn/profile: files of WireGuard and of OpenVPN are told apart', (t) => {
  t.true(looksLikeProfile(CLIENT));
  t.false(looksLikeProfile('[Interface]\nPrivateKey = x\n[Peer]\nEndpoint = a:1\n'));
});

test('openvpn/push: what a server pushes becomes a network', (t) => {
  const into = nothingPushed();
  readPushReply(into, [
    'ifconfig 10.8.0.6 255.255.255.0',
    'topology subnet',
    ...[
      'route-gateway 10.8.0.1',
      'route 10.2.0.0 255.255.0.0',
      'route 198.51.100.0 255.255.255.0 net_gateway',
    ],
    ...[
      'redirect-gateway def1 bypass-dhcp',
      'dhcp-option DNS 10.8.0.1',
      'dhcp-option DOMAIN corp.example',
    ],
    ...[
      'ping 5',
      'ping-restart 20',
      'peer-id 7',
      'cipher AES-128-GCM',
      'protocol-flags cc-exit tls-ekm dyn-tls-crypt',
    ],
    ...[
      'ifconfig-ipv6 fd00::2/64 fd00::1',
      'tun-mtu 1400',
      'sndbuf 0',
      'frobnicate',
      'dhcp-option NTP 10.8.0.1',
    ],
  ]);
  t.is(into.address, '10.8.0.6/24');
  t.is(into.address6, 'fd00::2/64');
  t.deepEqual(into.routes[1], {
    network: '198.51.100.0/24',
    gateway: 'net_gateway',
    metric: undefined,
  });
  t.deepEqual(into.redirect, ['def1', 'bypass-dhcp']);
  t.deepEqual([into.dns, into.search], [['10.8.0.1'], ['corp.example']]);
  t.true(into.ekm && into.dynamic && into.exitByControl);
  t.deepEqual([into.mtu, into.peerId, into.ping, into.pingRestart], [1400, 7, 5, 20]);
  t.deepEqual(into.notes, [
    'pushed «frobnicate»: not there, without effect',
    'pushed «dhcp-option NTP 10.8.0.1»: not there, without effect',
  ]);
});

test('openvpn/push: compression, CBC and flags that are not known are no network', (t) => {
  for (const option of [
    'comp-lzo no',
    'compress stub-v2',
    'cipher AES-256-CBC',
    'fragment 1300',
    'protocol-flags aead-epoch',
  ]) {
    const into = nothingPushed();
    readPushReply(into, [option]);
    t.truthy(into.refused, option);
  }
});

test('openvpn/push: a long push is cut into strings of up to 1024 bytes (push.c, PUSH_BUNDLE_SIZE)', (t) => {
  const options = Array.from({ length: 100 }, (_, i) => `route 10.${i}.0.0 255.255.0.0`);
  const texts = writePushReply(options);
  t.true(texts.length > 2);
  for (const text of texts) t.true(text.length < 1024);
  t.true(texts.slice(0, -1).every((text) => text.endsWith(',push-continuation 2')));
  t.true(texts.at(-1)?.endsWith(',push-continuation 1'));
  const into = nothingPushed();
  for (const text of texts) readPushReply(into, text.split(',').slice(1));
  t.is(into.routes.length, 100);
});

test('openvpn/push: in topology net30 and p2p an address stands alone, and the other is the gateway', (t) => {
  const into = nothingPushed();
  readPushReply(into, ['route 10.8.0.1', 'topology net30', 'ifconfig 10.8.0.6 10.8.0.5']);
  t.deepEqual([into.address, into.gateway], ['10.8.0.6/32', '10.8.0.5']);
  t.deepEqual(into.routes, [{ network: '10.8.0.1/32', gateway: undefined, metric: undefined }]);
});
