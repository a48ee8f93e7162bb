/**
 * One million hostile packets into a stack with listeners, sockets and live connections.
 * @module
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { besiege } from './siege.ts';

const PACKETS = 1_000_000;
const MIB = 2 ** 20;
/** Set it to repeat a run that failed. */
const SEED = Number(process.env['TUNSTACK_SEED'] ?? Date.now() % 1_000_000);

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heap(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

for (const ipv6 of [false, true]) {
  test.serial(
    `fuzz: a million hostile packets of IPv${ipv6 ? 6 : 4} throw nothing, leak nothing and are all accounted for`,
    (t) => {
      t.log(`to repeat: npm run fuzz -- --siege ${PACKETS} --seed ${SEED}`);
      const sizes: number[] = [];
      const { fates, octets } = besiege(SEED, PACKETS, () => sizes.push(heap()), undefined, ipv6);
      t.is(
        Object.values(fates).reduce((a, b) => a + b, 0),
        PACKETS,
      );
      t.true((fates['none'] ?? 0) > PACKETS / 50, 'some get through');
      t.true(Object.keys(fates).length > 30, 'and they fail in many ways');
      t.true(octets > 1e6, 'while the live connections go on');
      const [early = 0, late = 0] = sizes;
      t.true(late - early < 8 * MIB, `memory grew from ${early} to ${late}`);
    },
  );
}
