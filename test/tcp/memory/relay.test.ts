/**
 * A connection whose text goes into another one, as a proxy's does, offers what that has room for. RFC 9293 §3.8.6 leaves
 * the window to the receiver.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Flag, has } from '../../../src/stack/tcp/tcb/flags.ts';
import * as verbs from '../../../src/stack/tcp/verbs.ts';
import { Lab } from '../../support/lab.ts';
import { Peer } from '../../support/peer.ts';

const ROOM = 20_000;
const BUFFER = 50_000;
const WINDOW = 5000;

interface Way {
  /** Who sends what goes on. */
  readonly from: Peer;
  /** To whom it goes; it takes no more than its first window. */
  readonly into: Peer;
}

/** Two connections of one stack; what comes by the first is written into the second. */
function proxy(t: ExecutionContext): Way {
  const lab = new Lab(t, { tcp: { sendBuffer: ROOM, sendBufferMax: ROOM, receiveBuffer: BUFFER } });
  const from = new Peer(t, { lab }).listen().shake();
  const into = new Peer(t, { lab, active: true, port: 41_000, window: WINDOW }).shake();
  from.app.take = (text) => verbs.writeCopy(into.tcb, text, 0, text.length);
  verbs.relay(from.tcb, into.tcb);
  return { from, into };
}

/** What the stack offers. */
const offer = ({ tcb }: Peer): number => tcb.rcvAdv - tcb.rcvNxt;

/** Send as long as a segment is offered; gives how many octets went. */
function pour(peer: Peer): number {
  let sent = 0;
  while (offer(peer) >= 1000) {
    peer.send('P.', { len: 1000 });
    sent += 1000;
    if (sent > 10 * BUFFER) break;
  }
  return sent;
}

/** The same, full to the brim, with nothing offered any more. */
function full(t: ExecutionContext): Way {
  const way = proxy(t);
  pour(way.from);
  t.is(way.into.tcb.chunks.length, ROOM);
  return way;
}

test('relay: when what was offered before has come, no more is than there is room for where it goes', (t) => {
  const { from } = full(t);
  t.true(offer(from) < 1000, `${offer(from)}`);
  t.is(from.tcb.held, 0);
  t.true(from.tcb.receiveBuffer >= BUFFER, 'its own buffer is empty');
});

test('relay: what the far end takes is offered in the same batch', (t) => {
  const { from, into } = full(t);
  from.skip();
  into.send('.', { ack: 1 + WINDOW, window: WINDOW });
  t.is(into.tcb.chunks.length, ROOM - WINDOW);
  t.is(offer(from), WINDOW);
  from.expect({ flags: '.', len: 0, window: WINDOW });
});

test('relay: less than a useful step is not offered (MUST-39)', (t) => {
  const { from, into } = full(t);
  const before = offer(from);
  from.skip();
  into.send('.', { ack: 1 + 100, window: WINDOW });
  t.is(offer(from), before);
  from.expectNothing();
});

test('relay: where there is less room than a segment of the sender’s is long, it is offered some all the same', (t) => {
  const { from, into } = proxy(t);
  verbs.setLowWater(into.tcb, 1); // as good as one of its own segments, of 1000 octets
  let ack = 1;
  for (let sent = 0; sent < 3 * BUFFER; sent += 1400) {
    from.send('P.', { len: 1400 });
    ack = 1 + into.tcb.bytesOut;
    into.send('.', { ack, window: WINDOW });
    t.is(into.tcb.chunks.length, 0);
    t.true(offer(from) >= 1400, `${offer(from)} after ${sent}`);
  }
});

test('relay: who may write more of what waits to be sent takes more of who sends it', (t) => {
  const { from, into } = proxy(t);
  verbs.setLowWater(into.tcb, 2 * WINDOW);
  pour(from);
  t.true(offer(from) < 1000, `${offer(from)}`);
  from.skip();
  verbs.setLowWater(into.tcb, 0);
  from.lab.flush();
  t.is(offer(from), ROOM - into.tcb.chunks.length);
  from.expect({ flags: '.', len: 0 });
});

test('relay: text that goes there no longer is offered the whole buffer at once', (t) => {
  const { from } = full(t);
  from.skip();
  verbs.relay(from.tcb, null);
  from.lab.flush();
  t.true(offer(from) >= BUFFER);
  from.expect({ flags: '.', window: (octets) => octets >= BUFFER });
  t.false(has(from.tcb, Flag.RELAY));
});

test('relay: where it went is over: the buffer is offered again', (t) => {
  const { from, into } = full(t);
  into.send('R', { seq: 1 });
  t.is(into.state, 'CLOSED');
  t.true(offer(from) >= BUFFER);
  t.is(from.lab.core.tcp.relays.into(from.tcb), undefined);
});

test('relay: who sent it is over: where it went is nobody’s any more', (t) => {
  const { from, into } = full(t);
  from.send('R');
  t.is(from.lab.core.tcp.relays.from(into.tcb), undefined);
  t.false(has(into.tcb, Flag.RELAY));
  into.send('.', { ack: 1 + WINDOW, window: WINDOW });
  t.is(into.tcb.chunks.length, ROOM - WINDOW);
});

test('relay: of two that go into one, only the last is held up by it', (t) => {
  const { from, into } = full(t);
  const other = new Peer(t, { lab: from.lab, active: true, port: 42_000 }).shake();
  verbs.relay(other.tcb, into.tcb);
  from.lab.flush();
  t.true(offer(from) >= BUFFER);
});

test('relay: one that is over is not known, nor is one of another stack', (t) => {
  const { from, into } = full(t);
  const elsewhere = proxy(t);
  verbs.relay(from.tcb, elsewhere.into.tcb);
  t.is(from.lab.core.tcp.relays.into(from.tcb), undefined);
  into.send('R', { seq: 1 });
  verbs.relay(from.tcb, into.tcb);
  t.is(from.lab.core.tcp.relays.into(from.tcb), undefined);
});

test('relay: both ways at once, each has the room of the other', (t) => {
  const { from, into } = full(t);
  verbs.relay(into.tcb, from.tcb);
  into.send('P.', { ack: 1, len: 1000 });
  t.is(into.tcb.bytesIn, 1000);
  verbs.relay(into.tcb, null);
  t.is(from.lab.core.tcp.relays.into(from.tcb), into.tcb);
  t.true(has(into.tcb, Flag.RELAY));
});
