/**
 * How busy a process is that has nothing to do. It imports nothing of ours: child processes use it too.
 * @module
 */

/** Of one processor. */
export const IDLE = 0.05;

/**
 * The part of a processor, 0 to 1, that is used: the least of some windows, because on a busy machine
 * compilers and collectors come late. Who polls does so in each of them.
 */
export async function busyPart(
  seconds: () => number = ownSeconds,
  {
    enough = IDLE,
    windows = 20,
    length = 0.5,
  }: { enough?: number; windows?: number; length?: number } = {},
): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < windows && least > enough; n++) {
    const before = seconds();
    await new Promise((resolve) => setTimeout(resolve, length * 1000));
    least = Math.min(least, (seconds() - before) / length);
  }
  return least;
}

/** Seconds of a processor that this process has used. */
function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
