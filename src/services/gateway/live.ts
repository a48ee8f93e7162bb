/**
 * Flows that are open: what each has carried, and a way to cut it.
 * @module
 */
import { performance } from 'node:perf_hooks';
import type { FlowLine, FlowQuestion, Verdict } from './judge.ts';

/** Of a flow that is open. */
export interface LiveEnds {
  /** Text from the guest and to it, in bytes. */
  bytesOut(): number;
  bytesIn(): number;
  /** End it both ways, so that both ends hear of it. */
  cut(): void;
}

export class LiveFlow {
  readonly id: number;
  readonly question: FlowQuestion;
  /** It may be judged again. */
  verdict: Verdict;
  /** Why it was cut, if it was. */
  cutFor: string | undefined;
  readonly #ends: LiveEnds;
  readonly #began: number = performance.now();

  constructor(id: number, question: FlowQuestion, verdict: Verdict, ends: LiveEnds) {
    this.id = id;
    this.question = question;
    this.verdict = verdict;
    this.#ends = ends;
  }

  get bytesOut(): number {
    return this.#ends.bytesOut();
  }

  get bytesIn(): number {
    return this.#ends.bytesIn();
  }

  cut(reason: string): void {
    this.cutFor ??= reason;
    this.#ends.cut();
  }

  get line(): FlowLine {
    const { action, reason, rule, name } = this.verdict;
    return {
      ...{ id: this.id, ...this.question },
      ...{ action: action === 'proxy' ? 'proxy' : 'allow', reason, rule, name },
      age: performance.now() - this.#began,
      ...{ bytesOut: this.bytesOut, bytesIn: this.bytesIn },
    };
  }
}
