/**
 * Multicast Listener Discovery: what routers are told, when, and in which version. RFC 3810, RFC 2710.
 * @module
 */
import test from 'ava';
import { address } from './addresses.ts';
import { message, octets, S, Station6 } from './station6.ts';

const GROUP = 'ff05::1:3';
const ALERT = [58, 0, 5, 2, 0, 0, 1, 0];
const ALL = 'ff02::16 @33:33:00:00:00:16';

function quiet(): Station6 {
  const station = new Station6();
  station.enable({ acceptRouters: false });
  station.pass(10 * S);
  station.take();
  return station;
}

const join = (station: Station6, group = GROUP): boolean => {
  const joined = station.core.ip.multicast.join(station.iface, address(group));
  station.flush();
  return joined;
};

function query(
  station: Station6,
  group: string,
  version = 2,
  code = 10_000,
  extension = ALERT,
): string {
  const body = [130, 0, 0, 0, code >> 8, code & 255, 0, 0, ...octets(group)];
  if (version === 2) body.push(2, 125, 0, 0);
  const to = group === '::' ? 'ff02::1' : group;
  return station.receive(message('fe80::1', to, body, 1, extension), 1);
}

test('mld: joining is reported twice, leaving too (RFC 3810 §6.1)', (t) => {
  const station = quiet();
  t.true(join(station));
  const from = station.linkLocal;
  t.deepEqual(station.take(), [`report 4 ${GROUP}: ${from} > ${ALL}`]);
  station.pass(2 * S);
  t.deepEqual(station.take(), [`report 4 ${GROUP}: ${from} > ${ALL}`]);
  station.pass(60 * S);
  t.deepEqual(station.take(), []);
  station.core.ip.multicast.leave(station.iface, address(GROUP));
  station.pass(2 * S);
  t.deepEqual(station.take(), new Array(2).fill(`report 3 ${GROUP}: ${from} > ${ALL}`));
  t.true(station.idle);
});

test('mld: a report goes with hop limit 1 and a router alert (RFC 3810 §5)', (t) => {
  const station = quiet();
  join(station);
  const packet = station.sent[0]?.subarray(14) ?? new Uint8Array(0);
  t.deepEqual([packet[6], packet[7]], [0, 1]);
  t.deepEqual([...packet.subarray(40, 48)], ALERT);
});

test('mld: the group of an address is reported before the address is asked for', (t) => {
  const station = new Station6();
  station.enable({ acceptRouters: false });
  station.pass(S);
  const lines = station.take();
  t.regex(lines[0] ?? '', /^report 4 ff02::1:ff[0-9a-f:]+: :: > ff02::16 /);
  t.regex(lines[1] ?? '', /^NS fe80::/);
  station.pass(5 * S);
  const again = station.take().filter((line) => line.startsWith('report'));
  t.true(
    again.some((line) => line.includes(`: ${station.linkLocal} > `)),
    'RFC 3590 §4: and again from it',
  );
});

test('mld: a query is answered for every group, or for one, within its time (RFC 3810 §6.2)', (t) => {
  const station = quiet();
  join(station);
  station.pass(2 * S);
  station.take();
  t.is(query(station, '::'), 'none');
  station.pass(10 * S);
  const all = station.take();
  t.is(all.length, 2, 'the group of our address, and this');
  t.true(all.every((line) => line.startsWith('report 2 ')));
  t.is(query(station, GROUP, 2, 1000), 'none');
  station.pass(S);
  t.deepEqual(station.take(), [`report 2 ${GROUP}: ${station.linkLocal} > ${ALL}`]);
  t.is(query(station, 'ff05::99'), 'ipNotMember');
});

test('mld: a router of version 1 is spoken to in version 1, for 260 s (RFC 3810 §8.2)', (t) => {
  const station = quiet();
  t.is(query(station, '::', 1), 'none');
  station.pass(10 * S);
  station.take();
  join(station);
  const from = station.linkLocal;
  const report = `report1 ${GROUP}: ${from} > ${GROUP} @33:33:00:01:00:03`;
  t.deepEqual(station.take(), [report]);
  const heard = message('fe80::7', GROUP, [131, 0, 0, 0, 0, 0, 0, 0, ...octets(GROUP)], 1, ALERT);
  t.is(station.receive(heard), 'none');
  station.pass(20 * S);
  t.deepEqual(station.take(), [], 'somebody else has said it');
  station.core.ip.multicast.leave(station.iface, address(GROUP));
  t.deepEqual(station.take(), [`done ${GROUP}: ${from} > ff02::2 @33:33:00:00:00:02`]);
  station.pass(260 * S);
  join(station);
  t.deepEqual(station.take(), [`report 4 ${GROUP}: ${from} > ${ALL}`]);
});

test('mld: what is not of this link, not marked, or of no version is dropped (RFC 3810 §6.2, §8.1)', (t) => {
  const station = quiet();
  const body = [130, 0, 0, 0, 0, 10, 0, 0, ...octets('::'), 2, 125, 0, 0];
  const drop = (packet: Uint8Array): string => station.receive(packet, 1);
  t.is(drop(message('2001:db8::1', 'ff02::1', body, 1, ALERT)), 'mldMalformed');
  t.is(drop(message('fe80::1', 'ff02::1', body, 64, ALERT)), 'mldMalformed');
  t.is(drop(message('fe80::1', 'ff02::1', body, 1)), 'mldMalformed', 'no router alert');
  t.is(drop(message('fe80::1', 'ff02::1', body.slice(0, 26), 1, ALERT)), 'mldMalformed');
  station.pass(20 * S);
  t.deepEqual(station.take(), []);
});

test('mld: all nodes, and groups of the interface, are told of to nobody (RFC 3810 §6)', (t) => {
  const station = quiet();
  join(station, 'ff02::1');
  join(station, 'ff01::5');
  t.deepEqual(station.take(), []);
  query(station, '::');
  station.pass(10 * S);
  t.is(station.take().length, 1);
});

test('mld: a response time of 0 is answered at once, and a flood of queries once', (t) => {
  const station = quiet();
  join(station);
  station.pass(2 * S);
  station.take();
  t.is(query(station, GROUP, 2, 0), 'none');
  for (let i = 0; i < 1000; i++) query(station, GROUP, 2, 5000);
  station.pass(20 * S);
  t.is(station.take().length, 1);
});
