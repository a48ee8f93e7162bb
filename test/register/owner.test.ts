/**
 * Which process has the stack of `tunstack/register`: children inherit the environment, and not the TUN.
 * @module
 */
import test from 'ava';
import { own, ownerOf } from '../../src/register/owner.ts';

const SETTINGS = { TUNSTACK_TUN: 'ts0', TUNSTACK_ADDRESS: '10.83.0.2/24', HOME: '/' };
const PARENT = 100;
const CHILD = 101;
const alive = (): boolean => true;

/** The environment that a child of a process with a stack inherits. */
function inherited(more: Record<string, string> = {}): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = { ...SETTINGS };
  own(environment, PARENT);
  return { ...environment, ...more };
}

test('owner: nobody has a stack where nobody said so', (t) => {
  t.is(ownerOf(SETTINGS, CHILD, alive), undefined);
  t.is(ownerOf({ ...SETTINGS, TUNSTACK_PID: '' }, CHILD, alive), undefined);
  t.is(ownerOf({ ...SETTINGS, TUNSTACK_PID: 'x' }, CHILD, alive), undefined);
  t.is(ownerOf(inherited(), PARENT, alive), undefined, 'the process itself');
});

test('owner: a child that was told the same leaves the stack to its parent', (t) => {
  t.is(ownerOf(inherited(), CHILD, alive), PARENT);
  t.is(ownerOf(inherited({ HOME: '/root' }), CHILD, alive), PARENT);
  t.is(ownerOf({ TUNSTACK_PID: `${PARENT}` }, CHILD, alive), PARENT);
});

test('owner: a child that was told something else has a stack of its own', (t) => {
  t.is(ownerOf(inherited({ TUNSTACK_TUN: 'ts1' }), CHILD, alive), undefined);
  t.is(ownerOf(inherited({ TUNSTACK_MTU: '1280' }), CHILD, alive), undefined);
});

test('owner: a name that was left behind counts for nothing', (t) => {
  t.is(
    ownerOf(inherited(), CHILD, () => false),
    undefined,
  );
  // 2^22 is the highest that a process of Linux can have (proc(5), pid_max).
  t.is(ownerOf({ TUNSTACK_PID: '99999999' }, process.pid), undefined);
  t.is(ownerOf({ TUNSTACK_PID: `${process.ppid}` }, process.pid), process.ppid);
});
