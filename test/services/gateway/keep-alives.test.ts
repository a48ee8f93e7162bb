/**
 * Who lasts is asked whether he is there. RFC 9293 §3.8.4.
 * @module
 */
import { Socket } from 'node:net';
import test from 'ava';
import { KeepAlives } from '../../../src/services/gateway/keep-alives.ts';

class Told extends Socket {
  readonly told: unknown[] = [];

  override setKeepAlive(...given: unknown[]): this {
    this.told.push(...given);
    return this;
  }
}

test('keep-alives: sockets that are open for a while are told once, and those that are gone are not', (t) => {
  const due: (() => void)[] = [];
  const [first, gone, second] = [new Told(), new Told(), new Told()];
  const keepAlives = new KeepAlives(60_000, (tell) => due.push(tell));
  keepAlives.add(first);
  keepAlives.add(gone);
  t.is(due.length, 1);
  keepAlives.delete(gone);
  t.deepEqual(first.told, []);
  due.shift()?.();
  keepAlives.add(second);
  due.shift()?.();
  t.is(due.length, 0);
  t.deepEqual([first.told, gone.told, second.told], [[true, 60_000], [], [true, 60_000]]);
});
