/**
 * A measure is a list of cells; a cell is one thing done to several subjects in turn, again and again.
 * @module
 */
import type { Options } from './options.ts';
import type { Metrics, Variant } from './results.ts';
import type { Spec, Subject } from './subject.ts';

export interface Cell {
  readonly variant: Variant;
  readonly subjects: readonly Spec[];
  take(subject: Subject): Promise<Metrics>;
}

export interface Measure {
  readonly name: string;
  /** One line, for people. */
  readonly about: string;
  /** Seconds in which V8 has compiled what its programs do; 2 if it is not said. */
  readonly warm?: number;
  cells(context: Context): readonly Cell[];
}

/** What there is to measure with. */
export interface Context {
  readonly options: Options;
  readonly hasLwip: boolean;
  readonly hasGvisor: boolean;
  readonly hasWrk: boolean;
  readonly canPin: boolean;
  readonly cores: number;
  /** Descriptors that a program may have. */
  readonly files: number;
}
