/**
 * Redirects that a router sends. RFC 4861 §8.2; those that a host follows are in autoconf.test.ts.
 * @module
 */
import test from 'ava';
import { format, readIPv6 } from '../../../src/stack/base/address.ts';
import { Stat } from '../../../src/stack/base/stats.ts';
import * as ipv6 from '../../../src/stack/wire/ipv6.ts';
import { address } from './addresses.ts';
import { message, octets, S, Station6 } from './station6.ts';

const HOST = '2001:db8:1::9';
const NEAR = '2001:db8:1::7';
const FAR = '2001:db8:9::1';

/** A router of 2001:db8:1::/64; 2001:db8:9::/48 is behind `gateway` on the same link. */
function router(redirects: boolean, gateway = 'fe80::7'): Station6 {
  const station = new Station6();
  station.core.ip.forwarding = true;
  station.enable({ redirects, acceptRouters: false });
  station.add('2001:db8:1::1');
  station.pass(5 * S);
  const { iface } = station;
  station.core.ip.routes.add(address('2001:db8:9::'), 48, {
    iface,
    gateway: address(gateway, iface.index),
  });
  const [own, link] = ['2001:db8:1::1', [1, 1, 2, 0, 0, 0, 0, 9]];
  const asks = [135, 0, 0, 0, 0, 0, 0, 0, ...octets(own), ...link];
  station.receive(message(HOST, own, asks)); // who asks for us is known
  station.sent.length = 0;
  return station;
}

interface Redirect {
  readonly target: string;
  readonly about: string;
  readonly to: string;
  readonly hopLimit: number;
  readonly quoted: number[];
}

/** The redirects that left since this was asked last. */
function redirects(station: Station6): Redirect[] {
  return station.sent.splice(0).flatMap((bytes) => {
    const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (v.getUint8(54) !== 137) return [];
    const read = (at: number): string => format(readIPv6(v, at, 0));
    return {
      ...{ target: read(62), about: read(78), to: read(14 + ipv6.DESTINATION_AT) },
      ...{ hopLimit: v.getUint8(21), quoted: [...bytes.subarray(94)] },
    };
  });
}

const echo = (to: string, from = HOST): Uint8Array =>
  message(from, to, [128, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8], 64);

test('redirecting: who sends to a neighbour, or by another router, is told once asked for (§8.2)', (t) => {
  const station = router(true);
  const packet = echo(NEAR);
  t.is(station.receive(packet), 'none');
  t.deepEqual(redirects(station), [
    {
      target: NEAR,
      about: NEAR,
      to: HOST,
      hopLimit: 255,
      quoted: [4, 1 + 56 / 8, 0, 0, 0, 0, 0, 0, ...packet],
    },
  ]);
  station.pass(S);
  t.is(station.receive(echo(FAR)), 'none');
  const told = redirects(station).map(({ target, about, to }) => [target, about, to]);
  t.deepEqual(told, [['fe80::7', FAR, HOST]]);
});

test('redirecting: nobody is told unless it is asked for, nor who is no neighbour, nor of a router without its link-local address', (t) => {
  const silent = router(false);
  silent.receive(echo(NEAR));
  t.deepEqual(redirects(silent), []);
  const stranger = router(true);
  stranger.receive(echo(NEAR, '2001:db8:77::1'));
  t.deepEqual(redirects(stranger), []);
  const nameless = router(true, '2001:db8:1::7');
  nameless.receive(echo(FAR));
  t.deepEqual(redirects(nameless), []);
});

test('redirecting: a thousand packets are told of twice a second, and of all together a hundred times', (t) => {
  const station = router(true);
  const told = (): number => station.core.ip.stats[Stat.Icmp6OutRedirects] as number; // a counter's index
  for (let i = 0; i < 1000; i++) station.receive(echo(NEAR));
  t.is(told(), 2);
  station.pass(S);
  for (let i = 16; i < 516; i++) station.receive(echo(NEAR, `2001:db8:1::${i.toString(16)}`));
  t.true(told() >= 52 && told() <= 102, `${told()}`);
});

test('redirecting: a router follows none (§8.3)', (t) => {
  const station = router(true);
  const { linkLocal } = station;
  const body = [137, 0, 0, 0, 0, 0, 0, 0, ...new Uint8Array(32)];
  t.is(station.receive(message('fe80::7', linkLocal, body)), 'ndRedirect');
});
