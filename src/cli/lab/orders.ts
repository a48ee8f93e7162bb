/**
 * What the page may ask of the lab, of which nothing is believed.
 * @module
 */
import { type LabOptions, SETTING_NAMES, type SettingName } from '../../lab.ts';
import { Speed } from './options.ts';
import type { Runner } from './runner.ts';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Do what `text` asks, JSON: `{ "do": "play" }` and its like. Throws a `RangeError` or `SyntaxError` that says what is wrong. */
export function obey(text: string, runner: Runner): void {
  const order: unknown = JSON.parse(text);
  if (!isRecord(order)) throw new RangeError('give an object');
  switch (order['do']) {
    case 'play':
      runner.play();
      break;
    case 'pause':
      runner.pause();
      break;
    case 'step':
      runner.step();
      break;
    case 'speed':
      runner.setSpeed(speedOf(order['speed']));
      break;
    case 'set':
      runner.set(nameOf(order['name']), numberOf(order['value'], 'value'));
      break;
    case 'restart':
      runner.restart(optionsOf(order));
      break;
    default:
      throw new RangeError('do: play, pause, step, speed, set or restart');
  }
}

function speedOf(value: unknown): number {
  if (value === null) return Number.POSITIVE_INFINITY;
  const speed = numberOf(value, 'speed');
  if (speed >= Speed.LEAST && speed <= Speed.MOST) return speed;
  throw new RangeError(`speed: give ${Speed.LEAST} to ${Speed.MOST}, or null`);
}

function numberOf(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RangeError(`${name}: give a number`);
}

function nameOf(value: unknown): SettingName {
  const found = SETTING_NAMES.find((name) => name === value);
  if (found !== undefined) return found;
  throw new RangeError(`name: ${SETTING_NAMES.join(', ')}`);
}

/** Of a restart: the lesson, the seed and the algorithm, as far as they are named. */
function optionsOf({ preset, seed, congestion, sack }: Record<string, unknown>): LabOptions {
  if (preset !== undefined && typeof preset !== 'string')
    throw new RangeError('preset: give a name');
  if (sack !== undefined && typeof sack !== 'boolean') throw new RangeError('sack: true or false');
  if (congestion !== undefined && congestion !== 'cubic' && congestion !== 'newreno') {
    throw new RangeError('congestion: cubic or newreno');
  }
  return {
    ...(preset !== undefined && { preset }),
    ...(seed !== undefined && { seed: numberOf(seed, 'seed') }),
    ...(congestion !== undefined && { congestion }),
    ...(sack !== undefined && { sack }),
  };
}
