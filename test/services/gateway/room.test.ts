/**
 * How much `tunstack forward` takes: descriptors below the process's limit, and which UDP flow gives way.
 * @module
 */
import test from 'ava';
import {
  Descriptors,
  descriptorLimit,
  shareOf,
} from '../../../src/services/gateway/descriptors.ts';
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
    const entry = { close: () => gone.push(name) };
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
