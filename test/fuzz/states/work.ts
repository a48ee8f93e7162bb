/**
 * Work as a number and not as a time: how often blocks of the stack's own code were run, as V8 counts them for
 * coverage. The same run gives the same number on any machine.
 *
 * Node documentation: "Inspector"; the protocol's domain Profiler: "startPreciseCoverage".
 * @module
 */
import { type Profiler, Session } from 'node:inspector';

/** Compiled code that counts. */
const STACK = '/dist/src/stack/';

export class WorkMeter {
  readonly #session: Session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    this.take();
  }

  /** Blocks that were run since the last time. */
  take(): number {
    let blocks = 0;
    // The answer comes before `post` returns: the session is this thread's own.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      for (const script of answer.result) if (script.url.includes(STACK)) blocks += sum(script);
    });
    return blocks;
  }

  end(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }
}

function sum(script: Profiler.ScriptCoverage): number {
  let blocks = 0;
  for (const { ranges } of script.functions) for (const { count } of ranges) blocks += count;
  return blocks;
}
