/**
 * Virtual time, as the lab has it.
 * @module
 */
export * from '../../src/lab/timeline.ts';
