/**
 * The environment of `tunstack/register`, and what it leaves to the kernel.
 * @module
 */
import test from 'ava';
import {
  connectsToPath,
  listensElsewhere,
  withoutIPv6,
  wrapsHandle,
} from '../../src/register/kernel.ts';
import { readSettings } from '../../src/register/settings.ts';

test('settings: without any there is a TUN with both addresses', (t) => {
  t.deepEqual(readSettings({ PATH: '/bin' }), {
    fd: undefined,
    tap: false,
    tun: { offload: 'auto' as never, hostAddress: '10.83.0.1/24' },
    address: '10.83.0.2/24',
    gateway: undefined,
    pcap: undefined,
    outside: 'warn',
  });
});

test('settings: an address alone leaves those of the kernel as they are', (t) => {
  const { tun, address } = readSettings({ TUNSTACK_ADDRESS: '10.1.0.2/30', TUNSTACK_TUN: 'x0' });
  t.deepEqual(tun, { offload: 'auto' as never, name: 'x0' });
  t.is(address, '10.1.0.2/30');
});

test('settings: all that can be said', (t) => {
  const settings = readSettings({
    TUNSTACK_FD: '3',
    TUNSTACK_MTU: '1400',
    TUNSTACK_OFFLOAD: 'ON',
    TUNSTACK_WAITING: 'busy',
    TUNSTACK_GATEWAY: '10.83.0.1',
    TUNSTACK_PCAP: 'x.pcapng',
    TUNSTACK_KERNEL: 'refuse',
  });
  t.deepEqual(settings, {
    fd: 3,
    tap: false,
    tun: { offload: true, mtu: 1400, waiting: 'busy' },
    address: '10.83.0.2/24',
    gateway: '10.83.0.1',
    pcap: 'x.pcapng',
    outside: 'refuse',
  });
});

test('settings: what is empty is not said', (t) => {
  t.deepEqual(readSettings({ TUNSTACK_TUN: '', TUNSTACK_MTU: '' }), readSettings({}));
});

test('settings: what is wrong is named', (t) => {
  for (const [name, value] of [
    ['TUNSTACK_MTU', '67'],
    ['TUNSTACK_MTU', '1e3'],
    ['TUNSTACK_FD', '-1'],
    ['TUNSTACK_OFFLOAD', 'maybe'],
    ['TUNSTACK_WAITING', 'never'],
    ['TUNSTACK_KERNEL', 'perhaps'],
  ] as const) {
    t.throws(() => readSettings({ [name]: value }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: new RegExp(`^${name} is '${value}': it must be `),
    });
  }
});

test('kernel: paths are the kernel’s to connect to, ports are not', (t) => {
  for (const args of [['/tmp/x'], [{ path: '/tmp/x' }], ['name', () => {}]]) {
    t.true(connectsToPath(args));
  }
  for (const args of [[80], ['80'], [{ port: 80 }], [80, 'name'], [{ port: 80, host: 'x' }], []]) {
    t.false(connectsToPath(args));
  }
});

test('kernel: paths, descriptors and handles are the kernel’s to listen on', (t) => {
  for (const args of [['/tmp/x'], [{ path: '/tmp/x' }], [{ fd: 3 }], [{ _handle: {} }]]) {
    t.true(listensElsewhere(args));
  }
  for (const args of [
    [],
    [80],
    ['80'],
    [() => {}],
    [{ port: 80 }],
    [null],
    [{ host: 'x', port: 0 }],
  ]) {
    t.false(listensElsewhere(args));
  }
});

test('kernel: sockets of descriptors and handles are the kernel’s', (t) => {
  for (const options of [3, { fd: 0 }, { handle: {} }]) t.true(wrapsHandle(options));
  for (const options of [undefined, null, {}, { allowHalfOpen: true }]) {
    t.false(wrapsHandle(options));
  }
});

test('kernel: all addresses of IPv6 are all of the stack’s', (t) => {
  t.deepEqual(withoutIPv6([80, '::', 5]), [80, '0.0.0.0', 5]);
  t.deepEqual(withoutIPv6([{ port: 80, host: '::' }, 1]), [{ port: 80, host: '0.0.0.0' }, 1]);
  for (const args of [[], [80], [80, '::1'], [{ port: 80, host: '::', ipv6Only: true }]]) {
    t.deepEqual(withoutIPv6(args), args);
  }
});

test('settings: a TAP takes the place of the TUN, and there is one of them', (t) => {
  const { tap, tun } = readSettings({ TUNSTACK_TAP: 't0' });
  t.deepEqual([tap, tun.name], [true, 't0']);
  t.false(readSettings({ TUNSTACK_TUN: 't0' }).tap);
  t.throws(() => readSettings({ TUNSTACK_TAP: 't0', TUNSTACK_TUN: 't1' }), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /TUNSTACK_TAP/,
  });
});
