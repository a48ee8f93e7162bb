/**
 * How many ICMP errors leave, and that nobody learns from it what others did. RFC 1812 §4.3.2.8 (limits by
 * kind), CVE-2020-25705 (a limit that strangers share tells of open UDP ports).
 * @module
 */
import test from 'ava';
import { SECOND } from '../../../src/stack/base/clock.ts';
import { SeededRandom } from '../../../src/stack/base/random.ts';
import { Host, ip, PEER, packet, pattern, Wire } from '../../support/packets.ts';

const RATE = { all: 100, each: 5 };
const limited = (seed: number): Host =>
  new Host({ random: new SeededRandom(seed), errorRates: { tooBig: RATE, others: RATE } });

/** Errors that left for `n` packets of an unknown protocol from `source`. */
function unreachables(host: Host, n: number, source = PEER): number {
  const before = host.wire.sent.length;
  for (let i = 0; i < n; i++) host.input(packet({ source, protocol: 200 }));
  return host.wire.sent.length - before;
}

test('errors: one destination gets no more in a second than the rate allows, each kind for itself', (t) => {
  const host = limited(1);
  t.is(unreachables(host, 100), 5);
  host.input(packet({ options: [7, 1, 0, 0] }));
  t.is(host.wire.sent.length, 6);
  t.is(host.stat('IcmpOutRateLimitHost'), 95);
  t.is(host.stat('IcmpOutRateLimitGlobal'), 0);
  host.net.begin(SECOND);
  t.is(unreachables(host, 100), 5);
  t.is(host.stat('IcmpOutDestUnreachs'), 10);
  t.is(host.stat('IcmpOutParmProbs'), 1);
  t.true(host.balanced);
});

test('errors: what one destination gets does not tell what went to another', (t) => {
  // The prober sends from an address of its own, before and after packets in its victim's name: those
  // that meet a closed port draw an error to the victim, those that meet an open one do not.
  for (let seed = 1; seed <= 20; seed++) {
    const alone = limited(seed);
    const beside = limited(seed);
    const seen = [alone, beside].map((host) => {
      const before = unreachables(host, 2);
      if (host === beside) unreachables(host, 50, ip('10.0.0.77'));
      return [before, unreachables(host, 50)];
    });
    t.deepEqual(seen[1], seen[0]);
  }
});

test('errors: how many leave to all is drawn anew each second', (t) => {
  // Who fills the whole budget from addresses of its own counts what is left of it: a number that
  // is never the same says nothing of the one error that a victim's open port did not draw.
  const host = limited(3);
  const totals = new Set<number>();
  for (let second = 0; second < 40; second++) {
    host.net.begin(second * SECOND);
    let total = 0;
    for (let i = 0; i < 250; i++) total += unreachables(host, 1, ip(`10.0.0.${i + 3}`));
    t.true(total >= 50 && total <= 100, `${total}`);
    totals.add(total);
  }
  t.true(totals.size > 20, `${totals.size} different ones`);
  t.true(host.stat('IcmpOutRateLimitGlobal') > 0);
});

test('errors: a flood to closed ports takes nothing from "fragmentation needed"', (t) => {
  const host = new Host({ forwarding: true });
  const narrow = new Wire(host.slots);
  host.addDevice('t1', narrow, ip('10.9.0.1'), 24, { mtu: 1000 });
  const tooLong = { destination: ip('10.9.0.2'), dontFragment: true, body: pattern(1200) };
  for (let i = 0; i < 100; i++) {
    for (let n = 0; n < 50; n++) {
      host.input(packet({ source: ip(`10.0.0.${n + 3}`), protocol: 200 }));
    }
    host.input(packet(tooLong));
  }
  const said = host.wire.sent.filter((bytes) => bytes[20] === 3 && bytes[21] === 4);
  t.is(said.length, 100);
  t.true(host.stat('IcmpOutRateLimitGlobal') > 0, 'the flood was more than the rate');
});

test('errors: what we tell ourselves has no limit', (t) => {
  const none = { all: 0, each: 0 };
  const host = new Host({ errorRates: { tooBig: none, others: none } });
  for (let i = 0; i < 50; i++) host.input(packet({ protocol: 200 }), host.net.loopback);
  t.is(host.stat('IcmpOutDestUnreachs'), 50);
});
