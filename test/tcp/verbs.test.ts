/**
 * What an owner asks and is told: verbs, the order of events, and what an owner throws.
 * @module
 */
import test from 'ava';
import { Failure } from '../../src/stack/base/failure.ts';
import { info } from '../../src/stack/tcp/info.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { Trace, type TraceEvent } from '../../src/stack/tcp/tcb/trace.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { App, MS, S } from '../support/lab.ts';
import { pattern } from '../support/packets.ts';
import { Peer } from '../support/peer.ts';
import { closeWait, established, synSent } from '../support/states.ts';

test('verbs: none sends or calls back before the batch ends', (t) => {
  const peer = established(t);
  verbs.writeCopy(peer.tcb, pattern(10), 0, 10);
  verbs.shutdown(peer.tcb);
  verbs.abort(peer.tcb);
  peer.expectNothing();
  t.deepEqual(peer.app.events, ['open']);
  peer.lab.flush();
  t.deepEqual(peer.app.events, ['open', 'close']);
});

test('verbs: the host is woken once for all that an owner does', (t) => {
  const peer = established(t);
  let woken = 0;
  peer.lab.core.wake = () => {
    woken++;
  };
  for (let i = 0; i < 5; i++) verbs.writeCopy(peer.tcb, pattern(10), 0, 10);
  t.is(woken, 1);
  peer.lab.flush();
  const before = woken;
  verbs.setNoDelay(peer.tcb, true);
  verbs.setNoDelay(peer.tcb, true);
  t.is(woken, before + 1);
  peer.lab.flush();
});

test('verbs: called on a connection that is gone they do nothing', (t) => {
  const peer = established(t);
  const { tcb } = peer;
  peer.send('R');
  t.is(verbs.writeCopy(tcb, pattern(10), 0, 10), 0);
  verbs.shutdown(tcb);
  verbs.abort(tcb);
  verbs.detach(tcb);
  verbs.setReading(tcb, false);
  verbs.setReading(tcb, true);
  verbs.setNoDelay(tcb, true);
  verbs.setKeepAlive(tcb, true, S, S, 1);
  peer.lab.flush();
  peer.lab.advance(100 * S);
  peer.expectNothing();
  t.deepEqual(peer.app.events, ['open', 'close']);
});

const { abort, shutdown, detach } = verbs;
const call = { abort, shutdown, detach };

test('verbs: any of them may be called from any callback', (t) => {
  for (const when of ['onOpen', 'onData', 'onEnd', 'onWritable', 'onFinished'] as const) {
    for (const verb of ['abort', 'shutdown', 'detach'] as const) {
      const app = new App();
      const told = app[when].bind(app) as (...args: unknown[]) => void;
      Object.assign(app, {
        [when]: (...args: unknown[]) => {
          told(...args);
          if (app.tcb) call[verb](app.tcb);
        },
      });
      const peer = new Peer(t, { app, tcp: { sendBuffer: 1000, sendBufferMax: 1000 } });
      peer.listen();
      peer.send('S');
      peer.send('.');
      peer.write(3000);
      peer.send('.', { len: 10 });
      peer.send('F.');
      if (peer.tcb.state !== State.CLOSED) peer.shutdown();
      peer.send('.');
      peer.lab.advance(200 * S);
      t.is(app.events.filter((event) => event === 'close').length, 1, `${verb} in ${when}`);
      t.is(app.events.at(-1), 'close');
      t.is(peer.lab.core.tcp.table.length, 0);
    }
  }
});

test('notify: what an owner throws is handed on, and harms nothing', (t) => {
  const app = new App();
  const thrown: unknown[] = [];
  for (const when of [
    'onOpen',
    'onData',
    'onEnd',
    'onWritable',
    'onFinished',
    'onClose',
  ] as const) {
    const told = app[when].bind(app) as (...args: unknown[]) => void;
    Object.assign(app, {
      [when]: (...args: unknown[]) => {
        told(...args);
        throw new Error(when);
      },
    });
  }
  const peer = new Peer(t, { app, tcp: { sendBuffer: 1000, sendBufferMax: 1000 } });
  peer.lab.core.thrown = (error) => thrown.push(error);
  peer.shake();
  peer.write(3000);
  peer.send('P.', { len: 10 });
  peer.shutdown();
  peer.send('F.');
  t.is(thrown.length, 6);
  t.deepEqual(app.events, ['open', 'data', 'writable', 'finished', 'end', 'close']);
});

