/**
 * What connections are told, checked at the door: each of `Settings` by its name, and nothing else.
 *
 * Node documentation: "Errors", `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
 * @module
 */
import { DEFAULTS, type Settings } from '../../tcp/tcb/settings.ts';
import { checkBoolean, checkInteger, checkNumber, checkObject } from './checks.ts';
import { argValueError, rangeError } from './errors.ts';

/** The shortest text of a segment that can be asked for: RFC 9293 §3.7.1's smallest IPv4 packets, all options in them. */
const LEAST_SEGMENT = 88;
/** RFC 791's longest packet, less the two headers. */
const MOST_SEGMENT = 65_495;
/** RFC 7323 §2.3: the widest window. */
const MOST_BUFFER = 65_535 * 2 ** 14;

/** The least and the most of what is a whole number. */
const RANGES: { readonly [Name in keyof Settings]?: readonly [number, number] } = {
  receiveBuffer: [1, MOST_BUFFER],
  receiveBufferMax: [1, MOST_BUFFER],
  sendBuffer: [1, MOST_BUFFER],
  sendBufferMax: [1, MOST_BUFFER],
  notSentLowWater: [0, MOST_BUFFER],
  initialWindow: [1, 65_535],
  synRetries: [0, 255],
  synAckRetries: [0, 255],
  retries: [0, 255],
  keepAliveCount: [1, 255],
  orphanProbes: [0, 255],
  outOfOrderRanges: [1, 65_535],
  quickAcks: [0, 65_535],
};

/** Those that are 0 for none, or the size of a segment. */
const SEGMENTS: ReadonlySet<keyof Settings> = new Set(['mss', 'maxSegment'] as const);

/** Times after which the same is done again: without them it would be done for ever. */
const REPEATED: ReadonlySet<keyof Settings> = new Set([
  'keepAliveIdle',
  'keepAliveInterval',
] as const);

/** `given`, without what is undefined. Throws `ERR_INVALID_ARG_VALUE` for a name that is none, and what Node does for the rest. */
export function checkSettings(given: unknown, name: string): Partial<Settings> {
  checkObject(given, name);
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(DEFAULTS, key))
      throw argValueError(`${name}.${key}`, value, 'is no setting');
    check(key as keyof Settings, value, `${name}.${key}`); // one of its names
    settings[key] = value;
  }
  return settings;
}

function check(key: keyof Settings, value: unknown, name: string): void {
  if (key === 'congestion') {
    if (value !== 'cubic' && value !== 'newreno') {
      throw argValueError(name, value, "must be 'cubic' or 'newreno'");
    }
  } else if (typeof DEFAULTS[key] === 'boolean') {
    checkBoolean(value, name);
  } else if (SEGMENTS.has(key)) {
    checkInteger(value, name, value === 0 ? 0 : LEAST_SEGMENT, MOST_SEGMENT);
  } else {
    const range = RANGES[key];
    if (range !== undefined) checkInteger(value, name, ...range);
    else checkTime(value, name, REPEATED.has(key) ? 1 : 0);
  }
}

/** A time in microseconds. */
function checkTime(value: unknown, name: string, least: number): void {
  checkNumber(value, name);
  if (!(value >= least && value <= Number.MAX_SAFE_INTEGER)) {
    throw rangeError(name, `>= ${least} && <= ${Number.MAX_SAFE_INTEGER}`, value);
  }
}
