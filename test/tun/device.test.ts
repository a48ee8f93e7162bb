/** Tests of src/device/linux/tun.ts on real interfaces: names, addresses, attaching, going away. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { ExecutionContext } from 'ava';
import { NO_OFFLOAD } from '../../src/device/device.ts';
import type { TunDevice } from '../../src/device/linux/descriptor.ts';
import { openFd } from '../../src/device/linux/fd.ts';
import type { TunOptions } from '../../src/device/linux/interface.ts';
import { LinkControl } from '../../src/device/linux/ioctl.ts';
import { loadLibc } from '../../src/device/linux/libc.ts';
import { openTap } from '../../src/device/linux/tap.ts';
import { openTun } from '../../src/device/linux/tun.ts';
import type { Waiting } from '../../src/device/linux/waiting.ts';
import { deviceSuite, type Link } from '../device/suite.ts';
import { Collector, moduleUrl, settle, udpPacket, until } from '../device/support.ts';
import { busyPart, IDLE } from '../support/idle.ts';
import { tunTest } from './namespace.ts';

/** The kernel is the far end: a datagram socket on the host's address. */
async function tunLink(options: TunOptions): Promise<Link & { readonly device: TunDevice }> {
  const device = await openTun({ hostAddress: '10.83.0.1/24', ...options });
  const socket = createSocket('udp4');
  socket.bind(7000, '10.83.0.1');
  await once(socket, 'listening');
  const received: string[] = [];
  socket.on('message', (message) => received.push(message.toString('latin1')));
  return {
    device,
    received,
    send: (payload) => socket.send(payload, 7000, '10.83.0.2', () => {}),
    close: async () => {
      socket.close();
      await device.close();
    },
  };
}

for (const waiting of ['event', 'adaptive', 'busy'] satisfies Waiting[]) {
  deviceSuite(tunTest, `tun, ${waiting}`, () => tunLink({ waiting }));
}
deviceSuite(tunTest, 'tun with offload', () => tunLink({ offload: true }));
deviceSuite(tunTest, 'tun with a queue of several', () => tunLink({ multiQueue: true }));

const NO_IP = 'skipped: there is no program `ip` here to remove or change the interface';

/** The device, closed with the test, however that ends. */
async function closing(t: ExecutionContext, opening: Promise<TunDevice>): Promise<TunDevice> {
  const device = await opening;
  t.teardown(() => device.close());
  return device;
}

/** A socket of the kernel's, closed with the test. */
function sender(t: ExecutionContext): Socket {
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  return socket;
}

/** The addresses that the kernel has on an interface. */
const addresses = (name: string): NetworkInterfaceInfo[] => networkInterfaces()[name] ?? [];

