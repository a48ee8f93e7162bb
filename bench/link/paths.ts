/**
 * The root of the repository, from the compiled place of this file: dist/bench/link.
 * @module
 */
import { dirname } from 'node:path';

export const root: string = dirname(dirname(dirname(import.meta.dirname)));
