/**
 * What can be moved while the lab runs: names, units, bounds. Numbers are as people say them.
 * @module
 */

/** What the link does and how fast the receiver reads. Losses and reordering are those of packets from a to b. */
export interface LabSettings {
  /** Percent of the packets from a to b that are lost, 0 to 100. */
  readonly loss: number;
  /** Milliseconds that a packet is under way, each way, 0 to 2000. */
  readonly delay: number;
  /** Mbit/s of the link, each way, 0.1 to 100. */
  readonly rate: number;
  /** Packets that wait for the link before it drops what comes, 1 to 5000. */
  readonly queue: number;
  /** Percent of the packets from a to b that come late, 0 to 100. */
  readonly reorder: number;
  /** By how many milliseconds they do, 0 to 500. */
  readonly late: number;
  /** Mbit/s that the program at b reads at most, 0 to 1000. */
  readonly reader: number;
}

/** What may be moved. */
export type SettingName = keyof LabSettings;

/** How a setting is shown, and what it may be. */
export interface SettingRange {
  /** A few words. */
  readonly label: string;
  /** Of the numbers: `%`, `ms`, `Mbit/s`, `packets`. */
  readonly unit: string;
  /** The smallest value that is taken. */
  readonly least: number;
  /** The greatest. */
  readonly most: number;
  /** Of the slider: what lies between its ends is even, or each step is a factor. */
  readonly scale: 'linear' | 'factor';
}

/** All settings, in the order in which a page shows them. */
export const SETTINGS: Readonly<Record<SettingName, SettingRange>> = {
  loss: { label: 'loss', unit: '%', least: 0, most: 100, scale: 'linear' },
  delay: { label: 'delay, each way', unit: 'ms', least: 0, most: 2000, scale: 'linear' },
  rate: { label: 'rate', unit: 'Mbit/s', least: 0.1, most: 100, scale: 'factor' },
  queue: { label: 'queue', unit: 'packets', least: 1, most: 5000, scale: 'factor' },
  reorder: { label: 'reordering', unit: '%', least: 0, most: 100, scale: 'linear' },
  late: { label: 'late by', unit: 'ms', least: 0, most: 500, scale: 'linear' },
  reader: { label: 'the reader takes', unit: 'Mbit/s', least: 0, most: 1000, scale: 'linear' },
};

/** Their names, in that order. */
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS) as SettingName[];

/** A setting that is moved at a time. */
export interface LabChange {
  /** Microseconds from the beginning, 0 or more. */
  readonly at: number;
  /** Which. */
  readonly name: SettingName;
  /** What it becomes, in its unit and within its bounds. */
  readonly value: number;
}

/** The value if it may be one, or an error that says what may. */
export function checkSetting(name: string, value: unknown): number {
  if (!Object.hasOwn(SETTINGS, name)) {
    throw new RangeError(`no setting ${name}: ${SETTING_NAMES.join(', ')}`);
  }
  const { least, most, unit } = SETTINGS[name as SettingName];
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new RangeError(`${name}: give ${least} to ${most} ${unit}`);
  }
  return name === 'queue' ? Math.round(value) : value;
}
