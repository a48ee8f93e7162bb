/**
 * Zero for a field whose numbers have a fraction, or pass 2^31: a time in microseconds, a count of bytes.
 *
 * V8 keeps small integers and doubles differently, and learns from the first number of a field which of them it has. A
 * field born with `0` is one of small integers until a time or the 2^31st byte is stored in it; then the engine gives up
 * all code that knows objects of the class, in the middle of what goes on. Of a gateway's requests those after that
 * took up to two and a half times as long, for some thousand (`node --trace-deopt`: sixty functions at once, for the
 * first connection that was held back). Minus zero is a double, and equal to zero.
 * @module
 */
export const REAL_ZERO = -0;

/** Such a number as those outside see it: zero without its sign. */
export const plain = (n: number): number => n + 0;
