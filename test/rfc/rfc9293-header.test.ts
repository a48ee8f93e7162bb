/**
 * RFC 9293, requirements on the header: window, checksum, options, sequence numbers (§3.1 to §3.4,
 * §3.7.1 to §3.7.3).
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { MS } from '../support/lab.ts';
import { ip, pattern } from '../support/packets.ts';
import type { PeerOptions } from '../support/peer.ts';
import { established, listening, synSent } from '../support/states.ts';

test('MUST-1 §3.1: a window of 65535 octets is used as such', (t) => {
  const peer = established(t, { window: 65_535 });
  peer.tcb.cwnd = 1_000_000;
  peer.write(200_000);
  t.is(
    peer.skip().reduce((sum, seen) => sum + seen.len, 0),
    65_000,
  );
  t.is(peer.tcb.sndWnd, 65_535);
});

test('REC-1 §3.1: windows are kept in 32 bits', (t) => {
  const peer = established(t, { ws: 14, window: 65_535 * 2 ** 14 });
  peer.send('.');
  t.is(peer.tcb.sndWnd, 1_073_725_440);
});

test('MUST-2 §3.1: every segment carries a checksum, text of odd length and in pieces too', (t) => {
  const peer = established(t, { ts: true });
  for (const length of [1, 7, 999, 2001]) peer.write(length);
  for (const seen of peer.skip()) t.true(seen.transportGood);
});

test('MUST-3 §3.1: a segment with a wrong checksum is dropped without an answer', (t) => {
  const peer = established(t);
  t.is(peer.send('P.', { len: 10, badChecksum: true }), Drop.TCP_CHECKSUM);
  t.is(peer.send('R', { badChecksum: true }), Drop.TCP_CHECKSUM);
  peer.expectNothing();
  peer.expectState(State.ESTABLISHED);
  t.is(peer.lab.stat('TcpInCsumErrors'), 2);
  peer.send('P.', { len: 10 });
  t.is(peer.app.length, 10);
});

test('MUST-4 §3.1: the end of the list, no-operation and MSS are understood', (t) => {
  const peer = listening(t, { mss: 0 });
  peer.send('S', { options: { raw: [1, 1, 2, 4, 2, 0x58, 0, 2, 4, 255, 255] } });
  peer.send('.');
  t.is(peer.tcb.peerMss, 600);
});

test('MUST-5 §3.1: an option may come in any segment', (t) => {
  const peer = established(t);
  const raw = [1, 2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 1, 1];
  t.is(peer.send('P.', { len: 10, options: { raw } }), Drop.NONE);
  t.is(peer.app.length, 10);
  t.is(peer.tcb.peerMss, 1000);
  t.is(peer.tcb.sndScale, 0);
});

test('MUST-6 §3.1: an option that we do not know is passed over', (t) => {
  const peer = listening(t, { mss: 0 });
  peer.send('S', { options: { raw: [253, 6, 1, 2, 3, 4, 34, 2, 2, 4, 2, 0x58] } });
  peer.expect({ flags: 'S.' });
  peer.send('P.', { len: 10, options: { raw: [77, 12, ...pattern(10)] } });
  t.is(peer.app.length, 10);
  t.is(peer.tcb.peerMss, 600);
});

test('MUST-7 §3.1: an option of illegal length drops the segment and harms nothing', (t) => {
  const peer = established(t);
  for (const raw of [
    [253, 0, 0, 0],
    [253, 1, 0, 0],
    [253, 5, 0, 0],
    [1, 1, 1, 8],
  ]) {
    t.is(peer.send('P.', { seq: 1, len: 10, options: { raw } }), Drop.TCP_MALFORMED);
  }
  peer.expectNothing();
  peer.expectState(State.ESTABLISHED);
});

test('MUST-68 §3.1: all our options but the end and no-operation have a length', (t) => {
  const peer = synSent(t, { ts: true, sack: true, ws: 7 });
  peer.lab.advance(1_000 * MS);
  peer.send('S.');
  peer.send('.', { seq: 2001, len: 1000 });
  peer.write(100);
  const kinds = peer.skip().flatMap((seen) => seen.options.map(([kind]) => kind)); // throws if not
  t.deepEqual([...new Set(kinds)].sort(), [2, 3, 4, 5, 8]);
});

test('MUST-69 §3.1: no padding is needed: our options fill their words with no-operations', (t) => {
  const peer = synSent(t);
  peer.lab.advance(1_000 * MS);
  const [syn] = peer.skip();
  const bytes = syn?.body.subarray(20, syn.tcpHeaderLen) ?? new Uint8Array(0);
  t.is(bytes.length % 4, 0);
  const used = syn?.options.reduce((sum, [, text]) => sum + 2 + text.length, 0) ?? 0;
  t.is(bytes.filter((byte) => byte === 1).length >= bytes.length - used, true);
});

test('MUST-64 §3.2: options need not begin on a word boundary', (t) => {
  const peer = listening(t, { mss: 0, ts: true });
  const raw = [1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 3, 3, 5, 2, 4, 2, 0x58, 1];
  peer.send('S', { options: { raw, ts: false } });
  peer.expect({ flags: 'S.', ts: true });
  t.is(peer.lab.core.tcp.table[0]?.peerMss, 600);
  t.is(peer.lab.core.tcp.table[0]?.sndScale, 5);
  t.is(peer.lab.core.tcp.table[0]?.tsRecent, 9);
});

test('MUST-14 §3.7.1: MSS is sent in SYN and SYN-ACK, and taken from either', (t) => {
  const active = synSent(t, { mss: 700 });
  active.lab.advance(1_000 * MS);
  active.expect({ flags: 'S', mss: 1460 });
  active.send('S.');
  t.is(active.tcb.mss, 700);
  const passive = listening(t, { mss: 800 });
  passive.send('S');
  passive.expect({ flags: 'S.', mss: 1460 });
  passive.send('.');
  t.is(passive.tcb.mss, 800);
});

test('MUST-15 §3.7.1: a peer that sends no MSS gets segments of 536 octets', (t) => {
  const peer = established(t, { mss: 0 });
  peer.write(2000);
  peer.expectFlight(3, 1, 536);
});

test('MUST-16 §3.7.1: the segment size is the smaller of what peer and path take', (t) => {
  t.is(established(t, { mss: 9000, mtu: 1500 }).tcb.mss, 1460);
  t.is(established(t, { mss: 1200, mtu: 1500 }).tcb.mss, 1200);
  const stamped = established(t, { mss: 1460, mtu: 1500, ts: true });
  stamped.write(3000);
  stamped.expect({ len: 1448 });
});

test('SHLD-5 §3.7.1: MSS is sent where it is not 536', (t) => {
  const peer = listening(t, { mtu: 1280 });
  peer.send('S');
  peer.expect({ flags: 'S.', mss: 1240 });
});

test('MAY-3 §3.7.1: MSS is sent always, even where it is 536', (t) => {
  const peer = listening(t, { mtu: 576 });
  peer.send('S');
  peer.expect({ flags: 'S.', mss: 536 });
});

test('MUST-67 §3.7.1: MSS is what the interface takes in less the fixed headers', (t) => {
  const peer = listening(t, { mtu: 9000, ts: true });
  peer.send('S');
  peer.expect({ flags: 'S.', mss: 8960 });
});

test('SHLD-6 §3.7.3: segments follow the MTU of the path while it varies', (t) => {
  const peer = established(t, { mss: 1460 });
  peer.write(1460);
  const sent = peer.expect({ len: 1460 });
  peer.icmp(3, 4, sent, 1000);
  peer.expect({ seq: 1, len: 960 });
  peer.expect({ seq: 961, len: 500 });
});

test('MUST-65 §3.2: MSS, window scale and SACK-permitted are in no segment but SYNs', (t) => {
  const peer = established(t, { sack: true, ws: 7, ts: true });
  peer.write(5000);
  peer.send('P.', { seq: 500, len: 100 });
  peer.shutdown();
  for (const seen of peer.skip()) {
    t.is(seen.mss, undefined);
    t.is(seen.ws, undefined);
    t.false(seen.sackOk);
  }
});

test('MUST-8 §3.4.1: the first sequence number moves by one each 4 microseconds', (t) => {
  const first = (after: number): number => {
    const peer = listening(t);
    peer.lab.advance(after);
    peer.send('S');
    return peer.irs;
  };
  t.is((first(4_000_000) - first(0)) | 0, 1_000_000);
});

test('SHLD-1 §3.4.1: where it begins depends on both addresses and ports and a secret', (t) => {
  const first = (options: PeerOptions): number => {
    const peer = listening(t, options);
    peer.send('S');
    return peer.irs;
  };
  const all = [{}, { port: 40_001 }, { seed: 2 }, { address: ip('10.0.0.7') }].map(first);
  t.is(new Set(all).size, all.length);
  t.true(all[0] === first({}));
});

test('MUST-9 §3.4.1: from the numbers of one connection those of another cannot be told', (t) => {
  const first = (port: number): number => {
    const peer = listening(t, { port });
    peer.send('S');
    return peer.irs;
  };
  const steps = new Set<number>();
  for (let port = 40_000; port < 40_050; port++) steps.add((first(port + 1) - first(port)) | 0);
  t.is(steps.size, 50);
});
