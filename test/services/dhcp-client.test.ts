/**
 * The DHCP client, against our server and against one by hand. RFC 2131 §4.4.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, createSwitch, type Stack } from '../../src/index.ts';
import { namesOf } from '../../src/services/dhcp/ask.ts';
import {
  createDhcpClient,
  createDhcpServer,
  type DhcpBinding,
  type DhcpClient,
  type DhcpClientOptions,
  type DhcpServer,
} from '../../src/services.ts';

interface Net {
  readonly bridge: ReturnType<typeof createSwitch>;
  readonly server: DhcpServer;
  readonly router: Stack;
  readonly guest: Stack;
}

/** A router that serves, and a stack without an address, on one switch. */
async function open(t: ExecutionContext, options: object = {}): Promise<Net> {
  const bridge = createSwitch();
  const plug = (address?: string): Stack => {
    const [near, far] = createPipe({ medium: 'ethernet' });
    bridge.plug(near);
    const stack = createStack({ device: far, ...(address !== undefined && { address }) });
    t.teardown(() => stack.close());
    return stack;
  };
  const router = plug('10.91.0.1/24');
  const server = createDhcpServer(router, {
    ...{ address: '10.91.0.1/24', pool: ['10.91.0.100', '10.91.0.109'], probe: 0, leaseTime: 100 },
    ...{
      dns: ['10.91.0.1', '10.91.0.2'],
      domain: 'lan',
      search: ['lan', 'example.org'],
      mtu: 1400,
    },
    ...options,
  });
  t.teardown(() => server.close());
  await server.ready;
  return { bridge, server, router, guest: plug() };
}

/** Timers that the test lets run out. */
class Timers {
  readonly waits: number[] = [];
  #due: (() => void) | undefined;

