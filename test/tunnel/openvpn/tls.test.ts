/**
 * Client and server with the TLS of Node, in virtual time: who is let in, by certificates, versions and ciphers.
 * What is right: openvpn(8), `--remote-cert-tls`, `--verify-x509-name`, `--verify-client-cert`, `--peer-fingerprint`.
 */
import { X509Certificate } from 'node:crypto';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { nodeAead } from '../../../src/tunnel/crypto/node.ts';
import type { Profile } from '../../../src/tunnel/openvpn/profile/profile.ts';
import { readProfile } from '../../../src/tunnel/openvpn/profile/read.ts';
import { clientSettings, serverSettings } from '../../../src/tunnel/openvpn/setup.ts';
import { makePki, noOpenssl, type Pki } from './pki.ts';
import {
  addClient,
  addServer,
  type ClientNode,
  packet4,
  put,
  SECOND,
  SERVER_AT,
  type ServerNode,
  World,
} from './world.ts';

if (noOpenssl !== undefined) console.log(noOpenssl);
const pki: Pki | undefined = noOpenssl === undefined ? makePki() : undefined;
const withOpenssl: TestFn = pki === undefined ? (test.skip as unknown as TestFn) : test;
test.after.always(() => pki?.remove());

const read = (text: string): Profile =>
  readProfile(text, () => {
    throw new Error('no files');
  });

/** Bring both up with what their profiles say beside certificates; gives what became of it after two seconds. */
async function meet(
  server: string,
  client: string,
  who: { readonly server?: string; readonly client?: string } = {},
): Promise<{ world: World; server: ServerNode; client: ClientNode }> {
  const { blocks } = pki as Pki; // the test is skipped without
  const world = new World();
  const given = { random: world.random, aead: nodeAead, passphrase: undefined, wall: () => 1.7e12 };
  const theirs = read(
    `server 10.8.0.0 255.255.255.0\nkeepalive 10 60\n${blocks(who.server ?? 'server')}${server}`,
  );
  const ours = read(`client\nremote 192.0.2.1 1194\n${blocks(who.client ?? 'client')}${client}`);
  const serverNode = addServer(world, serverSettings(theirs, given, false, undefined, 10));
  const none = { user: undefined, password: undefined };
  const clientNode = addClient(world, clientSettings(ours, given, [SERVER_AT], false, none));
  await world.live(2 * SECOND);
  return { world, server: serverNode, client: clientNode };
}

for (const version of ['1.2', '1.3']) {
  withOpenssl(
    `openvpn/tls: TLS ${version} brings the tunnel up, and renegotiations after it`,
    async (t) => {
      const words = `tls-version-min ${version}\n${version === '1.2' ? 'tls-version-max 1.2\n' : ''}reneg-sec 30\n`;
      const { world, server, client } = await meet(
        words,
        `${words}remote-cert-tls server\nverify-x509-name server name\n`,
      );
      t.deepEqual(client.log, ['up']);
      t.true(server.joined[0]?.tls.startsWith(`TLSv${version}`), server.joined[0]?.tls ?? '');
      t.is(server.joined[0]?.name, 'client');
      await world.live(100 * SECOND);
      t.true(client.protocol.handshakes >= 4, `${client.protocol.handshakes}`);
      put(world, client, packet4('10.8.0.2', '10.8.0.1'));
      world.run(SECOND);
      t.is(server.delivered.length, 1);
    },
  );
}

const refused: [
  string,
  string,
  { server?: string; client?: string },
  'client' | 'server',
  RegExp,
][] = [
  [
    'a server with an expired certificate',
    '',
    { server: 'expired' },
    'client',
    /CERT_HAS_EXPIRED|expired/,
  ],
  [
    'a server of another CA',
    '',
    { server: 'stranger' },
    'client',
    /unable to verify|self.signed|UNABLE/,
  ],
  ['a client with an expired certificate', '', { client: 'expired' }, 'server', /expired/i],
  [
    'a client of another CA',
    '',
    { client: 'stranger' },
    'server',
    /unable to verify|UNABLE|certificate/,
  ],
  [
    'a client certificate in place of the server',
    'remote-cert-tls server\n',
    { server: 'client' },
    'client',
    /not for this use|unsupported|purpose/i,
  ],
  [
    'another name',
    'verify-x509-name somebody name\n',
    {},
    'client',
    /is of «server», not of «somebody»/,
  ],
  [
    'another fingerprint',
    `peer-fingerprint ${Array(32).fill('00').join(':')}\n`,
    {},
    'client',
    /fingerprint/,
  ],
];
for (const [name, words, who, at, reason] of refused) {
  withOpenssl(`openvpn/tls: ${name} is not taken, and said in one line`, async (t) => {
    const { server, client } = await meet('', words, who);
    const log = (at === 'client' ? client : server).log.join('; ');
    t.regex(log, reason);
    t.not(client.protocol.state, 'up');
    t.deepEqual(server.joined, []);
    t.notRegex(log, /\n/);
  });
}

withOpenssl('openvpn/tls: a fingerprint alone says who is there, without a CA', async (t) => {
  const fingerprint = new X509Certificate((pki as Pki).read('server.crt')).fingerprint256;
  const { client } = await meet(
    '',
    `peer-fingerprint ${fingerprint}\nremote-cert-tls server\nremote-cert-ku 80 a0\n`,
  );
  t.deepEqual(client.log, ['up']);
});

withOpenssl(
  'openvpn/tls: without a certificate a client is let in where none is asked for',
  async (t) => {
    const up = await meet('verify-client-cert none\n', '');
    t.deepEqual(up.client.log, ['up']);
  },
);

withOpenssl(
  "openvpn/tls: a key that is not the certificate's is an error before anything is sent",
  (t) => {
    const { read: file } = pki as Pki;
    const text = `client\nremote a 1\n<ca>\n${file('ca.crt')}</ca>\n<cert>\n${file('client.crt')}</cert>\n<key>\n${file('server.key')}</key>\n`;
    const given = { random: () => {}, aead: nodeAead, passphrase: undefined, wall: () => 0 };
    const none = { user: undefined, password: undefined };
    const make = (): unknown => clientSettings(read(text), given, [], false, none);
    t.throws(make, { name: 'ProfileError', message: /cannot be used: .*key values mismatch/ });
  },
);

/** How long a handshake of strangers may hold a place. */
withOpenssl(
  'openvpn/tls: a client that falls silent in the handshake is forgotten after hand-window',
  async (t: ExecutionContext) => {
    const { blocks } = pki as Pki;
    const world = new World();
    const given = {
      random: world.random,
      aead: nodeAead,
      passphrase: undefined,
      wall: () => 1.7e12,
    };
    const theirs = read(`server 10.8.0.0 255.255.255.0\n${blocks('server')}`);
    const ours = read(`client\nremote 192.0.2.1 1194\n${blocks('client')}`);
    const server = addServer(world, serverSettings(theirs, given, false, undefined, 10));
    const none = { user: undefined, password: undefined };
    const client = addClient(world, clientSettings(ours, given, [SERVER_AT], false, none));
    let count = 0;
    world.gate = (_, from) => from.isSame(SERVER_AT) || ++count <= 3;
    await world.live(5 * SECOND);
    t.is([...server.protocol.clients].length, 1);
    world.remove(client.protocol);
    await world.live(61 * SECOND);
    t.is([...server.protocol.clients].length, 0);
    t.regex(server.log.at(-1) ?? '', /^refused: no handshake within 60 s/);
  },
);
