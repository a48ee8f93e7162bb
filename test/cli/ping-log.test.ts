/**
 * ping's lines against what iputils prints for the same figures.
 * @module
 */
import test from 'ava';
import { milliseconds, PingLog } from '../../src/cli/ping-log.ts';

const log = (json = false): PingLog =>
  new PingLog({ host: 'gate', address: '10.0.0.1', size: 56, json });

const reply = (seq: number, rtt: number) => ({ from: '10.0.0.1', seq, bytes: 64, ttl: 64, rtt });

test('ping-log: the first line says data and packet length', (t) => {
  t.is(log().opening(), 'PING gate (10.0.0.1) 56(84) bytes of data.');
});

test('ping-log: a reply is told as ping tells it', (t) => {
  t.is(log().reply(reply(1, 0.0414)), '64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.041 ms');
});

test('ping-log: round trips keep three digits that matter', (t) => {
  t.deepEqual(
    [0.0414, 0.9994, 0.99951, 1.234, 9.994, 9.996, 12.34, 99.94, 99.96, 1234.5].map(milliseconds),
    ['0.041', '0.999', '1.00', '1.23', '9.99', '10.0', '12.3', '99.9', '100', '1235'],
  );
});

test('ping-log: the end has loss, min, avg, max and mdev', (t) => {
  const l = log();
  for (let i = 0; i < 3; i++) l.sent();
  l.reply(reply(1, 1));
  l.reply(reply(2, 3));
  t.is(
    l.closing(2003.4),
    '\n--- gate ping statistics ---\n' +
      '3 packets transmitted, 2 received, 33.3333% packet loss, time 2003ms\n' +
      'rtt min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms',
  );
});

test('ping-log: without an answer there are no round trips', (t) => {
  const l = log();
  l.sent();
  t.is(
    l.failure({ from: '10.0.0.2', seq: 1 }, 'Destination Host Unreachable'),
    'From 10.0.0.2 icmp_seq=1 Destination Host Unreachable',
  );
  t.is(
    l.closing(0),
    '\n--- gate ping statistics ---\n' +
      '1 packet transmitted, 0 received, +1 error, 100% packet loss, time 0ms',
  );
  t.is(l.rtt, undefined);
});

test('ping-log: before anything was sent nothing is lost', (t) => {
  t.is(log().loss, 0);
});

test('ping-log: as JSON each line is an object', (t) => {
  const l = log(true);
  l.sent();
  const lines = [l.opening(), l.reply(reply(1, 2)), l.silence(2), l.closing(5)];
  t.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { event: 'ping', address: '10.0.0.1', host: 'gate', size: 56 },
      { event: 'reply', address: '10.0.0.1', ...reply(1, 2) },
      { event: 'timeout', address: '10.0.0.1', seq: 2 },
      {
        ...{ event: 'statistics', address: '10.0.0.1', transmitted: 1, received: 1, errors: 0 },
        ...{ loss: 0, time: 5, rtt: { min: 2, avg: 2, max: 2, mdev: 0 } },
      },
    ],
  );
});

test('ping-log: objects have microseconds, and no digits beyond', (t) => {
  const { rtt } = JSON.parse(log(true).reply(reply(1, 1.8958780000000262))) as { rtt: number };
  t.is(rtt, 1.896);
});
