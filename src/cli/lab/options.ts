/**
 * The options of `tunstack lab`.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import ipaddr from 'ipaddr.js';
import {
  checkSetting,
  type LabChange,
  type LabOptions,
  PRESETS,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
} from '../../lab.ts';
import { numberFrom } from '../values.ts';

export interface LabCommand {
  readonly lab: LabOptions;
  /** How many seconds of its own time pass in one of ours; Infinity: as many as can. */
  readonly speed: number;
  /** Seconds after which it pauses by itself, or ends. */
  readonly seconds: number;
  readonly address: string;
  readonly port: number;
  /** No page: samples as lines of JSON, to the end. */
  readonly json: boolean;
}

const ADDRESS = '127.0.0.1';
const PORT = 8087;
const MOST_SECONDS = 3600;
/** Of `--speed`. */
export const Speed = { LEAST: 0.01, MOST: 100 } as const;

/** 8087, 127.0.0.1:8087 or [::1]:8087. */
function parsePage(text: string): { address: string; port: number } {
  const [, address = ADDRESS, port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const bare = address.replace(/^\[(.*)\]$/, '$1');
  if (port === '' || Number(port) > 65_535 || !ipaddr.isValid(bare)) {
    throw new InvalidArgumentError(`Give a port, or an address and a port: ${ADDRESS}:${PORT}.`);
  }
  return { address: bare, port: Number(port) };
}

/** 2.5:loss=3: after so many seconds, that setting. */
function parseChange(text: string, before: readonly LabChange[] = []): LabChange[] {
  const [, time = '', name = '', value = ''] =
    /^(\d+(?:\.\d{1,6})?):([a-z]+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (time === '') {
    throw new InvalidArgumentError('Give seconds, a setting and its value: 2.5:loss=3.');
  }
  const at = Math.round(Number(time) * 1e6);
  return [...before, { at, name: name as SettingName, value: checked(name, Number(value)) }];
}

function checked(name: string, value: number): number {
  try {
    return checkSetting(name, value);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

type Read = Partial<Record<SettingName, number>> & {
  seed: number;
  congestion?: 'cubic' | 'newreno';
  sack: boolean;
  bytes?: number;
  at?: LabChange[];
  speed: number;
  virtual?: true;
  seconds?: number;
  page: { address: string; port: number };
  json?: true;
};

/** Add the command; `done` is given what was asked. */
export function withLab(command: Command, done: (options: LabCommand) => void): void {
  const names = PRESETS.map(({ name }) => name);
  command
    .description('two stacks on a bad link, to watch TCP at work: a page with graphs and sliders')
    .argument('[lesson]', names.join(', '), 'slow-start')
    .option('--seed <n>', 'of all chance', (text) => numberFrom(text, 0, 2 ** 32 - 1, true), 1);
  for (const name of SETTING_NAMES) {
    const { label, unit, least, most } = SETTINGS[name];
    command.option(
      `--${name} <n>`,
      `${label}: ${least} to ${most} ${unit} (default: the lesson's)`,
      (text) => checked(name, numberFrom(text, least, most, false)),
    );
  }
  command
    .addOption(
      new Option('--congestion <name>', "the algorithm (default: the lesson's)").choices([
        'cubic',
        'newreno',
      ]),
    )
    .option('--no-sack', 'without selective acknowledgments, and so without RACK')
    .option('--bytes <n>', 'a sends so many, then it closes', (text) =>
      numberFrom(text, 1, 1e12, true),
    )
    .option(
      '--at <seconds:setting=value>',
      'move a setting at that time; may be repeated',
      parseChange,
    )
    .option(
      '--speed <n>',
      'seconds of the lab in one of ours, 0.01 to 100',
      (text) => numberFrom(text, Speed.LEAST, Speed.MOST, false),
      1,
    )
    .option('--virtual', 'as fast as it goes')
    .option('--seconds <n>', "pause after so many of its seconds (default: the lesson's)", (text) =>
      numberFrom(text, 0.001, MOST_SECONDS, false),
    )
    .addOption(
      new Option('--page <[address:]port>', 'where its page is; port 0 is any that is free')
        .argParser(parsePage)
        .default({ address: ADDRESS, port: PORT }, `${ADDRESS}:${PORT}`),
    )
    .option('--json', 'no page: samples as lines of JSON, as fast as it goes, then end')
    .action((lesson: string, read: Read) => {
      done(commandOf(lesson, read));
    });
}

function commandOf(lesson: string, read: Read): LabCommand {
  const preset = PRESETS.find(({ name }) => name === lesson);
  if (preset === undefined) {
    const names = PRESETS.map(({ name }) => name).join(', ');
    throw new InvalidArgumentError(`there is no lesson '${lesson}': ${names}`);
  }
  const settings = Object.fromEntries(
    SETTING_NAMES.flatMap((name) => (read[name] === undefined ? [] : [[name, read[name]]])),
  );
  const { seed, congestion, sack, bytes, at: changes } = read;
  const lab: LabOptions = {
    ...{ preset: lesson, seed, settings, sack },
    ...(congestion && { congestion }),
    ...(bytes !== undefined && { bytes }),
    ...(changes && { changes }),
  };
  return {
    lab,
    speed: read.virtual ? Number.POSITIVE_INFINITY : read.speed,
    seconds: read.seconds ?? preset.seconds,
    ...read.page,
    json: read.json === true,
  };
}
