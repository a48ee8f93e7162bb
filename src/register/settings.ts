/**
 * What `tunstack/register` is told: environment variables, checked before anything is done.
 *
 * | variable | what it says | default |
 * |---|---|---|
 * | `TUNSTACK_TUN` | the TUN's name; an existing one is attached to | the kernel chooses |
 * | `TUNSTACK_TAP` | a TAP of this name instead, which carries frames | |
 * | `TUNSTACK_FD` | an inherited descriptor of a TUN, instead of a name | |
 * | `TUNSTACK_ADDRESS` | the stack's address and the length of its prefix; several with commas between | `10.83.0.2/24` |
 * | `TUNSTACK_HOST_ADDRESS` | likewise the kernel's on the TUN | `10.83.0.1/24` if neither is given |
 * | `TUNSTACK_GATEWAY` | the router for what is on no network of the stack's, or `none` | the kernel, where its address is known |
 * | `TUNSTACK_MTU` | 68 to 65 535 | the TUN's own |
 * | `TUNSTACK_OFFLOAD` | `on`, `off` or `auto` | `auto` |
 * | `TUNSTACK_WAITING` | `event`, `adaptive` or `busy` | `event` |
 * | `TUNSTACK_PCAP` | a file to write what passes to, for Wireshark | none |
 * | `TUNSTACK_KERNEL` | what listens on the kernel all the same: `warn`, `refuse` or `allow` | `warn` |
 * @module
 */
import type { FdOptions, TunOptions, Waiting } from '../index.ts';
import type { Outside } from './outside.ts';

/** The variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Settings {
  /** The descriptor to adopt; undefined: open a TUN. */
  readonly fd: number | undefined;
  /** Open a TAP. */
  readonly tap: boolean;
  readonly tun: TunOptions & FdOptions;
  readonly address: string | readonly string[];
  readonly gateway: string | readonly string[] | false | undefined;
  readonly pcap: string | undefined;
  /** What is done about those who listen on the kernel. */
  readonly outside: Outside;
}

const OFFLOAD = new Map<string, boolean | 'auto'>([
  ['on', true],
  ['1', true],
  ['true', true],
  ['off', false],
  ['0', false],
  ['false', false],
  ['auto', 'auto'],
]);
const OUTSIDE: readonly string[] = ['allow', 'warn', 'refuse'] satisfies Outside[];
const WAITING: readonly string[] = ['event', 'adaptive', 'busy'] satisfies Waiting[];

/** Names the variable that is wrong. */
class SettingError extends TypeError {
  readonly code = 'ERR_INVALID_ARG_VALUE';

  constructor(name: string, value: string, wanted: string) {
    super(`TUNSTACK_${name} is '${value}': it must be ${wanted}`);
  }
}

/** Several are given with commas between: one of each version of IP, say. */
const listOf = (text: string | undefined): string | string[] | undefined =>
  text?.includes(',') ? text.split(',').map((one) => one.trim()) : text;

/** Read the settings. Throws a `TypeError` that names the variable that is wrong. */
export function readSettings(environment: Environment): Settings {
  const text = (name: string): string | undefined => environment[`TUNSTACK_${name}`] || undefined;

  const whole = (name: string, least: number, most: number): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const number = /^\d+$/.test(value) ? Number(value) : -1;
    if (number >= least && number <= most) return number;
    throw new SettingError(name, value, `a whole number from ${least} to ${most}`);
  };

  const choice = <T>(
    name: string,
    find: (value: string) => T | undefined,
    list: string,
  ): T | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const found = find(value.toLowerCase());
    if (found !== undefined) return found;
    throw new SettingError(name, value, list);
  };

  const fd = whole('FD', 0, 2 ** 31 - 1);
  const tap = text('TAP');
  if (tap !== undefined && text('TUN') !== undefined) {
    throw new SettingError('TAP', tap, 'left out where TUNSTACK_TUN names the device');
  }
  const name = tap ?? text('TUN');
  const mtu = whole('MTU', 68, 65_535);
  const offload =
    choice('OFFLOAD', (value) => OFFLOAD.get(value), "'on', 'off' or 'auto'") ?? 'auto';
  const waiting = choice(
    'WAITING',
    (value) => (WAITING.includes(value) ? (value as Waiting) : undefined),
    "'event', 'adaptive' or 'busy'",
  );
  const outside = choice(
    'KERNEL',
    (value) => (OUTSIDE.includes(value) ? (value as Outside) : undefined),
    "'warn', 'refuse' or 'allow'",
  );
  // Who says one of the two addresses is taken to mean just that.
  const alone = text('ADDRESS') === undefined && fd === undefined;
  const hostAddress = listOf(text('HOST_ADDRESS') ?? (alone ? '10.83.0.1/24' : undefined));
  return {
    fd,
    tap: tap !== undefined,
    tun: {
      // An inherited descriptor has a virtio header or has none: that is not ours to choose.
      offload: (fd === undefined ? offload : offload === true) as boolean,
      ...(name !== undefined && { name }),
      ...(mtu !== undefined && { mtu }),
      ...(waiting !== undefined && { waiting }),
      ...(hostAddress !== undefined && { hostAddress }),
    },
    address: listOf(text('ADDRESS')) ?? '10.83.0.2/24',
    gateway: text('GATEWAY') === 'none' ? false : listOf(text('GATEWAY')),
    pcap: text('PCAP'),
    outside: outside ?? 'warn',
  };
}