test('notify: the order of events is always the same', (t) => {
  const peer = closeWait(t);
  peer.write(10);
  peer.shutdown();
  peer.send('.');
  t.deepEqual(peer.app.events, ['open', 'end', 'finished', 'close']);
});

test('notify: text that is kept is handed over when it is wanted, and no further', (t) => {
  const peer = established(t);
  peer.reading(false);
  for (let i = 0; i < 5; i++) peer.send('.', { len: 1000 });
  t.is(peer.app.length, 0);
  peer.app.take = () => verbs.setReading(peer.tcb, false);
  peer.reading(true);
  const once = peer.app.length;
  t.true(once > 0);
  peer.app.take = () => {};
  peer.reading(true);
  t.is(peer.app.length, 5000);
});

test('verbs: a connection that was never open ends with the reason', (t) => {
  const peer = synSent(t);
  peer.abort();
  t.deepEqual(peer.app.events, ['close']);
  t.is(peer.app.closed, Failure.ABORTED);
});

test('verbs: to read again tells the peer of the room there is', (t) => {
  const peer = established(t, { tcp: { receiveBuffer: 4000, receiveBufferMax: 4000 } });
  peer.reading(false);
  for (let i = 0; i < 4; i++) peer.send('.', { len: 1000 });
  t.is(peer.skip().at(-1)?.window, 0);
  peer.reading(true);
  peer.expect({ flags: '.', ack: 4001, window: 4000 });
});

test('info: what nothing is known of is zero, without a sign', (t) => {
  for (const peer of [synSent(t), established(t)]) {
    const below = Object.entries(info(peer.tcb)).filter(([, value]) => Object.is(value, -0));
    t.deepEqual(below, []);
  }
});

test('info: has what is known, in units that people know', (t) => {
  const peer = established(t, { rtt: 40 * MS, sack: true, ts: true, ws: 7, window: 100_000 });
  peer.write(30_000);
  peer.lab.advance(40 * MS);
  peer.send('.', { ack: 1 + 5 * peer.tcb.mss });
  const now = info(peer.tcb);
  t.is(now.state, 'ESTABLISHED');
  t.is(now.caState, 'Open');
  t.true(Math.abs(now.rtt - 40) < 1);
  t.is(now.bytesAcked, 5 * peer.tcb.mss);
  t.is(now.sndMss, 988);
  t.true(now.cwnd > 10_000);
  t.true(now.deliveryRate > 0);
  t.is(now.notsent + now.unacked + now.bytesAcked, 30_000);
  t.is(now.sndWscale, 7);
  t.is(now.rcvWscale, 9);
});

test('info: a connection that has sent nothing has no odd numbers', (t) => {
  const values = Object.values(info(synSent(t).tcb));
  for (const value of values) {
    if (typeof value === 'number')
      t.true(Number.isFinite(value) || value === Number.POSITIVE_INFINITY);
  }
});

test('trace: what is sent, acknowledged and repaired is written down', (t) => {
  const peer = established(t, { rtt: 20 * MS, sack: true });
  const events: TraceEvent[] = [];
  peer.tcb.trace = new Trace(peer.tcb.iss, (event) => events.push(event));
  peer.write(5000);
  peer.lab.advance(20 * MS);
  peer.send('.', { ack: 1, sack: [[1001, 4001]] });
  peer.lab.advance(20 * MS);
  peer.send('.', { ack: 5001 });
  peer.shutdown();
  const kinds = new Set(events.map((event) => event.kind));
  t.deepEqual([...kinds].sort(), ['acked', 'recovery', 'resent', 'sent', 'state']);
  const first = events.find((event) => event.kind === 'sent');
  t.is(first?.kind === 'sent' ? first.seq : -1, 1);
});
