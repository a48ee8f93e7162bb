/**
 * For how long text was to be delivered, and what held it back. Linux's tcp_info: tcpi_busy_time, tcpi_rwnd_limited,
 * tcpi_sndbuf_limited (net/ipv4/tcp.c, tcp_chrono).
 */
import test from 'ava';
import { info, type TcpInfo } from '../../../src/stack/tcp/info.ts';
import { MS } from '../../support/lab.ts';
import type { Peer } from '../../support/peer.ts';
import { established } from '../../support/states.ts';

const times = ({ tcb }: Peer): number[] => {
  const { busyTime, networkLimited, rwndLimited, sndbufLimited }: TcpInfo = info(tcb);
  return [busyTime, networkLimited, rwndLimited, sndbufLimited].map(Math.round);
};

test('limits: a connection that has nothing to deliver is not busy', (t) => {
  const peer = established(t);
  peer.lab.advance(50 * MS);
  t.deepEqual(times(peer), [0, 0, 0, 0]);
});

test('limits: text that is all on its way makes it busy, and is held back by nobody', (t) => {
  const peer = established(t);
  peer.write(100);
  peer.lab.advance(30 * MS);
  t.deepEqual(times(peer), [30, 0, 0, 0], 'it counts while it goes on');
  peer.send('.', { ack: 101 });
  peer.lab.advance(30 * MS);
  t.deepEqual(times(peer), [30, 0, 0, 0]);
});

test('limits: text that waits for the peer’s window is held back by it until it opens', (t) => {
  const peer = established(t, { window: 1000 });
  peer.write(3000);
  peer.lab.advance(20 * MS);
  t.deepEqual(times(peer), [20, 0, 20, 0]);
  peer.send('.', { ack: 1001, window: 60_000 });
  peer.lab.advance(10 * MS);
  t.deepEqual(times(peer), [30, 0, 20, 0]);
});

test('limits: text that waits for the congestion window is held back by the network', (t) => {
  const peer = established(t, { window: 60_000 });
  peer.write(40_000);
  t.true(peer.tcb.cwnd < 40_000);
  peer.lab.advance(20 * MS);
  t.deepEqual(times(peer), [20, 20, 0, 0]);
});

test('limits: a send buffer whose text is all on its way is what holds the rest back', (t) => {
  const peer = established(t, { window: 60_000 });
  peer.tcb.sendBuffer = 4000;
  peer.write(4000);
  peer.lab.advance(20 * MS);
  t.deepEqual(times(peer), [20, 0, 0, 20]);
});
