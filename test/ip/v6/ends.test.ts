/**
 * IPv6 end to end over a pipe: TCP, UDP and echoes between two stacks, with and without a device that
 * computes and cuts. RFC 8200; RFC 8504 §5.
 * @module
 */
import test from 'ava';
import { type Address, ANY, ANY6, format } from '../../../src/stack/base/address.ts';
import { addressCount, isThere } from '../../../src/stack/base/address-table.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import type { EchoClient } from '../../../src/stack/ip/echo.ts';
import { Flow } from '../../sim/flow.ts';
import { pattern } from '../../support/packets.ts';
import { ADDRESS6_A, ADDRESS6_B, World } from '../../support/world.ts';

for (const offload of [false, true]) {
  const way = offload ? 'with offload' : 'without offload';

  test(`ipv6: text passes through TCP as it was, ${way}`, (t) => {
    const world = new World({ ipv6: true, offload });
    const flow = new Flow(world, 4 << 20).finish(30);
    t.is(flow.wrong, '');
    t.is(world.b.stat('TcpInCsumErrors'), 0);
    t.true(world.b.stat('Ip6InDelivers') > 0);
    t.is(world.b.stat('IpInDelivers'), 0, 'none of it over IPv4');
    t.is(format(flow.tcb.remoteAddress), 'fd83::2');
  });

  test(`ipv6: an echo of any length up to 65 507 bytes comes back by UDP, ${way}`, (t) => {
    const world = new World({ ipv6: true, offload });
    const { a, b } = world;
    const server = b.core.udp.open({
      onMessage(bytes, at, length, source, port) {
        server.send(bytes, at, length, source, port);
        return Drop.NONE;
      },
      onError: () => {},
    });
    t.is(server.bind(ANY6, 7), Failure.NONE);
    const got: Uint8Array[] = [];
    const client = a.core.udp.open({
      onMessage(bytes, at, length) {
        got.push(bytes.slice(at, at + length));
        return Drop.NONE;
      },
      onError: () => {},
    });
    const lengths = [0, 1, 1452, 1453, 1500, 9000, 65_507, 65_527];
    for (const length of lengths) {
      t.is(client.send(pattern(length), 0, length, ADDRESS6_B, 7), Failure.NONE);
      world.run(100_000);
    }
    t.deepEqual(
      got.map((text) => text.length),
      lengths,
    );
    t.true(got.every((text) => Buffer.compare(text, pattern(text.length)) === 0));
    t.is(a.stat('Udp6InDatagrams'), lengths.length);
  });

  test(`ipv6: an echo request is answered, in fragments if it came so, ${way}`, (t) => {
    const world = new World({ ipv6: true, offload });
    const { ip } = world.a.core;
    const got: number[] = [];
    const client: EchoClient = {
      onReply: (_packet, seq, _at, length) => void got.push(seq, length),
      onError: () => {},
    };
    const id = ip.echoes.open(client);
    const route = ip.route(ADDRESS6_B, ANY);
    t.not(route, undefined);
    if (route === undefined) return;
    for (const [seq, length] of [56, 1452, 5000, 65_000].entries()) {
      t.is(ip.icmp6.sendEcho(route, id, seq, pattern(length), 0, length), Failure.NONE);
      world.run(100_000);
    }
    t.deepEqual(got, [0, 56, 1, 1452, 2, 5000, 3, 65_000]);
  });
}

test('ipv6: a listener for all of both families takes connections of both', (t) => {
  const world = new World({ ipv6: true });
  const { a, b } = world;
  const v4 = (n: number): Address => (0x0a00_0000 + n) as Address;
  a.core.ip.routes.addAddress(a.iface, v4(1), 24);
  b.core.ip.routes.addAddress(b.iface, v4(2), 24);
  const from: string[] = [];
  const owner = {
    onOpen: () => {},
    onData: () => 0,
    onEnd: () => {},
    onWritable: () => {},
    onRelease: () => {},
    onFinished: () => {},
    onClose: () => {},
  };
  const listen = (address: Address, ipv6Only: boolean): unknown =>
    b.core.tcp.listen({
      ...{ address, port: 80, backlog: 8, ipv6Only },
      accept: (tcb) => {
        from.push(`${format(tcb.remoteAddress)} at ${format(address)}`);
        return owner;
      },
    });
  const both = listen(ANY6, false);
  t.is(typeof both, 'object');
  t.is(listen(ANY, false), Failure.ADDRESS_IN_USE, 'it has IPv4 too');
  for (const destination of [ADDRESS6_B, v4(2)]) {
    a.core.tcp.connect({ destination, port: 80, owner });
    world.run(100_000);
  }
  t.deepEqual(from, ['fd83::1 at ::', '10.0.0.1 at ::']);
  (both as { close(): void }).close();
  t.is(typeof listen(ANY6, true), 'object');
  t.is(typeof listen(ANY, false), 'object', 'beside one for IPv6 alone there is room');
  for (const destination of [ADDRESS6_B, v4(2)]) {
    a.core.tcp.connect({ destination, port: 80, owner });
    world.run(100_000);
  }
  t.deepEqual(from.slice(2), ['fd83::1 at ::', '10.0.0.1 at 0.0.0.0']);
});

test('ipv6: what a connection keeps is let go with it', (t) => {
  const world = new World({ ipv6: true });
  const before = addressCount();
  new Flow(world, 1000).finish(5);
  world.a.core.failAll(Failure.ABORTED);
  world.b.core.failAll(Failure.ABORTED);
  world.run(1_000_000);
  t.true(addressCount() <= before + 2, `${addressCount() - before} more addresses`);
  t.true(isThere(ADDRESS6_A));
});
