/**
 * Tests that run side by side, but not all at once: each starts programs, and a machine with two cores that starts thirty
 * is late for what they expect of each other.
 * @module
 */
import type { ExecutionContext, TestFn } from 'ava';

/** `test`, of which `most` run at a time, in their order; where ava runs tests one by one, one. */
export function atMost(
  most: number,
  test: TestFn,
): (title: string, run: (t: ExecutionContext) => Promise<void>) => void {
  const waiting: (() => void)[] = [];
  let running = 0;
  return (title, run) => {
    test(title, async (t) => {
      if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      // The first teardown is the last to be run: what the test has started is gone by then.
      t.teardown(() => {
        const next = waiting.shift();
        if (next === undefined) running--;
        else next();
      });
      await run(t);
    });
  };
}
