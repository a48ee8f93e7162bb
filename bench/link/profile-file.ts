/**
 * What `npm run profile` writes and `npm run bench:docs` reads.
 * @module
 */
import type { Summary } from './cpu-profile.ts';

/** What the stack is busy with. */
export type Work = 'recv' | 'send' | 'connections' | 'echo' | 'udp' | 'http';

export interface Profile extends Summary {
  readonly work: Work;
  readonly offload: boolean;
  readonly face: string;
  readonly streams: number;
  /** Gbit/s, or how many a second. */
  readonly rate: number;
  /** Packets in and out, on the device: large ones with offload. */
  readonly packets: number;
}

/** `profile-recv-offload-callback-1.json`. */
export const profileName = (profile: Omit<Profile, keyof Summary | 'rate' | 'packets'>): string => {
  const { work, offload, face, streams } = profile;
  return `profile-${work}-${offload ? 'offload' : 'plain'}-${face}-${streams}.json`;
};
