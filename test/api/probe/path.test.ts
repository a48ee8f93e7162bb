/**
 * What a stack learns of the way to a host: traceroute over a chain of forwarding stacks, and the
 * path's MTU as UDP meets it.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, type Stack, type TracerouteHop } from '../../../src/index.ts';
import { formatAddress } from '../../../src/wire.ts';

interface Row {
  readonly first: Stack;
  readonly last: Stack;
  readonly goal: string;
  readonly routers: readonly Stack[];
}

/** `n` routers in a row between two stacks; joint i is 10.0.i.0/24, .1 to the left and .2 to the right. */
function row(t: ExecutionContext, n: number, mtus: readonly number[] = []): Row {
  const pipes = Array.from({ length: n + 1 }, (_, i) => createPipe({ mtu: mtus[i] ?? 1500 }));
  const stacks = Array.from({ length: n + 2 }, (_, i) => {
    const left = pipes[i - 1]?.[1];
    const right = pipes[i]?.[0];
    const stack = createStack({
      devices: [
        ...(left ? [{ device: left, address: `10.0.${i - 1}.2/24` }] : []),
        ...(right ? [{ device: right, address: `10.0.${i}.1/24` }] : []),
      ],
      forwarding: i > 0 && i <= n,
    });
    if (right) stack.addRoute('10.0.0.0/16', { gateway: `10.0.${i}.2` });
    for (let j = 0; j < i - 1; j++) {
      stack.addRoute(`10.0.${j}.0/24`, { gateway: `10.0.${i - 1}.1` });
    }
    return stack;
  });
  t.teardown(() => Promise.all(stacks.map((stack) => stack.close({ linger: 0 }))));
  const [first, ...others] = stacks;
  const last = others.pop();
  if (!first || !last) throw new Error('two stacks at least');
  return { first, last, routers: others, goal: `10.0.${n}.2` };
}

async function all(hops: AsyncIterable<TracerouteHop>): Promise<TracerouteHop[]> {
  const found: TracerouteHop[] = [];
  for await (const hop of hops) found.push(hop);
  return found;
}

for (const method of ['udp', 'icmp'] as const) {
  test(`traceroute: every hop of a chain is recorded, with ${method}`, async (t) => {
    const { first, goal } = row(t, 3);
    const hops = await all(first.traceroute(goal, { method }));
    t.deepEqual(
      hops.map(({ hop, probes, reached }) => [hop, probes[0]?.address, reached]),
      [
        [1, '10.0.0.2', false],
        [2, '10.0.1.2', false],
        [3, '10.0.2.2', false],
        [4, goal, true],
      ],
    );
    for (const { probes } of hops) {
      t.is(probes.length, 3);
      t.true(probes.every(({ rtt }) => rtt !== undefined && rtt > 0 && rtt < 3000));
    }
    t.deepEqual(
      hops.map(({ probes }) => [probes[0]?.type, probes[0]?.code]),
      [...Array(3).fill([11, 0]), method === 'udp' ? [3, 3] : [0, 0]],
    );
  });
}

test('traceroute: a silent router is a hop without an answer', async (t) => {
  const { first, goal, routers } = row(t, 3);
  // It says nothing of its own (it is 10.0.1.2 to the left), but passes on what others say.
  routers[1]?.hook('output', ({ source }) =>
    formatAddress(source) === '10.0.1.2' ? 'drop' : 'pass',
  );
  const hops = await all(first.traceroute(goal, { queries: 2, timeout: 1000 }));
  t.is(hops.length, 4);
  t.deepEqual(
    hops[1]?.probes.map(({ address }) => address),
    [undefined, undefined],
  );
  t.false(hops[1]?.reached);
  t.true(hops[3]?.reached);
});

test('traceroute: it ends where a router says that there is no way', async (t) => {
  const { first } = row(t, 1);
  first.addRoute('192.0.2.0/24', { gateway: '10.0.0.2' });
  const hops = await all(first.traceroute('192.0.2.1', { queries: 1 }));
  t.is(hops.length, 2);
  t.deepEqual([hops[1]?.probes[0]?.type, hops[1]?.reached], [3, false]);
});

test('traceroute: hops are bounded, options are checked, and a signal ends it', async (t) => {
  const { first, goal } = row(t, 3);
  const some = await all(first.traceroute(goal, { firstHop: 2, maxHops: 3, queries: 1 }));
  t.deepEqual(
    some.map(({ hop }) => hop),
    [2, 3],
  );
  t.throws(() => first.traceroute(goal, { maxHops: 0 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => first.traceroute(goal, { method: 'tcp' as never }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
  const cancelled = first.traceroute(goal, { signal: AbortSignal.abort() });
  await t.throwsAsync(() => cancelled.next(), { code: 'ABORT_ERR' });
  await t.throwsAsync(() => first.traceroute('198.51.100.1').next(), { code: 'ENETUNREACH' });
});

test('dgram: what is longer than the path takes fails with EMSGSIZE, once that is known', async (t) => {
  const { first, last, goal } = row(t, 2, [1500, 1280, 1500]);
  const got: number[] = [];
  const server = last.dgram.createSocket('udp4', (message) => got.push(message.length));
  server.bind(9);
  const socket = first.dgram.createSocket({ type: 'udp4', dontFragment: true });
  const code = (length: number): Promise<string> =>
    new Promise((done) => {
      socket.send(new Uint8Array(length), (error: NodeJS.ErrnoException | null) =>
        done(error?.code ?? 'sent'),
      );
    });
  socket.connect(9, goal);
  await once(socket, 'connect');
  const told = once(socket, 'error');
  t.is(await code(1400), 'sent'); // and lost: the router says so
  t.is((await told)[0].code, 'EMSGSIZE');
  t.is(await code(1400), 'EMSGSIZE');
  t.is(await code(1280 - 28 + 1), 'EMSGSIZE');
  const arrived = once(server, 'message');
  t.is(await code(1280 - 28), 'sent');
  await arrived;
  t.deepEqual(got, [1252]);
  t.is(await code(1501), 'EMSGSIZE'); // longer than the device takes
  // Without the option the same goes in fragments.
  const other = first.dgram.createSocket('udp4');
  const whole = once(server, 'message');
  other.send(new Uint8Array(4000), 9, goal);
  t.is((await whole)[0].length, 4000);
  for (const one of [server, socket, other]) one.close();
});
