/**
 * Errors in Node's form.
 * @module
 */
import { createServer } from 'node:net';
import { constants } from 'node:os';
import test from 'ava';
import * as errors from '../../../src/stack/api/door/errors.ts';
import { Failure, failureCode } from '../../../src/stack/base/failure.ts';

test('errors: every failure has a code that the system knows', (t) => {
  for (const failure of Object.values(Failure)) {
    if (failure === Failure.NONE) continue;
    const error = errors.systemError(failureCode(failure), 'read');
    const number = (constants.errno as Record<string, number>)[failureCode(failure)];
    t.is(error.errno, -Number(number));
    t.is(error.message, `read ${failureCode(failure)}`);
  }
});

test('errors: a place stands in the message and in properties', (t) => {
  const error = errors.systemError('ECONNREFUSED', 'connect', { address: '10.0.0.2', port: 80 });
  t.is(error.message, 'connect ECONNREFUSED 10.0.0.2:80');
  t.deepEqual(Object.keys(error), ['errno', 'code', 'syscall', 'address', 'port']);
  const noPort = errors.systemError('EADDRNOTAVAIL', 'bind', { address: '10.0.0.2', port: 0 });
  t.is(noPort.message, 'bind EADDRNOTAVAIL 10.0.0.2');
  t.false('port' in noPort);
});

test('errors: the local end is told only if all of it was chosen', (t) => {
  const remote = { address: '10.0.0.2', port: 80 };
  const local = { address: '10.0.0.1', port: 5 };
  const both = errors.connectError('ETIMEDOUT', remote, local);
  t.is(both.message, 'connect ETIMEDOUT 10.0.0.2:80 - Local (10.0.0.1:5)');
  t.is(both.localPort, 5);
  const half = errors.connectError('ETIMEDOUT', remote, { address: '10.0.0.1', port: 0 });
  t.is(half.message, 'connect ETIMEDOUT 10.0.0.2:80');
  t.false('localAddress' in half);
});

test('errors: an error of Node’s own looks like one, in print too', (t) => {
  const mine = errors.portError('options.port', 70_000);
  const nodes = t.throws(() => createServer().listen(70_000)) as NodeJS.ErrnoException;
  t.is(String(mine), String(nodes));
  t.deepEqual(Object.keys(mine), Object.keys(nodes));
  t.is(mine.stack?.split('\n')[0], nodes.stack?.split('\n')[0]);
  t.is(mine.name, nodes.name);
});

test('errors: what was received, of every type', (t) => {
  const texts = [undefined, null, 5, 'x', true, [], {}, () => {}, Symbol('s'), 10n].map((value) =>
    errors.received(value).trim(),
  );
  t.deepEqual(texts, [
    'Received undefined',
    'Received null',
    'Received type number (5)',
    "Received type string ('x')",
    'Received type boolean (true)',
    'Received an instance of Array',
    'Received an instance of Object',
    'Received function',
    'Received type symbol (Symbol(s))',
    'Received type bigint (10n)',
  ]);
});
