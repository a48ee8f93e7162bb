/**
 * V8's trace of its collector (`--trace-gc-nvp`), which says at each collection how many bytes were
 * allocated since the one before.
 * @module
 */

/** A collection that was asked for right after another one finds next to nothing. */
const NOTHING = 64 * 1024;
const MARKS = 3;

interface Collection {
  readonly full: boolean;
  readonly allocated: number;
}

function read(trace: string): Collection[] {
  return trace.split('\n').flatMap((line) => {
    const kind = /\bgc=(\w+)/.exec(line)?.[1];
    const bytes = /\ballocated=(\d+)/.exec(line)?.[1];
    if (kind === undefined || bytes === undefined) return [];
    // Printed without a sign: where a sweep gave back more than it knew of, it is below 0.
    return [{ full: kind !== 's', allocated: Number(BigInt.asIntN(64, BigInt(bytes))) }];
  });
}

/**
 * Bytes allocated between two marks. A mark is several full collections in a row, which the server
 * makes when it is asked to `collect`.
 */
export function allocated(trace: string): number {
  const list = read(trace);
  /** Where a mark's second collection stands. */
  const marks: number[] = [];
  for (let i = 1; i + MARKS - 2 < list.length; i++) {
    const rest = list.slice(i, i + MARKS - 1);
    if (list[i - 1]?.full !== true) continue;
    if (!rest.every(({ full, allocated: bytes }) => full && bytes < NOTHING)) continue;
    marks.push(i);
    i += MARKS - 1;
  }
  const [first, second] = marks;
  if (first === undefined || second === undefined) {
    throw new Error(`the collector's trace has ${marks.length} of two marks`);
  }
  let sum = 0;
  for (const { allocated: bytes } of list.slice(first + MARKS - 1, second)) sum += bytes;
  return sum;
}
