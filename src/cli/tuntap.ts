/**
 * `tunstack tuntap`: the words of `ip tuntap`, its output and its exit codes. ip-tuntap(8).
 *
 * Words may be cut short, as there. It says more only where the kernel's own words leave one alone: who
 * holds an interface, and that there is nothing to remove. A queue need not be named again to remove it.
 * @module
 */
import { DeviceError, type Tuntap, type TuntapAddOptions, tuntap } from '../index.ts';
import type { Screen } from './screen.ts';

/** What `iproute2` ends with where it was asked wrongly, and where the kernel refused. */
const Exit = { GOOD: 0, REFUSED: 1, ASKED_WRONGLY: 255 } as const;

const USAGE = `Usage: tunstack tuntap [ -j ] [ -d ] [ -o ] { add | del | show | list | lst | help } [ dev PHYS_DEV ]
       [ mode { tun | tap } ] [ user USER ] [ group GROUP ]
       [ one_queue ] [ pi ] [ vnet_hdr ] [ multi_queue ] [ name NAME ]

Where: USER  := { STRING | NUMBER }
       GROUP := { STRING | NUMBER }`;

/** Flags of `linux/if_tun.h` that have a word here. */
const KNOWN = 0x0001 | 0x0002 | 0x0100 | 0x0800 | 0x1000 | 0x2000 | 0x4000;

/** What the kernel refuses, as strerror(3) has it. */
const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'Device or resource busy',
  EPERM: 'Operation not permitted',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  ENOENT: 'No such file or directory',
  ENODEV: 'No such device',
  ENFILE: 'Too many open files in system',
};

/** How it is shown: as JSON, with the processes, on one line an interface. */
interface Look {
  json: boolean;
  details: boolean;
  oneLine: boolean;
}

type Asked = { -readonly [K in keyof TuntapAddOptions]?: TuntapAddOptions[K] };

/** The words are wrong, and in which way. */
class Wrong extends Error {
  readonly exit: number;

  constructor(message: string, exit: number = Exit.ASKED_WRONGLY) {
    super(message);
    this.exit = exit;
  }
}

/** Do what the words after `tunstack tuntap` ask; gives the exit code. */
export async function runTuntap(words: readonly string[], screen: Screen): Promise<number> {
  const look: Look = { json: false, details: false, oneLine: false };
  const rest = [...words];
  try {
    while (rest[0]?.startsWith('-')) setLook(look, rest.shift() ?? '');
    const [verb = 'show', ...more] = rest;
    if (is(verb, 'add')) return await add(read(more, true));
    if (is(verb, 'delete')) return await del(read(more, false));
    if (is(verb, 'show') || is(verb, 'lst') || is(verb, 'list')) return await show(look, screen);
    if (is(verb, 'help')) throw new Wrong(USAGE);
    throw new Wrong(`Command "${verb}" is unknown, try "tunstack tuntap help".`);
  } catch (error) {
    if (error instanceof Wrong) {
      screen.note(error.message);
      return error.exit;
    }
    if (isName(error)) {
      // `ip` leaves it to the kernel to refuse a colon, or a percent sign that stands for no number.
      screen.note('ioctl(TUNSETIFF): Invalid argument');
      return Exit.REFUSED;
    }
    if (!(error instanceof DeviceError)) throw error;
    screen.note(explain(error));
    return Exit.REFUSED;
  }
}

/** What `tuntap` says of a name that the kernel would not take. */
const isName = (error: unknown): boolean =>
  error instanceof TypeError && error.message.startsWith('name is ');

async function add(asked: Asked): Promise<number> {
  const { mode } = asked;
  if (mode === undefined) throw noMode();
  try {
    await tuntap.add({ ...asked, mode });
  } catch (error) {
    const account = error instanceof TypeError && /^(user|group) is "/.exec(error.message)?.[1];
    if (account) throw new Wrong(`invalid ${account} "${asked[account as 'user' | 'group']}"`);
    throw error;
  }
  return Exit.GOOD;
}

async function del({ name, mode }: Asked): Promise<number> {
  if (mode === undefined) throw noMode();
  if (name === undefined) throw new Wrong('Which one shall be removed? Give "dev NAME".');
  await tuntap.del({ name, mode });
  return Exit.GOOD;
}

async function show(look: Look, screen: Screen): Promise<number> {
  const links = await tuntap.list();
  if (look.json) screen.line(JSON.stringify(links.map((link) => asJson(link, look.details))));
  else for (const link of links) screen.line(asText(link, look));
  return Exit.GOOD;
}

