/**
 * What goes wrong with a device, said so that the reader knows what to do next.
 *
 * A bad call throws a `TypeError` or `RangeError` with Node's code; what the system refuses is a
 * `DeviceError` with the system's code (`EPERM`, `EBUSY`, `ENODEV`, ...), as in `node:fs`.
 * @module
 */

/** The system refused, or the device is gone. */
export class DeviceError extends Error {
  /** `DeviceError`. */
  override readonly name: string = 'DeviceError';
  /** As Node names it: `EPERM`, `EBUSY`, `ENODEV`, `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, ... */
  readonly code: string;
  /** The system call that failed, if it was one. */
  readonly syscall: string | undefined;

  constructor(code: string, message: string, syscall?: string, cause?: unknown) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.syscall = syscall;
  }
}

/** A `TypeError` with Node's code for a value that cannot be meant. */
export function invalid(name: string, value: unknown, hint: string): TypeError {
  const error = new TypeError(`${name} is ${show(value)}: ${hint}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
}

/** A `RangeError` with Node's code for a number outside of its bounds. */
export function outOfRange(name: string, value: unknown, bounds: string): RangeError {
  const error = new RangeError(`${name} is ${show(value)}: it must be ${bounds}`);
  return Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
}

/** Throws unless `value` is a whole number from `low` to `high`. */
export function checkInteger(name: string, value: unknown, low: number, high: number): void {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return;
  throw outOfRange(name, value, `a whole number from ${low} to ${high}`);
}

/** Throws unless `value` is a number from `low` to `high`; `Infinity` only if `high` is. */
export function checkNumber(name: string, value: unknown, low: number, high: number): void {
  if (typeof value === 'number' && value >= low && value <= high) return;
  throw outOfRange(name, value, `a number from ${low} to ${high}`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

const USER =
  'run it with sudo; or give the program the capability, ' +
  '`sudo setcap cap_net_admin+ep "$(readlink -f "$(command -v node)")"`; ' +
  'or run it in a network namespace of its own, `unshare -Urn <command>`';
/** Root of a container or of a user namespace: sudo would change nothing. */
const ROOT =
  'this is root without CAP_NET_ADMIN over this network; start a container with ' +
  '`--cap-add NET_ADMIN`; in a user namespace, make one of the network too, `unshare -Urn <command>`';

const isRoot = (): boolean => process.geteuid?.() === 0;

/** Why `/dev/net/tun` could not be opened. `root`: we are, at least of our user namespace. */
export function openError(code: string, path: string, root: boolean = isRoot()): DeviceError {
  const way = root ? `its owner may let everyone have it, \`sudo chmod 666 ${path}\`` : USER;
  const message: Record<string, string> = {
    ENOENT:
      `there is no ${path}: load the driver with \`sudo modprobe tun\`; ` +
      `for a container, start it with \`--device ${path} --cap-add NET_ADMIN\``,
    ENODEV:
      `${path} has no driver behind it: load it with \`sudo modprobe tun\` ` +
      '(on the host, for a container)',
    EACCES: `no permission to open ${path}: ${way}`,
    EPERM: `no permission to open ${path}: ${way}; a container needs \`--device ${path}\``,
    EMFILE: 'too many open files: raise the limit with `ulimit -n`',
  };
  const key = code === 'ENXIO' ? 'ENODEV' : code;
  return new DeviceError(code, message[key] ?? `cannot open ${path}`, 'open');
}

/** Why the kernel did not give the interface `name`. */
export function attachError(
  code: string,
  name: string,
  kind: 'TUN' | 'TAP',
  root: boolean = isRoot(),
): DeviceError {
  const what = name === '' ? `a new ${kind} interface` : `the ${kind} interface ${name}`;
  const message: Record<string, string> = {
    EPERM: `no permission to create or attach ${what}: ${root ? ROOT : USER}`,
    EBUSY:
      `${name} is in use by another program: end that one, choose another name, ` +
      'or let both open it with { multiQueue: true }',
    EINVAL:
      `${name} cannot be attached as ${kind}: it is another kind of interface, or was made with ` +
      'another multiQueue or TUN/TAP setting; choose another name, or see ' +
      `\`ip -d link show ${name}\``,
    E2BIG: `${name} has as many queues as it can have: close one of them first`,
    ENFILE: `no interface name like ${name} is left: remove some, or choose another name`,
  };
  return new DeviceError(code, message[code] ?? `cannot attach ${what}`, 'ioctl(TUNSETIFF)');
}

/** Why the setting `what` of interface `name` could not be changed. */
export function configureError(
  code: string,
  name: string,
  what: string,
  root: boolean = isRoot(),
): DeviceError {
  const way = root ? ROOT : USER;
  const message: Record<string, string> = {
    EPERM:
      `no permission to set ${what} of ${name}: ${way}; ` +
      'or set it beforehand and leave it out here',
    EACCES: `no permission to set ${what} of ${name}: ${way}`,
    EINVAL: `the kernel refuses this value for ${what} of ${name}`,
    EEXIST: `${what} of ${name} is set already`,
    ENODEV: `there is no interface ${name} in this network namespace`,
    EAFNOSUPPORT: 'the kernel has no support for this address family',
  };
  return new DeviceError(code, message[code] ?? `cannot set ${what} of ${name}`, 'ioctl');
}

/** A device that went away while it was used. */
export function goneError(name: string, code: string, syscall: string): DeviceError {
  const removed = code === 'EBADFD' || code === 'ENODEV' || code === 'EIO';
  const message = removed
    ? `the interface ${name} was removed while it was in use: open it again`
    : `the device ${name} failed in ${syscall} (${code})`;
  return new DeviceError(removed ? 'ENODEV' : code, message, syscall);
}

/** Throws if a device may not be started: it is closed, or has a user. `again`: how to have another. */
export function checkStart(name: string, closed: boolean, used: boolean, again: string): void {
  if (closed) throw new DeviceError('ENODEV', `the device ${name} is closed: ${again}`);
  if (used) throw new DeviceError('EALREADY', `the device ${name} has a user: ${again}`);
}
