/**
 * Who comes to a server of OpenVPN first: a session is made of what its first packets said, not of the memory in which they
 * lay. mudp.c, `do_pre_decrypt_check`; ssl_pkt.h for the packets.
 * @module
 */
import { Buffer } from 'node:buffer';
import test from 'ava';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import { Doorman } from '../../../src/tunnel/openvpn/server/doorman.ts';
import {
  header,
  Op,
  readBody,
  sessionId,
  writeBody,
} from '../../../src/tunnel/openvpn/session/packet.ts';
import { tlsAuth } from '../../../src/tunnel/openvpn/wrap/tls-auth.ts';
import { tlsCrypt } from '../../../src/tunnel/openvpn/wrap/tls-crypt.ts';
import { PLAIN, type Wrapping } from '../../../src/tunnel/openvpn/wrap/wrap.ts';

const KEY = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 0xff);
const FROM = new Endpoint('192.0.2.7', 1000);
const CLIENT = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const NOTHING = new Uint8Array(0);
const SECOND = 1_000_000;

const ways: readonly [string, Wrapping, Wrapping][] = [
  ['in the clear', PLAIN, PLAIN],
  ['in tls-auth', tlsAuth(KEY, 1), tlsAuth(KEY, 0)],
  ['in tls-crypt', tlsCrypt(KEY, 'client'), tlsCrypt(KEY, 'server')],
];

for (const [name, theirs, ours] of ways) {
  // A receive buffer is a Buffer, whose `slice` is a view: the next datagram would change the session's ids.
  for (const make of [
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes: Uint8Array) => bytes.slice(),
  ]) {
    const kind = make(NOTHING).constructor.name;
    test(`openvpn/doorman: ids of a session are copies of what lay in a ${kind}, ${name}`, (t) => {
      const doorman = new Doorman(ours, (into) => into.fill(7), 60 * SECOND, 1, 100);
      const reset = theirs.seal(
        header(Op.RESET_CLIENT_V2, 0, CLIENT),
        writeBody([], NOTHING, 0, NOTHING),
        { id: 1, time: 1 },
      );
      const answer = doorman.look(make(reset), FROM, SECOND);
      if (answer.kind !== 'answer') {
        t.fail(answer.kind);
        return;
      }
      const server = sessionId(answer.packet).slice();
      const body = writeBody([0], server, 1, Uint8Array.of(22));
      const buffer = make(theirs.seal(header(Op.CONTROL, 0, CLIENT), body, { id: 2, time: 1 }));
      const entry = doorman.look(buffer, FROM, SECOND);
      if (entry.kind !== 'session') {
        t.fail(entry.kind);
        return;
      }
      buffer.fill(0xee); // the next datagram comes
      t.deepEqual([...entry.theirs], [...CLIENT]);
      t.deepEqual([...entry.ours], [...server]);
      t.false(entry.theirs.buffer === buffer.buffer || entry.ours.buffer === buffer.buffer);
    });
  }
}

test('openvpn/doorman: a cookie of another place or client, or of none, makes no session', (t) => {
  const doorman = new Doorman(PLAIN, (into) => into.fill(7), 60 * SECOND, 1, 100);
  const reset = PLAIN.seal(
    header(Op.RESET_CLIENT_V2, 0, CLIENT),
    writeBody([], NOTHING, 0, NOTHING),
    { id: 1, time: 1 },
  );
  const answer = doorman.look(reset, FROM, SECOND);
  if (answer.kind !== 'answer') {
    t.fail(answer.kind);
    return;
  }
  t.not(readBody(Op.RESET_SERVER_V2, answer.packet.subarray(9)), undefined);
  const server = sessionId(answer.packet);
  const first = (client: Uint8Array, cookie: Uint8Array): Uint8Array =>
    PLAIN.seal(header(Op.CONTROL, 0, client), writeBody([0], cookie, 1, NOTHING), {
      id: 2,
      time: 1,
    });
  const other = Uint8Array.from(CLIENT, (octet) => octet ^ 1);
  t.is(doorman.look(first(CLIENT, server), new Endpoint('192.0.2.8', 1000), SECOND).kind, 'none');
  t.is(doorman.look(first(other, server), FROM, SECOND).kind, 'none');
  t.is(doorman.look(first(CLIENT, other), FROM, SECOND).kind, 'none');
  t.is(doorman.look(first(CLIENT, server), FROM, 200 * SECOND).kind, 'none');
  t.is(doorman.look(first(CLIENT, server), FROM, SECOND).kind, 'session');
});
