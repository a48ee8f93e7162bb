/**
 * The UDP flows that are open, the longest silent first: that one gives way when another needs its place.
 * @module
 */

/** A flow in the row. */
export interface UdpFlowEntry {
  /** End it; it is out of the row. */
  close(): void;
}

export class UdpFlows {
  /** A set keeps the order in which its members came. */
  readonly #row: Set<UdpFlowEntry> = new Set();

  get size(): number {
    return this.#row.size;
  }

  /** It is new, or something passed: it goes to the end of the row. */
  touch(flow: UdpFlowEntry): void {
    this.#row.delete(flow);
    this.#row.add(flow);
  }

  delete(flow: UdpFlowEntry): void {
    this.#row.delete(flow);
  }

  /** End the flow that was silent the longest; false if there is none. */
  endOne(): boolean {
    for (const flow of this.#row) {
      this.#row.delete(flow);
      flow.close();
      return true;
    }
    return false;
  }
}
