/**
 * The UDP flows that are open, those of each port of a switch the longest silent first. When another needs a place,
 * the port that holds the most gives it: who opens many displaces flows of their own, and nobody else's.
 * @module
 */

/** A flow in the row. */
export interface UdpFlowEntry {
  /** Port of the switch that it came by; undefined where there is none. */
  readonly port: string | undefined;
  /** End it; it is out of the row. */
  close(): void;
}

export class UdpFlows {
  /** By port; a set keeps the order in which its members came. No set is empty. */
  readonly #rows: Map<string | undefined, Set<UdpFlowEntry>> = new Map();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** It is new, or something passed: it goes to the end of its row. */
  touch(flow: UdpFlowEntry): void {
    let row = this.#rows.get(flow.port);
    if (row === undefined) {
      row = new Set();
      this.#rows.set(flow.port, row);
    }
    if (!row.delete(flow)) this.#size++;
    row.add(flow);
  }

  delete(flow: UdpFlowEntry): void {
    const row = this.#rows.get(flow.port);
    if (!row?.delete(flow)) return;
    this.#size--;
    if (row.size === 0) this.#rows.delete(flow.port);
  }

  /**
   * End the flow that was silent the longest of the port that has the most, of several such ports that of `asking`
   * first; false if there is none.
   */
  endOne(asking?: string): boolean {
    let longest = this.#rows.get(asking);
    for (const row of this.#rows.values()) {
      if (longest === undefined || row.size > longest.size) longest = row;
    }
    if (longest === undefined) return false;
    for (const flow of longest) {
      this.delete(flow);
      flow.close();
      return true;
    }
    return false;
  }
}
