/**
 * When a device's user is told that there are packets.
 * @module
 */
import test from 'ava';
import { Notice } from '../../src/device/notice.ts';

test('notice: what is to be told at once is, though a call is on its way that would tell later', (t) => {
  const scheduled: (() => void)[] = [];
  let told = 0;
  const notice: Notice = new Notice(
    (fn) => scheduled.push(fn),
    () => {
      told++;
      notice.took();
      return false;
    },
  );
  notice.came();
  t.is(told, 0);
  notice.now();
  t.is(told, 1);
  for (const call of scheduled) call();
  t.is(told, 2); // it finds nothing, and asks for no other
  t.is(scheduled.length, 1);
});