/** The words of its flags, in the order and with the oddities of iproute2. */
export function flagWords({
  mode,
  pi,
  oneQueue,
  multiQueue,
  vnetHdr,
  persist,
  flags,
}: Tuntap): string[] {
  const words: string[] = [mode];
  if (pi) words.push('pi');
  if (oneQueue) words.push('one_queue');
  if (multiQueue) words.push('multi_queue');
  if (vnetHdr) words.push('vnet_hdr');
  if (persist) words.push('persist');
  if (pi) words.push('filter'); // IFF_NOFILTER and IFF_NO_PI are one bit
  const rest = flags & ~KNOWN;
  if (rest !== 0) words.push(`0x${rest.toString(16)}`);
  return words;
}

function asText(link: Tuntap, { details, oneLine }: Look): string {
  const user = link.user === undefined ? '' : ` user ${link.user}`;
  const group = link.group === undefined ? '' : ` group ${link.group}`;
  const line = `${link.name}: ${flagWords(link).join(' ')}${user}${group}`;
  if (!details) return line;
  const processes = link.processes.map(({ name, pid }) => `${name}(${pid})`).join('');
  return `${line}${oneLine ? '\\' : '\n'}\tAttached to processes:${processes}`;
}

const asJson = (link: Tuntap, details: boolean): object => ({
  ifname: link.name,
  flags: flagWords(link),
  ...(link.user !== undefined && { user: link.user }),
  ...(link.group !== undefined && { group: link.group }),
  ...(details && { processes: link.processes }),
});

function setLook(look: Look, option: string): void {
  const name = option.replace(/^--?/, '');
  if (name === '' || !option.startsWith('-')) throw unknownOption(option);
  if ('json'.startsWith(name)) look.json = true;
  else if ('details'.startsWith(name)) look.details = true;
  else if ('oneline'.startsWith(name)) look.oneLine = true;
  else throw unknownOption(option);
}

const unknownOption = (option: string): Wrong =>
  new Wrong(`Option "${option}" is unknown, try "tunstack tuntap help".`);

/** True if `word` is `whole`, or the beginning of it. */
const is = (word: string, whole: string): boolean => word !== '' && whole.startsWith(word);

/** Read what follows `add` or `del`; who made it is asked for by the first only. */
function read(words: readonly string[], adding: boolean): Asked {
  const asked: Asked = {};
  const rest = [...words];
  const next = (): string => {
    const word = rest.shift();
    if (word === undefined) throw new Wrong('Command line is not complete. Try option "help"');
    return word;
  };
  while (rest.length > 0) {
    const word = next();
    if (is(word, 'mode')) asked.mode = readMode(next(), asked.mode);
    else if (adding && is(word, 'user')) asked.user = next();
    else if (adding && is(word, 'group')) asked.group = next();
    else if (is(word, 'pi')) asked.pi = true;
    else if (is(word, 'one_queue')) asked.oneQueue = true;
    else if (is(word, 'vnet_hdr')) asked.vnetHdr = true;
    else if (is(word, 'multi_queue')) asked.multiQueue = true;
    else if (is(word, 'dev')) asked.name = readName(next(), 'dev');
    else if (is(word, 'help')) throw new Wrong(USAGE);
    else {
      const name = is(word, 'name') ? next() : word;
      if (asked.name !== undefined) {
        throw new Wrong(`Error: either "name" is duplicate, or "${name}" is a garbage.`);
      }
      asked.name = readName(name, 'name');
    }
  }
  return asked;
}

function readMode(word: string, before: 'tun' | 'tap' | undefined): 'tun' | 'tap' {
  const mode = is(word, 'tun') ? 'tun' : is(word, 'tap') ? 'tap' : undefined;
  if (mode === undefined) throw new Wrong(`Unknown tunnel mode "${word}"`);
  if (before !== undefined && before !== mode) {
    throw new Wrong('You managed to ask for more than one tunnel mode.');
  }
  return mode;
}

/** What `ip` takes for an interface's name: 1 to 15 bytes, no slash, no space; dots alone the kernel refuses. */
function readName(name: string, word: 'dev' | 'name'): string {
  const good = Buffer.byteLength(name) <= 15 && /^[^/\s]+$/.test(name);
  if (good) return name;
  throw new Wrong(`Error: argument "${name}" is wrong: "${word}" not a valid ifname`);
}

const noMode = (): Wrong => new Wrong('You failed to specify a tunnel mode', Exit.REFUSED);

/** In the kernel's words where it spoke, and more where those leave one alone. */
function explain({ code, syscall, message }: DeviceError): string {
  const detail = message.slice(message.indexOf(': ') + 2);
  if (syscall === undefined) return detail;
  const reason = REASONS[code] ?? code;
  return code === 'EPERM' ? `${syscall}: ${reason}` : `${syscall}: ${reason}: ${detail}`;
}
