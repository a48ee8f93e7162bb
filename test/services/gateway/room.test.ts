/**
 * How much `tunstack forward` takes: descriptors below the process's limit, and which UDP flow gives way.
 * @module
 */
import test from 'ava';
import {
  Descriptors,
  descriptorLimit,
  Room,
  shareOf,
} from '../../../src/services/gateway/descriptors.ts';
import type { FlowQuestion } from '../../../src/services/gateway/judge.ts';
import { type UdpFlowEntry, UdpFlows } from '../../../src/services/gateway/udp-flows.ts';

// proc(5), /proc/pid/limits: soft limit, then hard limit.
test('descriptors: the soft limit is read', (t) => {
  const line = (soft: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}       4096     files\n`;
  t.is(descriptorLimit(line('1024')), 1024);
  t.is(descriptorLimit(line('unlimited')), Number.MAX_SAFE_INTEGER);
  t.is(descriptorLimit(''), 1024);
  t.true(descriptorLimit() > 0);
});

test('descriptors: flows leave room for the rest of the process', (t) => {
  t.is(shareOf(1024), 896);
  t.is(shareOf(1_048_576), 1_048_448);
  t.is(shareOf(64), 48);
  t.is(shareOf(1), 1);
});

test('descriptors: none is taken past the most, and what is given back can be taken', (t) => {
  const descriptors = new Descriptors(3);
  t.true(descriptors.take(2));
  t.false(descriptors.take(2));
  t.is(descriptors.taken, 2);
  t.true(descriptors.take(1));
  descriptors.give(2);
  t.true(descriptors.take(2));
});

test('udp-flows: the longest silent one goes', (t) => {
  const flows = new UdpFlows();
  const gone: string[] = [];
  const add = (name: string): UdpFlowEntry => {
    const entry = { port: undefined, close: () => gone.push(name) };
    flows.touch(entry);
    return entry;
  };
  t.false(flows.endOne());
  const [a, , c] = [add('a'), add('b'), add('c')];
  flows.touch(a);
  t.true(flows.endOne());
  t.deepEqual(gone, ['b']);
  flows.delete(c);
  t.true(flows.endOne());
  t.deepEqual(gone, ['b', 'a']);
  t.false(flows.endOne());
  t.is(flows.size, 0);
});

test('room: one port leaves a quarter of the connections to others, and they to those that come later', (t) => {
  const room = new Room(100, new Descriptors(1000), new UdpFlows(), () => {});
  const flow = (port?: string): FlowQuestion => ({
    guest: { address: '10.83.0.15', ...(port !== undefined && { port }) },
    ...{ protocol: 'tcp', address: '192.0.2.1', port: 80 },
  });
  const takeAll = (port: string): number => {
    let count = 0;
    while (room.take(flow(port), 2)) count++;
    return count;
  };
  t.is(takeAll('one'), 75);
  t.true(room.take(flow('two'), 2));
  t.false(room.take(flow('one'), 2));
  t.is(takeAll('two'), 18);
  t.is(takeAll('three'), 5);
  // What ends makes room again, for who has the least first.
  for (let i = 0; i < 20; i++) room.give(flow('one'), 2);
  t.true(takeAll('three') > 10);
  t.false(room.take(flow('one'), 2));
  t.true(room.take(flow(), 2), 'who is at no port shares with nobody');
});

test('room: where descriptors are few they are shared, and silent datagrams give theirs', (t) => {
  const rows = new UdpFlows();
  const descriptors = new Descriptors(40);
  let displaced = 0;
  const room = new Room(100, descriptors, rows, () => displaced++);
  const flow = (port: string, protocol: 'tcp' | 'udp'): FlowQuestion => ({
    ...{ guest: { address: '10.83.0.15', port }, protocol, address: '192.0.2.1', port: 80 },
  });
  for (let i = 0; i < 40; i++) {
    t.true(room.take(flow('one', 'udp'), 1));
    rows.touch({ port: 'one', close: () => room.give(flow('one', 'udp'), 1) });
  }
  let count = 0;
  while (room.take(flow('two', 'tcp'), 1)) count++;
  t.is(count, 30);
  t.is(displaced, 30);
  t.is(descriptors.free, 0);
  t.is(room.boundOf(flow('two', 'tcp')), 'descriptors: raise ulimit -n');
});

test('room: a guest of many UDP flows displaces its own, the longest silent first, and no other guest’s', (t) => {
  const rows = new UdpFlows();
  const gone: string[] = [];
  const room = new Room(20, new Descriptors(1000), rows, () => {});
  const open = (port: string, name: string): boolean => {
    const question: FlowQuestion = {
      ...{ guest: { address: '10.83.0.15', port }, protocol: 'udp' },
      ...{ address: '192.0.2.1', port: 53 },
    };
    if (!room.take(question, 1)) return false;
    rows.touch({
      port,
      close: () => {
        gone.push(name);
        room.give(question, 1);
      },
    });
    return true;
  };
  for (let i = 0; i < 5; i++) t.true(open('quiet', `quiet ${i}`));
  for (let i = 0; i < 1000; i++) t.true(open('busy', `busy ${i}`));
  t.is(gone.length, 985);
  t.deepEqual(gone.slice(0, 2), ['busy 0', 'busy 1']);
  t.false(gone.some((name) => name.startsWith('quiet')));
  // Up to an equal part the busy one makes room for the other; beyond it the other displaces its own.
  gone.length = 0;
  for (let i = 5; i < 12; i++) t.true(open('quiet', `quiet ${i}`));
  t.deepEqual(gone.slice(0, 2), ['busy 985', 'busy 986']);
  t.deepEqual(gone.slice(5), ['quiet 0', 'quiet 1']);
  t.is(rows.size, 20);
});
