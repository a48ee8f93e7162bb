/**
 * A network with idle and busy guests in virtual time: leases are renewed (RFC 2131 §4.4.5), neighbours age
 * (RFC 4861 §7.3), flows of UDP end by silence (RFC 4787 §4.3). `npm run soak -- network` lives through more hours.
 * @module
 */
import test from 'ava';
import { inVirtualTime } from './virtual.ts';

test('soak: twenty-four minutes of idle and busy guests, and nothing stands still or grows', async (t) => {
  const { samples, failures, slowest, grown } = await inVirtualTime(24, 3);
  t.deepEqual(failures, []);
  t.deepEqual(grown, []);
  t.true(slowest < 15_000);
  const last = samples.at(-1);
  t.true((last?.carried ?? 0) > 1000);
  // Four residents, and visitors of the last quarter of an hour, whose leases have not run out.
  t.true((last?.leases ?? 0) >= 5 && (last?.leases ?? 0) <= 8);
  // UDP flows end after two minutes: those of two guests, one each five seconds.
  t.true((last?.flows ?? 0) <= 60);
});
