/**
 * Whose a segment is. RFC 9293 §3.10.7, RFC 1122 §4.2.4.4.
 * @module
 */
import test from 'ava';
import { type Address, ANY } from '../../../src/stack/base/address.ts';
import { SeededRandom } from '../../../src/stack/base/random.ts';
import { Demux } from '../../../src/stack/tcp/open/demux.ts';
import type { Listener } from '../../../src/stack/tcp/open/listener.ts';
import type { Tcb } from '../../../src/stack/tcp/tcb/tcb.ts';
import { ip } from '../../support/packets.ts';

const US = ip('10.0.0.2');

/** A connection as far as the demultiplexer looks at it. */
function fake(remote: number, remotePort: number, localPort = 80): Tcb {
  const four = { localAddress: US, remoteAddress: remote, localPort, remotePort };
  return { ...four, hash: 0, hashNext: null } as unknown as Tcb; // only these are looked at
}

const listener = (address: Address, port: number): Listener =>
  ({ address, port }) as unknown as Listener; // likewise

test('demux: thousands of connections are all found, and only they', (t) => {
  const demux = new Demux(new SeededRandom(1));
  const all = Array.from({ length: 5000 }, (_x, i) => fake(0x0a000000 + (i % 70), 1000 + i));
  for (const tcb of all) demux.add(tcb);
  t.is(demux.count, 5000);
  t.true(all.every((tcb) => demux.find(US, 80, tcb.remoteAddress, tcb.remotePort) === tcb));
  t.is(demux.find(US, 80, ip('10.0.0.1'), 999), null);
  t.is(demux.find(US, 81, all[0]?.remoteAddress ?? ANY, 1000), null);
  for (const [i, tcb] of all.entries()) if (i % 2 === 0) demux.remove(tcb);
  t.is(demux.count, 2500);
  t.true(
    all.every((tcb, i) => {
      const found = demux.find(US, 80, tcb.remoteAddress, tcb.remotePort);
      return found === (i % 2 === 0 ? null : tcb);
    }),
  );
});

test('demux: to remove what is not in it changes nothing', (t) => {
  const demux = new Demux(new SeededRandom(1));
  const tcb = fake(1, 2);
  demux.remove(tcb);
  demux.add(tcb);
  demux.remove(fake(1, 2));
  t.is(demux.count, 1);
  demux.remove(tcb);
  demux.remove(tcb);
  t.is(demux.count, 0);
});

test('demux: neighbouring peers fall into different buckets, other ones in every stack', (t) => {
  const one = new Demux(new SeededRandom(1));
  const other = new Demux(new SeededRandom(2));
  const bucket = (demux: Demux, i: number): number => demux.hash(US, 80, ip('10.0.0.1'), i) & 1023;
  const used = new Set<number>();
  let same = 0;
  for (let i = 0; i < 1024; i++) {
    used.add(bucket(one, i));
    if (bucket(one, i) === bucket(other, i)) same++;
  }
  t.true(used.size > 550, `${used.size} of 1024 buckets`); // 1 - 1/e of them by chance: 647
  t.true(same < 50, `${same} alike`);
});

test('demux: a listener hears its own address, one for all of them every address', (t) => {
  const demux = new Demux(new SeededRandom(1));
  const other = ip('10.0.0.3');
  const ours = listener(US, 80);
  const theirs = listener(other, 80);
  const any = listener(ANY, 81);
  t.true([ours, theirs, any].every((one) => demux.addListener(one)));
  t.is(demux.listener(US, 80), ours);
  t.is(demux.listener(other, 80), theirs);
  t.is(demux.listener(ip('10.0.0.4'), 80), undefined);
  t.is(demux.listener(US, 81), any);
  t.deepEqual([...demux.listeners()], [ours, theirs, any]);
  demux.removeListener(ours);
  demux.removeListener(ours);
  t.is(demux.listener(US, 80), undefined);
  t.true(demux.hasListener(80));
  demux.removeListener(theirs);
  t.false(demux.hasListener(80));
});

test('demux: two listeners share no port and address, and none the port of one for all', (t) => {
  const demux = new Demux(new SeededRandom(1));
  t.true(demux.addListener(listener(US, 80)));
  t.false(demux.addListener(listener(US, 80)));
  t.false(demux.addListener(listener(ANY, 80)));
  t.true(demux.addListener(listener(ANY, 81)));
  t.false(demux.addListener(listener(US, 81)));
});
