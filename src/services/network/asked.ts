/**
 * What is asked of a network by its API, and answered.
 * @module
 */

/** What is answered: a status, and what is said in JSON, or as it is. */
export interface Answer {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
}

/** A request, read. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Its body; undefined if it is empty. */
  readonly body: unknown;
}

/** What a request did that cannot be: what its sender should know. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a body must be. */
export function asObject(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    return body as Record<string, unknown>;
  }
  throw new Refused(400, 'the body must be an object of JSON');
}
