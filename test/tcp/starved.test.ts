/**
 * Connections that wait for the way out: only those are served that can send.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { MS } from '../support/lab.ts';
import { Peer } from '../support/peer.ts';
import { established } from '../support/states.ts';

/** So many connections of one stack. */
function many(t: ExecutionContext, count: number, slots: number): Peer[] {
  const first = established(t, { slots });
  const { lab } = first;
  const peers = [first];
  first.listener?.close();
  for (let i = 1; i < count; i++) {
    const peer = new Peer(t, { lab, port: 41_000 + i }).listen();
    peer.shake();
    peer.skip();
    peer.listener?.close();
    peers.push(peer);
  }
  return peers;
}

/** How often connections are marked to be served while `work` is done. */
function served({ lab }: Peer, work: () => void): number {
  const { tcp } = lab.core;
  const { dirty } = tcp;
  let count = 0;
  tcp.dirty = (tcb) => {
    count++;
    dirty.call(tcp, tcb);
  };
  work();
  tcp.dirty = dirty;
  return count;
}

test('starved: while the way out is full nobody is served, then as many as there is room for', (t) => {
  const peers = many(t, 1200, 2048);
  const [peer] = peers as [Peer];
  const { lab } = peer;
  lab.wire.open = false;
  for (const one of peers) one.write(100);
  t.is(
    peers.filter(({ seen }) => seen.length > 0).length,
    0,
    'the queue takes half of what it may, the rest waits',
  );
  t.is(
    served(peer, () => lab.advance(20 * MS)),
    0,
  );
  lab.wire.open = true;
  lab.core.ip.writable(lab.iface);
  const count = served(peer, () => lab.advance(20 * MS));
  lab.flush();
  t.true(count < 1200, `${count} served`);
  t.true(peers.every(({ seen }) => seen.length > 0 && seen[0]?.len === 100));
});

test('starved: when no slot is free they wait for one', (t) => {
  const peers = many(t, 40, 64);
  const [peer] = peers as [Peer];
  const { lab } = peer;
  const taken: number[] = [];
  while (lab.slots.free > 0) taken.push(lab.slots.acquire());
  for (const one of peers) one.write(100);
  t.is(
    served(peer, () => lab.advance(20 * MS)),
    0,
  );
  for (const slot of taken) lab.slots.release(slot);
  lab.advance(2 * MS);
  t.true(peers.every(({ seen }) => seen.some(({ len }) => len === 100)));
});
