/**
 * Two devices joined, where one of them cannot be.
 * @module
 */
import test from 'ava';
import { createPipe } from '../../../src/device/pipe.ts';
import { joinDevices } from '../../../src/device/wrap/join.ts';

test('join: where the second device has a user already the first is closed, and not left begun', async (t) => {
  const [first] = createPipe();
  const [second] = createPipe();
  const nothing = (): void => {};
  const user = {
    ...{ memory: new Uint8Array(65_536), readable: nothing, writable: nothing, closed: nothing },
  };
  second.start(user);
  t.throws(() => joinDevices(first, second), { code: 'EALREADY' });
  t.throws(() => first.start(user), { code: 'ENODEV' });
  await second.close();
});
