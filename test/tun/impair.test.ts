/** Tests of src/device/impair/impair.ts between the kernel and a TUN, on the system's clock. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { impair } from '../../src/device/impair/impair.ts';
import { openTun } from '../../src/device/linux/tun.ts';
import { Collector, udpPacket, until } from '../device/support.ts';
import { tunTest } from './namespace.ts';

tunTest('impair: on a TUN the delay is kept to some hundred microseconds', async (t) => {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  t.teardown(() => tun.close());
  const device = impair(tun, { both: { delay: 5000 } });
  const user = new Collector(device);
  device.start(user);
  user.onReadable = () => {
    user.drain();
    for (const text of user.payloads) user.write(udpPacket(text));
    user.packets.length = 0;
    device.flush();
  };
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.bind(7000, '10.83.0.1');
  await once(socket, 'listening');
  const trips: number[] = [];
  socket.on('message', (message) => trips.push(performance.now() - Number(message)));
  // As many as it takes for one that the machine's load has not touched.
  for (let i = 0; i < 100 || (i < 1000 && Math.min(...trips) >= 11); i++) {
    socket.send(`${performance.now()}`, 7000, '10.83.0.2');
    await until(() => trips.length > i, 'the answer');
  }
  trips.sort((a, b) => a - b);
  // Not the median: that is the machine's load.
  t.true((trips[0] as number) >= 10 && (trips[0] as number) < 11, `shortest ${trips[0]} ms`);
  t.is(device.counters.in.delivered, device.counters.in.offered);
  t.log(
    `round trip ${trips[0]?.toFixed(3)} / ${trips[50]?.toFixed(3)} / ${trips[99]?.toFixed(3)} ms`,
  );
});

tunTest('impair: on a TUN as many datagrams are lost as it counts', async (t) => {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  t.teardown(() => tun.close());
  const device = impair(tun, { in: { loss: 0.2, jitter: 300, delay: 300 }, seed: 4 });
  const user = new Collector(device);
  device.start(user);
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.bind(7000, '10.83.0.1');
  await once(socket, 'listening');
  for (let i = 0; i < 300; i++) socket.send(`${i}`, 7000, '10.83.0.2');
  const done = (): boolean => device.counters.in.offered >= 300 && device.underWay.in === 0;
  await until(done, 'all datagrams');
  const { offered, lost } = device.counters.in;
  t.true(lost > 20);
  t.true(user.packets.length <= offered - lost);
  t.true(user.packets.length > 200);
  const order = user.payloads.map(Number);
  t.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});
