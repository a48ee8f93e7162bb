/**
 * What every device does, whatever is behind it: one suite, run against each kind.
 * @module
 */
import type { ExecutionContext, TestFn } from 'ava';
import type { Device } from '../../src/device/device.ts';
import { Collector, settle, udpPacket, until } from './support.ts';

/** A device under test, and what its far end sends and gets. */
export interface Link {
  readonly device: Device;
  /** Let the far end send a datagram to the device. */
  send(payload: string): void;
  /** Payloads of the datagrams that came to the far end. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `packet ${i}`);

/** Declare the tests for a kind of device, each with a link of its own. */
export function deviceSuite(test: TestFn, kind: string, make: () => Promise<Link>): void {
  const declare = (
    title: string,
    body: (t: ExecutionContext, link: Link, user: Collector) => Promise<void>,
  ): void => {
    test(`${kind}: ${title}`, async (t) => {
      const link = await make();
      try {
        await body(t, link, new Collector(link.device));
      } finally {
        await link.close();
      }
    });
  };

  declare('a packet that is written arrives at the far end', async (t, link, user) => {
    link.device.start(user);
    t.true(user.write(udpPacket('over there')));
    link.device.flush();
    await until(() => link.received.length > 0, 'the far end gets the packet');
    t.deepEqual(link.received, ['over there']);
  });

  declare('packets are read in the order in which they came', async (t, link, user) => {
    link.device.start(user);
    for (const text of numbers(100)) link.send(text);
    await until(() => user.packets.length >= 100, '100 packets');
    t.deepEqual(user.payloads, numbers(100));
    t.is(user.drain(), 0);
  });

  declare('packets are read in order, several by one call where it can', async (t, link, user) => {
    user.many = 8;
    link.device.start(user);
    for (const text of numbers(100)) link.send(text);
    await until(() => user.packets.length >= 100, '100 packets');
    t.deepEqual(user.payloads, numbers(100));
    t.is(user.drain(), 0);
  });

  declare('packets that came before start are read after it', async (t, link, user) => {
    for (const text of numbers(3)) link.send(text);
    await settle();
    link.device.start(user);
    await until(() => user.packets.length >= 3, '3 packets');
    t.deepEqual(user.payloads, numbers(3));
  });

  declare('who stops before the end is told again', async (t, link, user) => {
    user.budget = 1;
    link.device.start(user);
    for (const text of numbers(50)) link.send(text);
    await until(() => user.packets.length >= 50, '50 packets, one a call');
    t.deepEqual(user.payloads, numbers(50));
    t.true(user.readables >= 50);
  });

  declare('who takes nothing is left alone, and loses nothing', async (t, link, user) => {
    user.budget = 0;
    link.device.start(user);
    for (const text of numbers(10)) link.send(text);
    await until(() => user.readables > 0, 'readable');
    await settle();
    t.is(user.readables, 1);
    user.budget = Number.POSITIVE_INFINITY;
    user.drain();
    await until(() => user.packets.length >= 10, 'the 10 packets that waited');
    t.deepEqual(user.payloads, numbers(10));
    link.send('one more');
    await until(() => user.packets.length >= 11, 'a packet after the wait');
  });

  declare('a packet longer than the room is cut and says so', async (t, link, user) => {
    link.device.start(user);
    user.room = 40;
    link.send('x'.repeat(500));
    await until(() => user.cut.length > 0, 'a length above the room');
    t.true((user.cut[0] as number) > 40);
    user.room = 66_000;
    link.send('short');
    await until(() => user.packets.length > 0, 'the packet after it');
    t.deepEqual(user.payloads, ['short']);
  });

  declare('a packet of exactly the room is whole', async (t, link, user) => {
    link.device.start(user);
    user.room = link.device.headerLength + 28 + 100;
    link.send('y'.repeat(100));
    await until(() => user.packets.length > 0, 'the packet');
    t.deepEqual(user.payloads, ['y'.repeat(100)]);
  });

  declare('writes that had to wait all arrive once', async (t, link, user) => {
    link.device.start(user);
    const due = numbers(200);
    let next = 0;
    const send = (): void => {
      while (next < due.length && user.write(udpPacket(due[next] as string))) next++;
      link.device.flush();
    };
    user.onWritable = send;
    send();
    await until(() => link.received.length >= due.length, '200 packets at the far end');
    t.deepEqual(link.received, due);
  });

  declare('a second user is refused', async (t, link, user) => {
    link.device.start(user);
    t.throws(() => link.device.start(user), { code: 'EALREADY', message: /has a user/ });
  });

  declare(
    'close settles, may be repeated, and is told once without an error',
    async (t, link, user) => {
      link.device.start(user);
      await Promise.all([link.device.close(), link.device.close()]);
      await link.device.close();
      await settle();
      t.deepEqual(user.ends, [undefined]);
    },
  );

  declare('after close a write is swallowed and a read is empty', async (t, link, user) => {
    link.device.start(user);
    await link.device.close();
    t.true(user.write(udpPacket('too late')));
    t.is(link.device.read(4096, 2000), 0);
    await settle();
    t.deepEqual(link.received, []);
    t.throws(() => link.device.start(user), { code: 'ENODEV' });
  });

  declare('closing from within readable is safe', async (t, link, user) => {
    user.onReadable = () => void link.device.close();
    link.device.start(user);
    link.send('close now');
    await until(() => user.ends.length > 0, 'closed');
    t.is(user.ends[0], undefined);
  });

  declare('closing without a user settles', async (t, link) => {
    await link.device.close();
    t.pass();
  });
}