  readonly schedule = (fn: () => void, milliseconds: number): (() => void) => {
    this.waits.push(milliseconds);
    this.#due = fn;
    return () => {
      if (this.#due === fn) this.#due = undefined;
    };
  };

  fire(): void {
    const due = this.#due;
    this.#due = undefined;
    due?.();
  }
}

function client(t: ExecutionContext, stack: Stack, options: DhcpClientOptions = {}): DhcpClient {
  const made = createDhcpClient(stack, { probe: false, ...options });
  t.teardown(() => made.close());
  return made;
}

test('dhcp: a stack without an address gets one, its router and what else there is to know', async (t) => {
  const { guest, server } = await open(t);
  t.is(guest.address, undefined);
  const binding = await client(t, guest, { name: 'guest' }).ready;
  t.deepEqual(binding, {
    ...{ address: '10.91.0.100/24', router: '10.91.0.1', server: '10.91.0.1' },
    ...{ dns: ['10.91.0.1', '10.91.0.2'], mtu: 1400, domain: 'lan' },
    ...{ search: ['lan', 'example.org'], leaseTime: 100 },
  });
  t.is(guest.address, '10.91.0.100');
  t.like(guest.routes.at(-1), { network: '0.0.0.0/0', gateway: '10.91.0.1' });
  t.true((await guest.ping('10.91.0.1')).rtt > 0);
  t.like(server.leases[0], { address: '10.91.0.100', mac: guest.hardwareAddress(), name: 'guest' });
});

test('dhcp: a lease is renewed at half of its time, with its server (§4.4.5)', async (t) => {
  const { guest, server } = await open(t);
  const timers = new Timers();
  const made = client(t, guest, { schedule: timers.schedule });
  await made.ready;
  t.is(timers.waits.at(-1), 50_000);
  t.is(server.stats.ack, 1);
  const renewed = once(made, 'bound');
  timers.fire();
  t.like((await renewed)[0] as DhcpBinding, { address: '10.91.0.100/24' });
  t.is(server.stats.ack, 2);
  t.deepEqual(guest.addresses, ['10.91.0.100']);
});

test('dhcp: what is refused is given up, and another address asked for (§3.1)', async (t) => {
  const { guest, server, router } = await open(t);
  const made = client(t, guest);
  await made.ready;
  server.close();
  const other = createDhcpServer(router, {
    ...{ address: '10.91.0.1/24', pool: ['10.91.0.100', '10.91.0.109'], probe: 0 },
    reservations: { '02:00:5e:00:53:77': '10.91.0.100' },
  });
  t.teardown(() => other.close());
  await other.ready;
  const lost = once(made, 'lost');
  const bound = once(made, 'bound');
  made.renew();
  t.deepEqual(await lost, ['10.91.0.100']);
  t.not(((await bound)[0] as DhcpBinding).address, '10.91.0.100/24');
  t.is(guest.addresses.length, 1);
  t.is(other.stats.nak, 1);
});

test('dhcp: an address that somebody has is declined (§3.1 (5), RFC 5227 §2.1)', async (t) => {
  const { guest, server, bridge } = await open(t);
  const [near, far] = createPipe({ medium: 'ethernet' });
  bridge.plug(near);
  const squatter = createStack({ device: far, address: '10.91.0.100/24' });
  t.teardown(() => squatter.close());
  const timers = new Timers();
  const made = client(t, guest, { probe: true, schedule: timers.schedule });
  t.deepEqual(await once(made, 'conflict'), ['10.91.0.100']);
  t.is(guest.address, undefined);
  const bound = once(made, 'bound');
  timers.fire();
  t.like((await bound)[0] as DhcpBinding, { address: '10.91.0.101/24' });
  t.is(server.stats.decline, 1);
});

test('dhcp: without a server it asks again and again, ever more seldom (§4.1)', async (t) => {
  const { guest, server } = await open(t);
  server.close();
  const timers = new Timers();
  client(t, guest, { schedule: timers.schedule });
  for (let i = 0; i < 7; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    timers.fire();
  }
  const expected = [4, 8, 16, 32, 64, 64];
  for (const [i, seconds] of expected.entries()) {
    const wait = timers.waits[i] as number;
    t.true(Math.abs(wait - seconds * 1000) <= 1000, `${wait} ms, not ${seconds} s`);
  }
});

test('dhcp: a lease that nobody renews ends, and the address is gone (§4.4.5)', async (t) => {
  const { guest, server } = await open(t, { leaseTime: 10 });
  const timers = new Timers();
  const made = client(t, guest, { schedule: timers.schedule });
  await made.ready;
  server.close();
  const began = performance.now();
  const states: string[] = [];
  made.on('lost', () => states.push('lost'));
  while (!states.includes('lost')) {
    timers.fire();
    states.push(made.state);
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (performance.now() - began > 20_000) break;
  }
  t.true(states.includes('renewing') && states.includes('rebinding') && states.includes('lost'));
  t.is(guest.address, undefined);
  t.is(made.binding, undefined);
});

test('dhcp: release gives the address back, and close rejects who waits', async (t) => {
  const { guest, server } = await open(t);
  const made = client(t, guest);
  await made.ready;
  const released = once(server, 'release', { signal: AbortSignal.timeout(20_000) });
  await made.release();
  t.deepEqual(await released, ['10.91.0.100']);
  t.is(guest.address, undefined);
  t.is(made.state, 'closed');
  server.close();
  const waiting = client(t, guest);
  waiting.close();
  await t.throwsAsync(waiting.ready, { code: 'ECANCELED' });
  const [packets] = createPipe();
  const stack = createStack({ device: packets, address: '10.1.0.1/24' });
  t.throws(() => createDhcpClient(stack), { code: 'ERR_INVALID_ARG_VALUE' });
  await stack.close();
});

test('dhcp: a search list is read with its compression, and no loop of it followed (RFC 3397)', (t) => {
  const bytes = (...parts: (number | string)[]): Uint8Array =>
    Uint8Array.from(
      parts.flatMap((part) => (typeof part === 'number' ? [part] : [...Buffer.from(part)])),
    );
  t.deepEqual(namesOf(bytes(3, 'eng', 5, 'apple', 3, 'com', 0, 9, 'marketing', 0xc0, 4)), [
    ...['eng.apple.com', 'marketing.apple.com'],
  ]);
  t.deepEqual(namesOf(bytes(0xc0, 0)), []);
  t.deepEqual(namesOf(bytes(1, 'a', 0xc0, 0)), []);
  t.deepEqual(namesOf(bytes(1, 'a', 0, 5, 'b')), ['a']);
  t.deepEqual(namesOf(undefined), []);
});
