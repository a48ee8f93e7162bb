/**
 * What `npm run profile` writes and `npm run bench:docs` reads.
 * @module
 */
import type { Summary } from './cpu-profile.ts';

export interface Profile extends Summary {
  readonly direction: 'recv' | 'send';
  readonly offload: boolean;
  readonly face: string;
  readonly streams: number;
  readonly gbits: number;
  /** Packets in and out, on the device: large ones with offload. */
  readonly packets: number;
}

/** `profile-recv-offload-callback-1.json`. */
export const profileName = (
  profile: Omit<Profile, keyof Summary | 'gbits' | 'packets'>,
): string => {
  const { direction, offload, face, streams } = profile;
  return `profile-${direction}-${offload ? 'offload' : 'plain'}-${face}-${streams}.json`;
};
