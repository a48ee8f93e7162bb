/**
 * The budget of a stack's connections, and the counters of its pressure.
 * @module
 */
import { MILLISECOND, type Micros } from '../../base/clock.ts';
import { count, Stat } from '../../base/stats.ts';
import { Budget } from '../../memory/budget.ts';
import type { Shared, Tcb } from '../tcb/tcb.ts';

/** What `makeBudget` asks of the stack. */
type Stack = Pick<Shared, 'limits' | 'stats' | 'now'>;

export function makeBudget(stack: Stack): Budget<Tcb> {
  const { memory, memoryPressure } = stack.limits;
  let since: Micros = 0;
  return new Budget(memoryPressure, memory, (pressed) => {
    if (pressed) {
      count(stack.stats, Stat.TcpExtTCPMemoryPressures);
      since = stack.now;
      return;
    }
    const lasted = Math.floor((stack.now - since) / MILLISECOND);
    count(stack.stats, Stat.TcpExtTCPMemoryPressuresChrono, lasted);
  });
}
