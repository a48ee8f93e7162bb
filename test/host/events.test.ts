/**
 * Events are told one by one, each in a callback of the event loop: what a listener left for
 * `process.nextTick` and for promises is done before the next one is told.
 *
 * Node documentation: "The Node.js Event Loop", "Understanding process.nextTick()".
 * @module
 */
import test from 'ava';
import { Events } from '../../src/stack/host/events.ts';

const rounds = (): Promise<void> =>
  new Promise((done) => setImmediate(() => setImmediate(() => done())));

/** Writes down its name, and once more from a tick and from promises in a row. */
function heard(this: string[], name: string): void {
  this.push(name);
  process.nextTick(() => this.push(`${name} tick`));
  void (async () => {
    for (let i = 0; i < 5; i++) await undefined;
    this.push(`${name} promise`);
  })();
}

test('events: ticks and promises run between any two', async (t) => {
  const log: string[] = [];
  const events = new Events(() => {});
  for (const name of ['a', 'b']) events.add(log, heard, name, undefined);
  events.schedule();
  t.deepEqual(log, []);
  await rounds();
  t.deepEqual(log, ['a', 'a tick', 'a promise', 'b', 'b tick', 'b promise']);
});

test('events: the end of a batch is told once, and is not put off by what comes later', async (t) => {
  const log: string[] = [];
  const push = function push(this: string[], what: string): void {
    this.push(what);
    if (what === 'a') events.add(log, push, 'late', undefined);
  };
  const events = new Events(() => log.push(`told, ${events.waiting} left`));
  events.gathering = true;
  events.add(log, push, 'a', undefined);
  events.add(log, push, 'b', undefined);
  events.schedule();
  t.true(events.busy);
  await rounds();
  t.deepEqual(log, ['a', 'b', 'told, 1 left']);
  t.false(events.busy);
  events.schedule(); // as the turn that is called then does
  await rounds();
  t.deepEqual(log.slice(3), ['late', 'told, 0 left']);
});

test('events: all that wait can be told at once, whatever one of them throws', async (t) => {
  const log: unknown[] = [];
  const events = new Events(() => log.push('never'));
  const error = new Error('mine');
  const fail = (): void => {
    throw error;
  };
  events.add(log, fail, undefined, undefined);
  events.add(log, log.push, 'second', undefined);
  events.schedule();
  events.tellAll((thrown) => log.push(thrown));
  t.deepEqual(log, [error, 'second', undefined]);
  await rounds();
  t.deepEqual(log, [error, 'second', undefined]);
});
