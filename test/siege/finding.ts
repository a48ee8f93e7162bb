/**
 * What was looked at, what was found, and whether it is as it should be.
 * @module
 */

/** A line of a table. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  readonly good: boolean;
}
