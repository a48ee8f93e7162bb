/**
 * `tunstack/lab`: two stacks on a bad link in virtual time, to look at, and to test against; and TCP connections as an
 * onlooker sees them.
 *
 * A `Lab` is a function of its seed, its settings and the times at which they were moved. `tunstack lab` shows one.
 * @module
 */
export {
  Lab,
  type LabBatch,
  type LabEvents,
  type LabOptions,
  SAMPLE_EVERY,
} from './lab/lab.ts';
export { type LabPreset, PRESETS, presetOf } from './lab/presets.ts';
export type { EndSample, LabSample, WaySample } from './lab/sample.ts';
export {
  checkSetting,
  type LabChange,
  type LabSettings,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type SettingRange,
} from './lab/settings.ts';
export {
  Connections,
  type Direction,
  type SeenConnection,
} from './sequence/connections.ts';
export { type SeenSegment, Sequence, type SequenceEvent } from './sequence/sequence.ts';
