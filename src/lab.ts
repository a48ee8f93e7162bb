/**
 * `tunstack/lab`: what a network does, to look at.
 * @module
 */
export {
  Connections,
  type Direction,
  type SeenConnection,
} from './sequence/connections.ts';
export { type SeenSegment, Sequence, type SequenceEvent } from './sequence/sequence.ts';
