/**
 * Two stacks in virtual time: what `tunstack lab` shows is what the simulations try.
 * @module
 */
export * from '../../src/lab/world.ts';
