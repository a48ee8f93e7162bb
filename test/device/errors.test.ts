/** Tests of what src/device says when something cannot be: the code, and the way out. */
import test from 'ava';
import { attachError, configureError, goneError, openError } from '../../src/device/errors.ts';
import { errnoName, loadLibc } from '../../src/device/linux/libc.ts';
import { openTap } from '../../src/device/linux/tap.ts';
import { openTun } from '../../src/device/linux/tun.ts';
import { checkName, parseCidr } from '../../src/device/options.ts';

test('errors: no permission names sudo, the capability and unshare', (t) => {
  for (const error of [
    openError('EACCES', '/dev/net/tun', false),
    attachError('EPERM', 'ts0', 'TUN', false),
    configureError('EPERM', 'ts0', 'address 10.0.0.1', false),
  ]) {
    t.regex(error.message, /sudo/);
    t.regex(error.message, /setcap cap_net_admin/);
    t.regex(error.message, /unshare -Urn/);
    t.regex(error.code, /^E(PERM|ACCES)$/);
  }
});

test('errors: root of a namespace is not told to become root', (t) => {
  const errors = [
    openError('EACCES', '/dev/net/tun', true),
    attachError('EPERM', 'ts0', 'TUN', true),
    configureError('EPERM', 'ts0', 'address 10.0.0.1', true),
  ];
  for (const { message } of errors) t.notRegex(message, /run it with sudo|setcap/);
  t.regex(errors[0]?.message ?? '', /chmod 666 \/dev\/net\/tun/);
  t.regex(errors[1]?.message ?? '', /--cap-add NET_ADMIN/);
});

test('errors: no /dev/net/tun names modprobe and the container option', (t) => {
  const error = openError('ENOENT', '/dev/net/tun');
  t.is(error.code, 'ENOENT');
  t.regex(error.message, /modprobe tun/);
  t.regex(error.message, /--device \/dev\/net\/tun/);
});

test('errors: a name in use is said to be so', (t) => {
  const error = attachError('EBUSY', 'ts0', 'TUN');
  t.is(error.code, 'EBUSY');
  t.regex(error.message, /ts0 is in use/);
  t.regex(error.message, /another name/);
});

test('errors: a removed interface is ENODEV however the kernel says it', (t) => {
  for (const code of ['EBADFD', 'EIO', 'ENODEV']) {
    const error = goneError('ts0', code, 'read');
    t.is(error.code, 'ENODEV');
    t.regex(error.message, /ts0 was removed/);
  }
});

test('errors: error numbers have names, EBADFD too', (t) => {
  t.is(errnoName(1), 'EPERM');
  t.is(errnoName(77), 'EBADFD');
  t.is(errnoName(0), 'EUNKNOWN');
});

test('options: a name over 15 bytes is refused, with its length', async (t) => {
  const error = await t.throwsAsync(openTun({ name: 'sixteen-bytes-00' }), {
    instanceOf: TypeError,
    code: 'ERR_INVALID_ARG_VALUE',
  });
  t.regex(error?.message ?? '', /at most 15 bytes, not 16/);
  await t.throwsAsync(openTap({ name: 'ééééééééé' }), { message: /not 18/ });
});

for (const name of ['a b', 'a/b', 'a:b', '.', '..', 'a%', 'a%s', '%d%d', 'é', 'a\n', 'a\0']) {
  test(`options: the name ${JSON.stringify(name)} is refused`, (t) => {
    t.throws(() => checkName(name), { code: 'ERR_INVALID_ARG_VALUE' });
  });
}

for (const name of ['', 'tun0', 'ts%d', 'a.b', 'x-y_z@1', 'fifteen-bytes-0']) {
  test(`options: the name ${JSON.stringify(name)} is taken`, (t) => {
    t.notThrows(() => checkName(name));
  });
}

test('options: a name that is no string is refused', (t) => {
  t.throws(() => checkName(7), { code: 'ERR_INVALID_ARG_TYPE' });
});

const BAD_CIDRS = [
  '10.83.0.1',
  '10.83.0.1/',
  '10.83.0.1/33',
  '10.83.0/24',
  '10.83.0.256/24',
  '10.83.0.1/24/3',
  '10.83.0.1/-1',
  '10.83.0.1/2x',
  '0x0a.1.1.1/8',
  '0.0.0.0/0',
  '224.0.0.1/4',
  '255.255.255.255/32',
  'fd00::1',
  'fd00::1/129',
  'fe80::1%eth0/64',
  '::/0',
  'ff02::1/16',
  'host/24',
  '',
];
for (const text of BAD_CIDRS) {
  test(`options: the CIDR ${JSON.stringify(text)} is refused`, (t) => {
    t.throws(() => parseCidr('hostAddress', text), {
      instanceOf: TypeError,
      code: 'ERR_INVALID_ARG_VALUE',
      message: /hostAddress is /,
    });
  });
}

test('options: a CIDR of either family is taken', (t) => {
  t.deepEqual(parseCidr('x', '10.83.0.1/24'), { version: 4, octets: [10, 83, 0, 1], prefix: 24 });
  const { version, octets, prefix } = parseCidr('x', 'fd00::1/64');
  t.is(version, 6);
  t.deepEqual(octets, [0xfd, ...Array<number>(14).fill(0), 1]);
  t.is(prefix, 64);
});

test('options: sizes and ways to wait that cannot be meant are refused', async (t) => {
  await t.throwsAsync(openTun({ mtu: 67 }), { code: 'ERR_OUT_OF_RANGE' });
  await t.throwsAsync(openTun({ mtu: 65_536 }), { code: 'ERR_OUT_OF_RANGE' });
  await t.throwsAsync(openTun({ spinMicros: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  await t.throwsAsync(openTun({ spinMicros: Number.NaN }), { code: 'ERR_OUT_OF_RANGE' });
  await t.throwsAsync(openTun({ hostAddress: ['10.0.0.1/8', '10.0.0.2/8'] }), {
    message: /only one IPv4/,
  });
});

test('libc: another system is told what it can use instead', async (t) => {
  await t.throwsAsync(loadLibc('darwin'), {
    code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
    message: /Linux only.*darwin.*createPipe.*fromDuplex/,
  });
});

test.serial('libc: without koffi the message says how to get it', async (t) => {
  const missing = (): Promise<never> => Promise.reject(new Error('Cannot find package'));
  await t.throwsAsync(loadLibc('linux', missing), {
    code: 'ERR_MODULE_NOT_FOUND',
    message: /npm install koffi/,
  });
});
