/**
 * Which process has the stack. Child processes inherit the environment, and with it what made their parent
 * open a stack; its TUN they do not inherit, and cannot open a second time.
 *
 * So whoever opens a stack leaves its process id and the settings that it was told in the environment. A
 * child that was told the same leaves its sockets to the kernel; one that was told something else is to have
 * a stack of its own, and so is one that finds the name of a process that is no more.
 * @module
 */
import type { Environment } from './settings.ts';

/** The process that has the stack, by its id. */
const OWNER = 'TUNSTACK_PID';
/** What that process was told. */
const OWNED = 'TUNSTACK_OWNED';

/** The settings that are in the environment, as one text. */
function told(environment: Environment): string {
  const names = Object.keys(environment).filter(
    (name) => name.startsWith('TUNSTACK_') && name !== OWNER && name !== OWNED,
  );
  return JSON.stringify(names.toSorted().map((name) => [name, environment[name]]));
}

/** kill(2): signal 0 is not sent, and tells whether there is somebody, permitted or not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The process that has the stack that `pid` was told to open; undefined if it is to open it itself. */
export function ownerOf(
  environment: Environment,
  pid: number,
  alive: (pid: number) => boolean = isAlive,
): number | undefined {
  const owner = environment[OWNER] ?? '';
  if (!/^[1-9]\d*$/.test(owner) || Number(owner) === pid || !alive(Number(owner))) return undefined;
  const owned = environment[OWNED];
  return owned === undefined || owned === told(environment) ? Number(owner) : undefined;
}

/** Leave word for children that `pid` has the stack. */
export function own(environment: Record<string, string | undefined>, pid: number): void {
  environment[OWNED] = told(environment);
  environment[OWNER] = String(pid);
}
