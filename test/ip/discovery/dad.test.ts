/**
 * Duplicate address detection. RFC 4862 §5.4, RFC 7527, RFC 7217 §6.
 * @module
 */
import test from 'ava';
import { Drop } from '../../../src/stack/base/drop.ts';
import { message, octets, S, Station6 } from './station6.ts';

const OURS = '2001:db8::2';
const GROUP = 'ff02::1:ff00:2';
const ASK = `NS ${OURS}: :: > ${GROUP} @33:33:ff:00:00:02`;
const NS = [135, 0, 0, 0, 0, 0, 0, 0];
const NONCE = [14, 1, 9, 9, 9, 9, 9, 9];

/** A station whose link-local address is settled, and which asks for `OURS`. */
function asking(): Station6 {
  const station = new Station6();
  station.enable({ acceptRouters: false });
  station.pass(10 * S);
  station.take();
  station.add(OURS);
  station.pass(1);
  return station;
}

test('dad: an address is asked for from ::, with its group joined before, and is ours a second later', (t) => {
  const station = asking();
  t.deepEqual(station.take(), [
    `report 4 ${GROUP}: ${station.linkLocal} > ff02::16 @33:33:00:00:00:16`,
    ASK,
  ]);
  t.false(station.addresses.includes(OURS), 'tentative');
  station.pass(0.99 * S);
  t.false(station.addresses.includes(OURS));
  station.pass(0.1 * S);
  t.true(station.addresses.includes(OURS));
  station.pass(5 * S);
  t.deepEqual(
    station.take().filter((line) => line.startsWith('NS')),
    [],
    'DupAddrDetectTransmits is 1',
  );
});

test('dad: the first question of an interface waits for up to a second (§5.4.2)', (t) => {
  const delays = [1, 2, 3, 4, 5].map((seed) => {
    const station = new Station6(seed);
    station.enable({ acceptRouters: false });
    return station.core.deadline();
  });
  t.true(delays.every((delay) => delay > 0 && delay <= S));
  t.true(new Set(delays).size > 1);
});

test('dad: nothing is taken in for a tentative address (§5.4)', (t) => {
  const station = asking();
  const echo = message('2001:db8::9', OURS, [128, 0, 0, 0, 0, 1, 0, 1]);
  t.is(station.receive(echo), 'ipNotOurs');
  station.take();
  const ask = message('2001:db8::9', GROUP, [...NS, ...octets(OURS), 1, 1, 2, 0, 0, 0, 0, 9]);
  t.is(station.receive(ask), 'ndNotOurs', 'somebody looks for who has it (§5.4.3)');
  t.deepEqual(station.take(), []);
});

test('dad: who else asks for it, or has it, keeps it, and its owner is told (§5.4.3, §5.4.4)', (t) => {
  const asks = message('::', GROUP, [...NS, ...octets(OURS), ...NONCE]);
  const has = [136, 0, 0, 0, 0x20, 0, 0, 0, ...octets(OURS), 2, 1, 2, 0, 0, 0, 0, 9];
  for (const packet of [asks, message(OURS, 'ff02::1', has)]) {
    const station = asking();
    t.is(station.receive(packet), 'none');
    t.deepEqual(station.conflicts, [`${OURS} lost to 02:00:00:00:00:09`]);
    station.pass(10 * S);
    t.false(station.addresses.includes(OURS));
    t.false([...station.iface.groups.keys()].some((group) => group === station.iface.linkLocal));
    t.true(station.idle);
  }
});

test('dad: our own question, come back, is no duplicate; three more follow (RFC 7527 §4.2)', (t) => {
  const station = asking();
  const question = station.sent.find((frame) => frame[20] === 58)?.subarray(14);
  t.truthy(question);
  for (let i = 0; i < 5; i++) station.receive(question ?? new Uint8Array(0), 2);
  t.deepEqual(station.conflicts, []);
  station.take();
  station.pass(3.9 * S);
  t.deepEqual(
    station.take().filter((line) => line.startsWith('NS')),
    [ASK, ASK, ASK],
    'however often it comes back',
  );
  station.pass(0.2 * S);
  t.true(station.addresses.includes(OURS));
});

test('dad: a link-local address that another has is followed by another, three times (RFC 7217 §6)', (t) => {
  const station = new Station6();
  station.enable({ acceptRouters: false });
  const tried: string[] = [];
  for (let i = 0; i < 4; i++) {
    station.pass(i === 0 ? S : 0.5 * S);
    const question = station.take().find((line) => line.startsWith('NS'));
    const target = /^NS (\S+): :: > /.exec(question ?? '')?.[1] ?? '';
    tried.push(target);
    station.receive(message('::', 'ff02::1', [136, 0, 0, 0, 0x20, 0, 0, 0, ...octets(target)]));
  }
  t.is(new Set(tried).size, 4);
  t.true(tried.every((target) => target.startsWith('fe80::')));
  station.pass(20 * S);
  t.deepEqual(station.addresses, [], 'then none');
  t.is(station.conflicts.length, 1);
});

test('dad: sixty-four are asked for at a time, and no more', (t) => {
  const station = asking();
  for (let i = 0; i < 100; i++) station.add(`2001:db8::1:${i.toString(16)}`);
  station.pass(5 * S);
  t.is(station.addresses.length, 65, 'with the link-local one');
  t.is(station.core.drops[Drop.OUT_NO_SLOT], 0);
});

test('dad: an address is taken back while it is tentative, and after', (t) => {
  const station = asking();
  const { discovery } = station.core.ip;
  const wanted = station.core.ip.discovery.autoconf.dad;
  const target = station.iface.index;
  t.truthy(wanted);
  t.is(target, 1);
  station.pass(5 * S);
  const own = station.iface.addresses.at(-1);
  t.true(own !== undefined && discovery.removeAddress(station.iface, own.address));
  t.false(station.addresses.includes(OURS));
  station.flush();
  t.true(
    station.take().some((line) => line.startsWith(`report 3 ${GROUP}`)),
    'its group is left',
  );
});
