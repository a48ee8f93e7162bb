/**
 * What counts under Linux's names, and when: that dashboards made for Linux say the truth.
 * @module
 */
import test from 'ava';
import { Stat } from '../../src/stack/base/stats.ts';
import { MS } from '../support/lab.ts';
import { pattern } from '../support/packets.ts';
import type { Peer } from '../support/peer.ts';
import { established, synSent } from '../support/states.ts';

const stat = (peer: Peer, name: keyof typeof Stat): number =>
  peer.lab.core.stats[Stat[name]] as number; // `Stat` holds only indices inside

test('counters: TCPPureAcks are those that come in without text', (t) => {
  const peer = established(t);
  const before = stat(peer, 'TcpExtTCPPureAcks');
  peer.send('P.', { text: pattern(10) });
  peer.expect({ ack: 11 });
  t.is(stat(peer, 'TcpExtTCPPureAcks'), before);
  peer.send('.');
  t.is(stat(peer, 'TcpExtTCPPureAcks'), before + 1);
});

test('counters: what a device cuts into segments counts as these', (t) => {
  const peer = established(t, { offload: { checksum: true, tso4: true, uso4: true } });
  const before = stat(peer, 'TcpOutSegs');
  peer.write(3 * peer.tcb.mss + 1);
  t.is(stat(peer, 'TcpOutSegs'), before + 4);
});

test('counters: TcpOutSegs leaves out what is only sent again (RFC 4022), TcpRetransSegs counts it', (t) => {
  const peer = established(t);
  peer.write(10);
  peer.shutdown();
  const before = stat(peer, 'TcpOutSegs');
  peer.lab.advance(3000 * MS); // nobody answers
  t.true(stat(peer, 'TcpRetransSegs') > 1);
  t.is(stat(peer, 'TcpOutSegs'), before);
  const syn = synSent(t);
  syn.lab.advance(4000 * MS);
  t.is(stat(syn, 'TcpRetransSegs'), 2);
  t.is(stat(syn, 'TcpOutSegs'), 1);
});

test('counters: a window that shuts and opens counts once each way', (t) => {
  const peer = established(t, { tcp: { receiveBuffer: 1000, receiveBufferMax: 1000 } });
  peer.reading(false);
  const both = (): number[] => [
    stat(peer, 'TcpExtTCPToZeroWindowAdv'),
    stat(peer, 'TcpExtTCPFromZeroWindowAdv'),
  ];
  peer.send('P.', { text: pattern(1000) });
  peer.lab.advance(500 * MS);
  peer.expect({ ack: 1001, window: 0 });
  t.deepEqual(both(), [1, 0]);
  peer.send('P.', { seq: 1001, len: 1 }); // a probe
  peer.expect({ ack: 1001, window: 0 });
  t.deepEqual(both(), [1, 0]);
  peer.reading(true);
  peer.lab.advance(500 * MS);
  t.deepEqual(both(), [1, 1]);
});

test('counters: text that came twice counts by where: behind what was read, or beyond a hole', (t) => {
  const peer = established(t, { sack: true });
  const both = (): number[] => [
    stat(peer, 'TcpExtTCPDSACKOldSent'),
    stat(peer, 'TcpExtTCPDSACKOfoSent'),
  ];
  peer.send('P.', { seq: 1, text: pattern(100) });
  peer.send('P.', { seq: 1, text: pattern(100) });
  t.deepEqual(both(), [1, 0]);
  peer.send('P.', { seq: 201, text: pattern(100) });
  peer.send('P.', { seq: 201, text: pattern(100) });
  t.deepEqual(both(), [1, 1]);
});

test('counters: without SACK no report of a duplicate is counted, since none is sent', (t) => {
  const peer = established(t);
  peer.send('P.', { seq: 1, text: pattern(100) });
  peer.send('P.', { seq: 1, text: pattern(100) });
  t.is(stat(peer, 'TcpExtTCPDSACKOldSent'), 0);
});

test('counters: what is sent again in recovery and after a timeout counts apart', (t) => {
  const peer = established(t, { sack: true });
  const both = (): number[] => [
    stat(peer, 'TcpExtTCPFastRetrans'),
    stat(peer, 'TcpExtTCPSlowStartRetrans'),
  ];
  const { mss } = peer.tcb;
  peer.write(5 * mss);
  peer.send('.', { ack: 1, sack: [[mss + 1, 5 * mss + 1]] });
  peer.lab.advance(50 * MS);
  t.deepEqual(both(), [1, 0]);
  peer.send('.', { ack: 5 * mss + 1 });
  peer.write(mss);
  peer.lab.advance(3000 * MS);
  const [fast = 0, slow = 0] = both();
  t.is(fast, 1);
  t.true(slow >= 1);
});
