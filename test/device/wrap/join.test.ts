/**
 * Two devices joined, where one of them cannot be.
 * @module
 */
import test from 'ava';
import { type Device, type DeviceUser, NO_OFFLOAD } from '../../../src/device/device.ts';
import { createPipe } from '../../../src/device/pipe.ts';
import { joinDevices } from '../../../src/device/wrap/join.ts';
import { Outlet, readWhole } from '../../../src/device/wrap/wrapper.ts';

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

test('join: what the far device answers while it is written to goes back in the same turn', (t) => {
  // As a kernel does with an echo: to wait for the event loop to tell of the answer would cost a turn of it.
  const answers: number[] = [];
  const returned: number[] = [];
  const waiting = [60, 61];
  const users: DeviceUser[] = [];
  const traits = { mtu: 1500, headerLength: 0, maxPacket: 1500, offload: NO_OFFLOAD, flush() {} };
  const common = { ...traits, start: (user: DeviceUser) => void users.push(user) };
  const near: Device = {
    ...{ ...common, name: 'near', close: async () => {} },
    read: () => waiting.shift() ?? 0,
    write: (_at, length) => returned.push(length) > 0,
  };
  const far: Device = {
    ...{ ...common, name: 'far', close: async () => {} },
    read: () => answers.shift() ?? 0,
    write: (_at, length) => answers.push(length) > 0,
  };
  const joint = joinDevices(near, far);
  users[0]?.readable();
  t.deepEqual(returned, [60, 61]);
  t.is(joint.back, 2);
});

test('join: packets of 64 KiB that go one way leave the other its turn after half a MiB', (t) => {
  // A turn of 256 packets would be 16 MiB: what goes the other way would wait for all of it.
  let left = 100;
  let moved = 0;
  const device = {
    ...{ name: 'big', mtu: 65_535, headerLength: 0, maxPacket: 65_535, offload: NO_OFFLOAD },
    ...{ start() {}, flush() {}, close: async () => {} },
    read: (): number => (left-- > 0 ? 65_535 : 0),
    write: (): boolean => {
      moved++;
      return true;
    },
  };
  new Outlet(device, 0, () => readWhole(device, 0)).run(256);
  t.is(moved, Math.ceil((512 * 1024) / 65_535));
});
