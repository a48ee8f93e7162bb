/**
 * The Internet checksum's inner loop in WebAssembly SIMD, assembled here from its instructions: there
 * is no binary in the tree, and nothing to build. RFC 1071 §2 allows what it does: the sum may be
 * taken in any byte order and in parallel, and folded at the end.
 *
 * The function is `sum(at, length)`: the 16-bit little-endian words of `length` bytes of the imported
 * memory, an odd last byte padded with 0, added up and folded once to at most 17 bits. Any alignment;
 * up to 128 KiB, beyond which a 32-bit lane could overflow.
 * @module
 */
import { type WasmMemory, wasm } from '../base/wasm.ts';

/** Adds up `length` bytes from `at` of the memory that it was made for. */
export type Kernel = (at: number, length: number) => number;

// Types and sections. WebAssembly 2.0 §5.
const I32 = 0x7f;
const V128 = 0x7b;
const FUNCTION = 0x60;
const EMPTY = 0x40;
const Section = { TYPE: 1, IMPORT: 2, FUNCTION: 3, EXPORT: 7, CODE: 10 } as const;

// Instructions; an alignment of 0 promises none.
const block = [0x02, EMPTY];
const loop = [0x03, EMPTY];
const when = [0x04, EMPTY];
const end = 0x0b;
const branchIf = (depth: number): number[] => [0x0d, depth];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const constant = (n: number): number[] => [0x41, ...signedLeb(n)];
const load8 = [0x2d, 0, 0];
const load16 = [0x2f, 0, 0];
const lessUnsigned = 0x49;
const add = 0x6a;
const and = 0x71;
const shiftRightUnsigned = 0x76;
const loadVector = (offset: number): number[] => [0xfd, 0x00, 0, offset];
const load32Zero = [0xfd, 0x5c, 0, 0];
const load64Zero = [0xfd, 0x5d, 0, 0];
const addPairs = [0xfd, 0x7f]; // i32x4.extadd_pairwise_i16x8_u
const addVectors = [0xfd, 0xae, 0x01]; // i32x4.add
const lane = (index: number): number[] => [0xfd, 0x1b, index];

// Locals: two parameters, two integers, four vectors of four partial sums.
const AT = 0;
const LENGTH = 1;
const STOP = 2;
const TOTAL = 3;
const SUMS = [4, 5, 6, 7] as const;

/** The instructions that move `AT` on by `n` bytes. */
const advance = (n: number): number[] => [...get(AT), ...constant(n), add, ...set(AT)];

/** Add what a vector load gives to one of the vectors. */
const accumulate = (sum: number, load: number[]): number[] => [
  ...get(sum),
  ...get(AT),
  ...load,
  ...addPairs,
  ...addVectors,
  ...set(sum),
];

/** While at least `step` bytes (a power of two) are left below `LENGTH` rounded down: `body`. */
const turns = (step: number, body: number[]): number[] => [
  ...get(AT),
  ...get(LENGTH),
  ...constant(-step),
  and,
  add,
  ...set(STOP),
  ...block,
  ...loop,
  ...get(AT),
  ...get(STOP),
  lessUnsigned,
  0x45, // i32.eqz
  ...branchIf(1),
  ...body,
  ...advance(step),
  0x0c, // br: again
  0,
  end,
  end,
  ...get(LENGTH),
  ...constant(step - 1),
  and,
  ...set(LENGTH),
];

/** If bit `n` of what is left is set, `body`, and go on behind it. */
const tail = (n: number, body: number[]): number[] => [
  ...get(LENGTH),
  ...constant(n),
  and,
  ...when,
  ...body,
  ...advance(n),
  end,
];

const addScalar = (load: number[]): number[] => [
  ...get(TOTAL),
  ...get(AT),
  ...load,
  add,
  ...set(TOTAL),
];

const body: number[] = [
  ...turns(
    64,
    SUMS.flatMap((sum, i) => accumulate(sum, loadVector(16 * i))),
  ),
  ...turns(16, accumulate(SUMS[0], loadVector(0))),
  ...tail(8, accumulate(SUMS[1], load64Zero)),
  ...tail(4, accumulate(SUMS[2], load32Zero)),
  ...tail(2, addScalar(load16)),
  ...tail(1, addScalar(load8)),
  ...SUMS.flatMap((sum, i) => [...get(sum), ...(i === 0 ? [] : addVectors)]),
  ...set(SUMS[0]),
  ...get(TOTAL),
  ...[0, 1, 2, 3].flatMap((i) => [...get(SUMS[0]), ...lane(i), add]),
  ...tee(TOTAL),
  ...constant(0xffff),
  and,
  ...get(TOTAL),
  ...constant(16),
  shiftRightUnsigned,
  add,
  end,
];

/** The whole module. */
export function assemble(): Uint8Array {
  const locals = [2, 2, I32, 4, V128]; // two groups: two integers, four vectors
  const code = [...locals, ...body];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(Section.TYPE, [1, FUNCTION, 2, I32, I32, 1, I32]),
    ...section(Section.IMPORT, [1, ...name('slots'), ...name('memory'), 2, 0, 1]), // one page or more
    ...section(Section.FUNCTION, [1, 0]),
    ...section(Section.EXPORT, [1, ...name('sum'), 0, 0]),
    ...section(Section.CODE, [1, ...leb(code.length), ...code]),
  ]);
}

let compiled: object | undefined;

/** The kernel for `memory`; undefined where the engine refuses it (no SIMD). */
export function makeKernel(memory: WasmMemory): Kernel | undefined {
  if (compiled === undefined) {
    const code = assemble();
    if (!wasm.validate(code)) return undefined;
    compiled = new wasm.Module(code);
  }
  const { sum } = new wasm.Instance(compiled, { slots: { memory } }).exports;
  return sum as Kernel; // the one function that `assemble` exports
}

function section(id: number, content: number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text, 'latin1')];
}

function leb(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...leb(n >>> 7)];
}

function signedLeb(n: number): number[] {
  return n >= -64 && n < 64 ? [n & 0x7f] : [(n & 0x7f) | 0x80, ...signedLeb(n >> 7)];
}
