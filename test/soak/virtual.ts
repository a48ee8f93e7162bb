/**
 * A soak in virtual time. It takes the timers of the process for as long as it lasts.
 * @module
 */
import { VirtualTime } from '../../src/services/replay/virtual-time.ts';
import { type Hours, live } from './hours.ts';
import { MemoryOutside } from './outside.ts';

const SECOND = 1e6;

/** Live through so many minutes, with a sample each `every`. */
export async function inVirtualTime(minutes: number, every: number): Promise<Hours> {
  const time = new VirtualTime();
  const give = time.take();
  try {
    let isOver = false;
    const outside = new MemoryOutside();
    const hours = live({ minutes, every, outside, clock: { now: () => time.now } });
    const over = (): void => {
      isOver = true;
    };
    hours.then(over, over);
    while (!isOver) {
      await time.pass(time.now + SECOND);
      await time.settle(); // without a timer the loop would leave the rest of the process no turn
    }
    return await hours;
  } finally {
    give();
  }
}
