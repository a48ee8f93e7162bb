/**
 * Which processes have a TUN or TAP interface open. proc(5): `/proc/PID/fdinfo/FD` names the interface
 * of a descriptor of `/dev/net/tun`. Processes of other users are seen by root only.
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process. */
export interface Holder {
  /** What it calls itself: `comm` of proc(5), up to 15 bytes. */
  readonly name: string;
  readonly pid: number;
}

/** The processes that have the interface `name` open, each once for every queue, by ascending number. */
export function holdersOf(name: string): Holder[] {
  const found: Holder[] = [];
  for (const pid of list('/proc').filter((entry) => /^\d+$/.test(entry))) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      if (attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) !== '/dev/net/tun') continue;
      const facts = attempt(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'));
      if (/^iff:\t(.*)$/m.exec(facts)?.[1] !== name) continue;
      const comm = attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8'));
      found.push({ name: comm.trimEnd(), pid: Number(pid) });
    }
  }
  return found.sort((a, b) => a.pid - b.pid);
}

const list = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // gone, or not ours to see
  }
};

const attempt = (read: () => string): string => {
  try {
    return read();
  } catch {
    return '';
  }
};
