/**
 * The policy of a command: what the command line says, and then what the file says.
 * @module
 */
import type { PolicyOptions } from '../../services.ts';

/** Throws with the place in the file for what is no JSON. */
export function joinPolicies(line: PolicyOptions, file: string | undefined): PolicyOptions {
  if (file === undefined) return line;
  let read: PolicyOptions;
  try {
    read = JSON.parse(file) as PolicyOptions;
  } catch (error) {
    throw new Error(`option '--policy': the file is no JSON: ${(error as Error).message}`);
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) {
    throw new Error("option '--policy': the file must hold an object");
  }
  return {
    ...read,
    rules: [...(line.rules ?? []), ...(read.rules ?? [])],
    close: [...(line.close ?? []), ...(read.close ?? [])],
    ...(line.default && { default: line.default }),
  };
}
