/**
 * Lines, complaints and the status line of src/cli/screen.ts.
 * @module
 */
import test from 'ava';
import { Screen } from '../../src/cli/screen.ts';

/** A screen on which both ends are terminals or neither is, and what was written where. */
function make(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  const end = (name: string) => ({
    ...{ isTTY, ...(columns !== undefined && { columns }) },
    write: (text: string) => written.push(name + text),
  });
  const err = end('err:');
  return { screen: new Screen(end('out:'), err), written, err };
}

test('screen: lines go to standard output, complaints to standard error', (t) => {
  const { screen, written } = make(false);
  screen.line('ready');
  screen.complain('it broke');
  t.deepEqual(written, ['out:ready\n', 'err:tunstack: it broke\n']);
});

test('screen: what a complaint quotes gives a terminal no orders', (t) => {
  const { screen, written } = make(false);
  screen.complain('line 3: \x1b[2J\x1b]0;title\x07\x9b31m is no setting\tof ours');
  t.deepEqual(written, ['err:tunstack: line 3: ?[2J?]0;title??31m is no setting\tof ours\n']);
});

test('screen: a complaint is one line', (t) => {
  const { screen, written } = make(false);
  screen.complain('it broke\n  here\nand there');
  t.deepEqual(written, ['err:tunstack: it broke; here; and there\n']);
});

test('screen: there is no status line where nobody looks', (t) => {
  const { screen, written } = make(false);
  screen.status('1 packet');
  t.false(screen.live);
  t.deepEqual(written, []);
});

test('screen: the status line is written over itself and stays below the lines', (t) => {
  const { screen, written } = make(true);
  screen.status('1 packet');
  screen.status('2 packets');
  screen.status('2 packets');
  screen.line('carried');
  screen.status('');
  t.deepEqual(written, [
    'err:\r\x1b[K1 packet',
    'err:\r\x1b[K2 packets',
    'err:\r\x1b[K',
    'out:carried\n',
    'err:2 packets',
    'err:\r\x1b[K',
  ]);
});

test('screen: a status line is cut to what the terminal holds, so that it never wraps', (t) => {
  const { screen, written, err } = make(true, 10);
  screen.status('123456789');
  screen.status('1234567890');
  Object.assign(err, { columns: 5 }); // the window was made narrower
  screen.line('carried');
  t.deepEqual(written, [
    'err:\r\x1b[K123456789',
    'err:\r\x1b[K123456789',
    'err:\r\x1b[K',
    'out:carried\n',
    'err:1234',
  ]);
});
