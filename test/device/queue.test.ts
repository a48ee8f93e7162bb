/** Tests of src/device/queue.ts: the ring of packets, against a plain array. */
import test from 'ava';
import { PacketQueue } from '../../src/device/queue.ts';

/** Numerical Recipes' generator: good enough to choose lengths. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`queue: gives what was put, in order, through growth and wrap (seed ${seed})`, (t) => {
    const next = random(seed);
    const limit = 1 + Math.floor(next() * 40);
    const longest = 1 + Math.floor(next() * 3000);
    const queue = new PacketQueue(limit, longest);
    const model: Uint8Array[] = [];
    const into = new Uint8Array(longest);
    for (let step = 0; step < 20_000; step++) {
      if (next() < 0.52) {
        const packet = new Uint8Array(1 + Math.floor(next() * longest));
        packet.fill(step & 0xff);
        packet[0] = packet.length & 0xff;
        const taken = queue.push(packet, 0, packet.length);
        if (taken !== model.length < limit) return t.fail(`step ${step}: push gave ${taken}`);
        if (taken) model.push(packet);
      } else {
        const want = model.shift();
        if (queue.peek() !== (want?.length ?? 0)) return t.fail(`step ${step}: peek`);
        const length = queue.shift(into, 0, into.length);
        if (length !== (want?.length ?? 0)) return t.fail(`step ${step}: length ${length}`);
        if (want !== undefined && Buffer.compare(into.subarray(0, length), want) !== 0) {
          return t.fail(`step ${step}: contents`);
        }
      }
      if (queue.count !== model.length) return t.fail(`step ${step}: count`);
    }
    t.is(
      queue.bytes,
      model.reduce((sum, packet) => sum + packet.length, 0),
    );
  });
}

test('queue: a full one of the longest packets takes all it promises', (t) => {
  const queue = new PacketQueue(7, 1501);
  const packet = new Uint8Array(1501);
  for (let round = 0; round < 50; round++) {
    while (queue.count < 7) t.true(queue.push(packet, 0, 1501));
    t.false(queue.push(packet, 0, 1501));
    for (let i = 0; i < 1 + (round % 7); i++) queue.shift(packet, 0, 1501);
  }
});