/** Run `ip` with these words; false if there is no such program. */
function ip(...words: string[]): boolean {
  try {
    execFileSync('ip', words, { stdio: 'pipe' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

tunTest('tun: the kernel names it, or follows a pattern', async (t) => {
  const first = await closing(t, openTun());
  t.regex(first.name, /^tun\d+$/);
  const second = await closing(t, openTun({ name: 'mine%d' }));
  t.is(second.name, 'mine0');
  const third = await closing(t, openTun({ name: 'fifteen-bytes-0' }));
  t.is(third.name, 'fifteen-bytes-0');
  await Promise.all([first.close(), second.close(), third.close()]);
});

tunTest('tun: addresses, mask and MTU are set without a program run', async (t) => {
  const tun = await closing(
    t,
    openTun({
      name: 'cfg0',
      hostAddress: ['10.9.8.7/20', 'fd00:83::1/64'],
      mtu: 1400,
    }),
  );
  const found = addresses('cfg0');
  const four = found.find((entry) => entry.family === 'IPv4');
  t.is(four?.cidr, '10.9.8.7/20');
  t.is(tun.mtu, 1400);
  t.is(tun.maxPacket, 1400);
  t.true(found.some((entry) => entry.family === 'IPv6' && entry.cidr === 'fd00:83::1/64'));
  await tun.close();
  t.deepEqual(addresses('cfg0'), [], 'gone with its last descriptor');
});

tunTest('tun: the kernel keeps 4096 packets for a new one, or as many as asked for', async (t) => {
  const link = new LinkControl(await loadLibc());
  const plain = await closing(t, openTun({ name: 'queue0' }));
  t.is(link.txQueueLength('queue0'), 4096);
  const asked = await closing(t, openTun({ name: 'queue1', txQueueLength: 77, persist: true }));
  t.is(link.txQueueLength('queue1'), 77);
  await asked.close();
  const again = await closing(t, openTun({ name: 'queue1', persist: false }));
  t.is(link.txQueueLength('queue1'), 77, 'attached to: left alone');
  await Promise.all([plain.close(), again.close()]);
  link.close();
  for (const txQueueLength of [0, 1.5, 65_537, Number.NaN]) {
    await t.throwsAsync(openTun({ txQueueLength }), { code: 'ERR_OUT_OF_RANGE' });
  }
});

tunTest(
  'tun: with offload the kernel keeps 16 384, for many streams that begin at once',
  async (t) => {
    const link = new LinkControl(await loadLibc());
    await closing(t, openTun({ name: 'queue2', offload: true }));
    t.is(link.txQueueLength('queue2'), 16_384);
    link.close();
  },
);

tunTest('tun: a name in use is EBUSY, and one of another kind is explained', async (t) => {
  const tun = await closing(t, openTun({ name: 'used0' }));
  await t.throwsAsync(openTun({ name: 'used0' }), { code: 'EBUSY', message: /in use/ });
  await t.throwsAsync(openTap({ name: 'used0' }), { code: 'EINVAL', message: /another kind/ });
  await t.throwsAsync(openTun({ name: 'lo' }), { code: 'EINVAL', message: /another kind/ });
  await tun.close();
});

tunTest('tun: one that persists is attached to again, and then removed', async (t) => {
  const first = await closing(
    t,
    openTun({
      name: 'keep0',
      persist: true,
      hostAddress: '10.7.0.1/24',
      mtu: 1300,
    }),
  );
  await first.close();
  const link = new LinkControl(await loadLibc());
  t.true(link.exists('keep0'));
  const second = await closing(t, openTun({ name: 'keep0', persist: false }));
  t.is(second.mtu, 1300, 'its settings are left alone');
  await second.close();
  t.false(link.exists('keep0'));
  link.close();
});

tunTest('tun: an interface that persists forgets the offload of the one before', async (t) => {
  const first = await closing(t, openTun({ name: 'keep1', persist: true, offload: true }));
  await first.close();
  const second = await closing(t, openTun({ name: 'keep1', persist: false }));
  t.is(second.headerLength, 0);
  t.deepEqual(second.offload, NO_OFFLOAD);
  t.is(second.maxPacket, 1500);
  await second.close();
});

tunTest('tun: several descriptors share an interface with multiQueue', async (t) => {
  const first = await closing(
    t,
    openTun({ name: 'many0', multiQueue: true, hostAddress: '10.6.0.1/24' }),
  );
  const second = await closing(t, openTun({ name: 'many0', multiQueue: true }));
  t.is(second.name, 'many0');
  t.not(first.fd, second.fd);
  await first.close();
  const user = new Collector(second);
  second.start(user);
  const socket = sender(t);
  socket.send('still here', 9, '10.6.0.9');
  await until(() => user.packets.length > 0, 'a packet on the queue that is left');
  await second.close();
});

tunTest('tun: with offload a header of ten bytes stands before packets', async (t) => {
  const tun = await closing(t, openTun({ offload: true }));
  t.is(tun.headerLength, 10);
  t.is(tun.maxPacket, 65_535);
  t.true(tun.offload.checksum);
  t.true(tun.offload.tso4);
  await tun.close();
  const auto = await closing(t, openTun({ offload: 'auto' }));
  t.is(auto.headerLength, 10);
  await auto.close();
});

tunTest('tun: a descriptor is recognised for what it is', async (t) => {
  const libc = await loadLibc();
  const tun = await closing(
    t,
    openTun({
      name: 'adopt0',
      offload: true,
      mtu: 1280,
      hostAddress: '10.5.0.1/24',
    }),
  );
  const copy = libc.fcntl(tun.fd, 0, 0);
  const adopted = await closing(t, openFd(copy, { offload: true }));
  t.is(adopted.name, 'adopt0');
  t.is(adopted.headerLength, 10);
  t.is(adopted.mtu, 1280);
  t.true(adopted.offload.tso4);
  await tun.close();
  const user = new Collector(adopted);
  adopted.start(user);
  const socket = sender(t);
  socket.send('to the heir', 9, '10.5.0.9');
  await until(() => user.packets.length > 0, 'a packet');
  await adopted.close();
});

tunTest('tap: carries Ethernet frames', async (t) => {
  const tap = await closing(t, openTap({ hostAddress: '10.4.0.1/24' }));
  t.is(tap.medium, 'ethernet');
  t.is(tap.maxPacket, 1518);
  const user = new Collector(tap);
  tap.start(user);
  const socket = sender(t);
  socket.send('who has', 9, '10.4.0.2');
  const isArp = (frame: Uint8Array): boolean => frame[12] === 0x08 && frame[13] === 0x06;
  await until(() => user.packets.some(isArp), 'an ARP request');
  t.is(user.packets.find(isArp)?.length, 42);
  await tap.close();
});

tunTest('tun: removed under us, it ends in one ENODEV', async (t) => {
  const tun = await closing(t, openTun({ name: 'gone0' }));
  const user = new Collector(tun);
  tun.start(user);
  await settle();
  if (!ip('link', 'del', 'gone0')) {
    await tun.close();
    t.log(NO_IP);
    t.pass();
    return;
  }
  await until(() => user.ends.length > 0, 'closed');
  const error = user.ends[0] as NodeJS.ErrnoException;
  t.is(error.code, 'ENODEV');
  t.regex(error.message, /gone0 was removed/);
  t.true(user.write(udpPacket('nobody there')));
  await tun.close();
  await settle();
  t.is(user.ends.length, 1);
  t.is(tun.fd, -1);
});

tunTest('tun: removed before a write, it ends in one ENODEV all the same', async (t) => {
  const tun = await closing(t, openTun({ name: 'gone1' }));
  const user = new Collector(tun);
  tun.start(user);
  if (!ip('link', 'del', 'gone1')) {
    await tun.close();
    t.log(NO_IP);
    t.pass();
    return;
  }
  t.true(user.write(udpPacket('nobody there')));
  t.is(user.ends.length, 0);
  t.is(tun.read(4096, 2000), 0);
  await until(() => user.ends.length > 0, 'closed');
  t.is((user.ends[0] as NodeJS.ErrnoException).code, 'ENODEV');
  await settle();
  t.is(user.ends.length, 1);
});

tunTest('tun: writes while the link is down are counted, and it works when up again', async (t) => {
  const tun = await closing(t, openTun({ name: 'down0', hostAddress: '10.3.0.1/24' }));
  const user = new Collector(tun);
  tun.start(user);
  if (!ip('link', 'set', 'down0', 'down')) {
    await tun.close();
    t.log(NO_IP);
    t.pass();
    return;
  }
  t.true(user.write(udpPacket('lost', '10.3.0.2', '10.3.0.1')));
  tun.flush();
  t.is(tun.counters.down, 1);
  ip('link', 'set', 'down0', 'up');
  await settle();
  t.deepEqual(user.ends, []);
  const socket = sender(t);
  socket.send('up again', 9, '10.3.0.2');
  await until(() => user.packets.length > 0, 'a packet');
  await tun.close();
});

tunTest('tun: what is no packet is refused and counted', async (t) => {
  const tun = await closing(t, openTun());
  const user = new Collector(tun);
  tun.start(user);
  t.true(user.write(new Uint8Array(40)));
  tun.flush();
  t.is(tun.counters.refused, 1);
  await tun.close();
});

// Short packets of a batch are written by one call, from copies; longer ones where they lie.
tunTest('tun: a batch of packets arrives in order and whole, whatever their lengths', async (t) => {
  const { device, received, close } = await tunLink({ mtu: 9000 });
  t.teardown(close);
  const user = new Collector(device);
  device.start(user);
  const lengths = Array.from({ length: 80 }, (_, i) => (i % 17 === 5 ? 5000 : 10 + i));
  for (const part of [lengths.slice(0, 1), lengths.slice(1, 3), lengths.slice(3)]) {
    for (const length of part) t.true(user.write(udpPacket('x'.repeat(length))));
    device.flush();
  }
  await until(() => received.length === lengths.length, 'all of them');
  t.deepEqual(
    received.map((text) => text.length),
    lengths,
  );
  t.true(received.every((text) => /^x+$/.test(text)));
});

tunTest('tun: what is refused in a batch is counted, and the others arrive', async (t) => {
  const { device, received, close } = await tunLink({});
  t.teardown(close);
  const user = new Collector(device);
  device.start(user);
  for (const text of ['one', '', 'two', '', 'three']) {
    t.true(user.write(text === '' ? new Uint8Array(40) : udpPacket(text)));
  }
  device.flush();
  await until(() => received.length === 3, 'three of them');
  t.deepEqual(received, ['one', 'two', 'three']);
  t.is(device.counters.refused, 2);
});

tunTest('tun: what waits for the end of its batch leaves when the device is closed', async (t) => {
  const { device, received, close } = await tunLink({});
  t.teardown(close);
  const user = new Collector(device);
  device.start(user);
  for (const text of ['one', 'two']) user.write(udpPacket(text));
  await device.close();
  await until(() => received.length === 2, 'both');
  t.deepEqual(received, ['one', 'two']);
});

tunTest('tun: a packet longer than the room is counted even above the MTU of before', async (t) => {
  const tun = await closing(t, openTun({ name: 'grow0', hostAddress: '10.2.0.1/24', mtu: 600 }));
  const user = new Collector(tun);
  tun.start(user);
  user.room = 700;
  if (!ip('link', 'set', 'grow0', 'mtu', '9000')) {
    await tun.close();
    t.log(NO_IP);
    t.pass();
    return;
  }
  const socket = sender(t);
  for (let i = 0; i < 3; i++) socket.send('z'.repeat(4000), 9, '10.2.0.2');
  await until(() => tun.counters.cut >= 3, 'three packets cut');
  t.is(user.packets.length, 0);
  t.true(user.cut.every((length) => length > 700));
  await tun.close();
});

tunTest('tun: without permission the message names the ways out', async (t) => {
  const script = `
    const { openTun } = await import(${moduleUrl('linux/tun')});
    try {
      process.setgid(65534);
      process.setuid(65534);
    } catch (error) {
      console.log('cannot', error.code);
      process.exit(0);
    }
    await openTun({ name: 'never0' }).catch((error) => console.log(error.code, error.message));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  if (stdout.startsWith('cannot') || /EACCES.*koffi|koffi.*EACCES/.test(stdout)) {
    t.log('skipped: no other user can be taken on here');
    t.pass();
    return;
  }
  t.regex(stdout, /^(EPERM|EACCES) .*sudo.*setcap.*unshare -Urn/, stderr);
});

tunTest('tun: an open one keeps the process alive until unref or close', (t) => {
  const module = moduleUrl('linux/tun');
  const run = (end: string, timeout = 30_000): number | null =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { openTun } = await import(${module});
         const tun = await openTun();
         const readable = () => { while (tun.read(0, 2000) > 0); };
         tun.start({ memory: new Uint8Array(65536), readable, writable() {}, closed() {} });
         ${end}`,
      ],
      { timeout },
    ).status;
  t.is(run('tun.unref();'), 0);
  t.is(run('await tun.close();'), 0);
  t.is(run('', 2500), null, 'killed after the time-out');
});

tunTest('tun: an idle one uses no CPU', async (t) => {
  const tun = await closing(t, openTun({ waiting: 'event' }));
  tun.start(new Collector(tun));
  await settle();
  const part = await busyPart();
  t.true(part <= IDLE, `${part} of a processor while idle`);
  await tun.close();
});
