/**
 * The Internet checksum's inner loop in WebAssembly SIMD, assembled here from its instructions: there
 * is no binary in the tree, and nothing to build. RFC 1071 §2 allows what it does: the sum may be
 * taken in any byte order and in parallel, and folded at the end.
 *
 * `sum(at, length)` adds up the 16-bit little-endian words of `length` bytes of the imported memory,
 * an odd last byte padded with 0, and folds once to at most 17 bits. `copy(from, length, to)` gives
 * the same and copies the bytes meanwhile. Any alignment; up to 128 KiB, beyond which a 32-bit lane
 * could overflow.
 * @module
 */
import { type WasmMemory, wasm } from '../base/wasm.ts';

/** The two functions, over the memory that they were made for. */
export interface Kernel {
  sum(at: number, length: number): number;
  /** The two ranges must not overlap, unless `to` lies first. */
  copy(from: number, length: number, to: number): number;
}

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
const branch = (depth: number): number[] => [0x0c, depth];
const branchIf = (depth: number): number[] => [0x0d, depth];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const constant = (n: number): number[] => [0x41, ...signedLeb(n)];
const notLess = 0x4f; // i32.ge_u
const add = 0x6a;
const and = 0x71;
const shiftRight = 0x76; // i32.shr_u
const addPairs = [0xfd, 0x7f]; // i32x4.extadd_pairwise_i16x8_u
const addVectors = [0xfd, 0xae, 0x01]; // i32x4.add
const lane = (index: number): number[] => [0xfd, 0x1b, index];

/** How so many bytes are loaded, and stored again. */
interface Move {
  load: number[];
  store: number[];
}
const byte: Move = { load: [0x2d, 0, 0], store: [0x3a, 0, 0] };
const half: Move = { load: [0x2f, 0, 0], store: [0x3b, 0, 0] };
const word: Move = { load: [0xfd, 0x5c, 0, 0], store: [0xfd, 0x5a, 0, 0, 0] }; // the rest zero
const double: Move = { load: [0xfd, 0x5d, 0, 0], store: [0xfd, 0x5b, 0, 0, 0] };
const vector = (offset: number): Move => ({
  load: [0xfd, 0x00, 0, offset],
  store: [0xfd, 0x0b, 0, offset],
});

// Parameters and locals. `sum` has `TO` as a local that it does not use.
const AT = 0;
const LENGTH = 1;
const TO = 2;
const STOP = 3;
const TOTAL = 4;
const SCALAR = 5;
const SUMS = [6, 7, 8, 9] as const;
const VECTOR = 10;

/** Load, store if `copying`, and leave the value on the stack. */
const fetch = (move: Move, local: number, copying: boolean): number[] =>
  copying
    ? [...get(TO), ...get(AT), ...move.load, ...tee(local), ...move.store, ...get(local)]
    : [...get(AT), ...move.load];

const addVector = (sum: number, move: Move, copying: boolean): number[] => [
  ...fetch(move, VECTOR, copying),
  ...addPairs,
  ...get(sum),
  ...addVectors,
  ...set(sum),
];

const addScalar = (move: Move, copying: boolean): number[] => [
  ...fetch(move, SCALAR, copying),
  ...get(TOTAL),
  add,
  ...set(TOTAL),
];

const advance = (n: number, copying: boolean): number[] => [
  ...[...get(AT), ...constant(n), add, ...set(AT)],
  ...(copying ? [...get(TO), ...constant(n), add, ...set(TO)] : []),
];

/** While `step` bytes, a power of two, are left: `body`. Leaves the rest in `LENGTH`. */
const turns = (step: number, body: number[], copying: boolean): number[] => [
  ...[...get(AT), ...get(LENGTH), ...constant(-step), and, add, ...set(STOP)],
  ...[...block, ...loop],
  ...[...get(AT), ...get(STOP), notLess, ...branchIf(1)],
  ...body,
  ...advance(step, copying),
  ...[...branch(0), end, end],
  ...[...get(LENGTH), ...constant(step - 1), and, ...set(LENGTH)],
];

/** If bit `n` of what is left is set: `body`. */
const tail = (n: number, body: number[], copying: boolean): number[] => [
  ...[...get(LENGTH), ...constant(n), and, ...when],
  ...body,
  ...advance(n, copying),
  end,
];

/** One of the two functions: its locals and instructions, with their length before them. */
function functionBody(copying: boolean): number[] {
  const [first, second, third, fourth] = SUMS;
  const turn = SUMS.flatMap((sum, i) => addVector(sum, vector(16 * i), copying));
  const code = [
    ...[2, copying ? 3 : 4, I32, 5, V128], // two groups of locals
    ...turns(64, turn, copying),
    ...turns(16, addVector(first, vector(0), copying), copying),
    ...tail(8, addVector(second, double, copying), copying),
    ...tail(4, addVector(third, word, copying), copying),
    ...tail(2, addScalar(half, copying), copying),
    ...tail(1, addScalar(byte, copying), copying),
    ...[...get(first), ...get(second), ...addVectors],
    ...[...get(third), ...addVectors, ...get(fourth), ...addVectors, ...set(first)],
    ...get(TOTAL),
    ...[0, 1, 2, 3].flatMap((i) => [...get(first), ...lane(i), add]),
    ...[...tee(TOTAL), ...constant(0xffff), and],
    ...[...get(TOTAL), ...constant(16), shiftRight, add],
    end,
  ];
  return [...leb(code.length), ...code];
}

/** The whole module. */
export function assemble(): Uint8Array {
  const types = [2, FUNCTION, 2, I32, I32, 1, I32, FUNCTION, 3, I32, I32, I32, 1, I32];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(Section.TYPE, types),
    ...section(Section.IMPORT, [1, ...name('slots'), ...name('memory'), 2, 0, 1]), // a page or more
    ...section(Section.FUNCTION, [2, 0, 1]),
    ...section(Section.EXPORT, [2, ...name('sum'), 0, 0, ...name('copy'), 0, 1]),
    ...section(Section.CODE, [2, ...functionBody(false), ...functionBody(true)]),
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
  const { exports } = new wasm.Instance(compiled, { slots: { memory } });
  return exports as unknown as Kernel; // they are what `assemble` says
}

function section(id: number, content: number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

function leb(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...leb(n >>> 7)];
}

function signedLeb(n: number): number[] {
  return n >= -64 && n < 64 ? [n & 0x7f] : [(n & 0x7f) | 0x80, ...signedLeb(n >> 7)];
}
