/**
 * A device that lies, below a whole stack: nothing is thrown, nothing leaks, and what is real gets through whole.
 * docs/security.md: "device".
 * @module
 */
import { once } from 'node:events';
import test from 'ava';
import { createPipe, createStack } from '../../src/index.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Liar } from './liar.ts';

const SEED = Number(process.env['TUNSTACK_SEED'] ?? Date.now() % 1_000_000);
const TEXT = Buffer.from(
  Uint8Array.from({ length: 1_500_000 }, (_x, i) => (i * 7 + (i >> 8)) & 255),
);

for (const offload of [false, true]) {
  const how = offload ? 'with offload' : 'without offload';
  test(`fuzz: what a lying device invents does no harm, ${how}`, async (t) => {
    t.log(`seed ${SEED}`);
    t.timeout(60_000);
    const [a, b] = createPipe({ offload });
    const liar = new Liar(b, new SeededRandom(SEED));
    const left = createStack({ device: a, address: '10.0.0.1/24', poison: true });
    const right = createStack({ device: liar, address: '10.0.0.2/24', poison: true });
    right.net.createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(7);
    const socket = left.net.connect(7, '10.0.0.2');
    socket.end(TEXT);
    const pieces: Buffer[] = [];
    socket.on('data', (piece) => pieces.push(piece));
    await once(socket, 'close');
    t.true(Buffer.concat(pieces).equals(TEXT), 'what is real is whole');
    t.true(liar.invented > 0, `it has lied ${liar.invented} times`);
    await Promise.all([left.close(), right.close()]);
    const { slots, slotsFree, packetsIn, packetsUsed, drops, ignored } = right.stats();
    t.is(slotsFree, slots);
    const discarded = [...Object.entries(drops), ...Object.entries(ignored)];
    const dropped = discarded.filter(([reason]) => !reason.startsWith('out'));
    t.is(
      packetsIn - packetsUsed,
      dropped.reduce((sum, [, n]) => sum + n, 0),
      'all are accounted for',
    );
  });
}
