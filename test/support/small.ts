/**
 * Whether V8 holds a number as a small integer, or as an object: arithmetic with the latter is
 * floating-point, wherever it goes.
 * @module
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--allow-natives-syntax');

export const isSmall = new Function('n', 'return %IsSmi(n)') as (n: number) => boolean;
