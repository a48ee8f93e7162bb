/**
 * Who has which addresses: prefixes of either family, and the value of the longest that an address lies in. What
 * WireGuard calls allowed IPs and a router its table.
 *
 * Two tries with compressed paths (Morrison, PATRICIA, 1968), one a family: a look-up passes at most as many
 * nodes as there are prefixes on the way, and makes no object.
 * @module
 */

class Node<T> {
  /** The prefix, in whole bytes; what is past `bits` is zero. */
  readonly octets: Uint8Array;
  readonly bits: number;
  value: T | undefined;
  zero: Node<T> | undefined;
  one: Node<T> | undefined;

  constructor(octets: Uint8Array, bits: number, value: T | undefined) {
    this.octets = octets;
    this.bits = bits;
    this.value = value;
  }
}

/** A prefix in the table. */
export interface PrefixEntry<T> {
  /** The address, 4 or 16 bytes; what is past `bits` is zero. */
  readonly octets: Uint8Array;
  readonly bits: number;
  readonly value: T;
}

export class PrefixTable<T> {
  #four: Node<T> | undefined;
  #six: Node<T> | undefined;

  /** `octets`/`bits` is `value`'s from now on, whoever had it. Of 4 or 16 bytes; what is past `bits` is ignored. */
  set(octets: Uint8Array, bits: number, value: T): void {
    const node = new Node(masked(octets, bits), bits, value);
    if (octets.length === 4) this.#four = insert(this.#four, node);
    else this.#six = insert(this.#six, node);
  }

  /** The value of the longest prefix that the address of `length` bytes (4 or 16) at `at` lies in. */
  lookup(bytes: Uint8Array, at: number, length: number): T | undefined {
    let node = length === 4 ? this.#four : this.#six;
    const last = length * 8;
    let found: T | undefined;
    while (node !== undefined && common(node.octets, 0, bytes, at, node.bits) >= node.bits) {
      if (node.value !== undefined) found = node.value;
      if (node.bits >= last) break;
      node = bit(bytes, at, node.bits) ? node.one : node.zero;
    }
    return found;
  }

  /** Take all prefixes of `value` away. */
  remove(value: T): void {
    this.#four = prune(this.#four, value);
    this.#six = prune(this.#six, value);
  }

  /** All there is, IPv4 first, each family in the order of its addresses. */
  *entries(): Generator<PrefixEntry<T>> {
    yield* walk(this.#four);
    yield* walk(this.#six);
  }
}

function masked(octets: Uint8Array, bits: number): Uint8Array {
  return octets.map((octet, i) => {
    const inside = Math.min(Math.max(bits - i * 8, 0), 8);
    return octet & (0xff << (8 - inside));
  });
}

const bit = (bytes: Uint8Array, at: number, index: number): boolean =>
  (((bytes[at + (index >> 3)] as number) >> (7 - (index & 7))) & 1) === 1;

/** How many of the first `most` bits two addresses share. */
function common(
  one: Uint8Array,
  oneAt: number,
  other: Uint8Array,
  otherAt: number,
  most: number,
): number {
  for (let i = 0; i * 8 < most; i++) {
    const differ = (one[oneAt + i] as number) ^ (other[otherAt + i] as number);
    if (differ !== 0) return Math.min(most, i * 8 + Math.clz32(differ) - 24);
  }
  return most;
}

/** The trie under `root` with `node` in it. */
function insert<T>(root: Node<T> | undefined, node: Node<T>): Node<T> {
  if (root === undefined) return node;
  const shared = common(root.octets, 0, node.octets, 0, Math.min(root.bits, node.bits));
  if (shared < root.bits) {
    // They part within the root's prefix: above both comes what they share.
    const isAbove = shared === node.bits;
    const top = isAbove ? node : new Node<T>(masked(node.octets, shared), shared, undefined);
    hang(top, root);
    if (!isAbove) hang(top, node);
    return top;
  }
  if (root.bits === node.bits) {
    root.value = node.value;
    return root;
  }
  if (bit(node.octets, 0, root.bits)) root.one = insert(root.one, node);
  else root.zero = insert(root.zero, node);
  return root;
}

function hang<T>(top: Node<T>, node: Node<T>): void {
  if (bit(node.octets, 0, top.bits)) top.one = node;
  else top.zero = node;
}

/** The trie without what is `value`'s, and without nodes that hold nothing and part nothing. */
function prune<T>(node: Node<T> | undefined, value: T): Node<T> | undefined {
  if (node === undefined) return undefined;
  node.zero = prune(node.zero, value);
  node.one = prune(node.one, value);
  if (node.value === value) node.value = undefined;
  if (node.value !== undefined || (node.zero && node.one)) return node;
  return node.zero ?? node.one;
}

function* walk<T>(node: Node<T> | undefined): Generator<PrefixEntry<T>> {
  if (node === undefined) return;
  const { octets, bits, value } = node;
  if (value !== undefined) yield { octets, bits, value };
  yield* walk(node.zero);
  yield* walk(node.one);
}
