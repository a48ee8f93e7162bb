/**
 * The filter's language against packets whose every field is known, and against tcpdump's own reading of it.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { packetFilter } from '../../src/filter/filter.ts';

/** Frames that differ in what a filter can ask. */
const FRAMES: readonly Buffer[] = [
  ip4({ protocol: 6, source: '0a530001', destination: '0a530002', ports: [40_000, 80] }),
  ip4({ protocol: 6, source: '0a530002', destination: '0a530001', ports: [80, 40_000] }),
  ip4({ protocol: 6, source: '0a530001', destination: 'c0a80105', ports: [40_001, 443] }),
  ip4({ protocol: 17, source: '0a530001', destination: '08080808', ports: [5353, 53] }),
  ip4({ protocol: 17, source: '08080808', destination: '0a530001', ports: [53, 5353] }),
  ip4({ protocol: 17, source: 'ac100001', destination: 'ac100102', ports: [6004, 6008] }),
  ip4({ protocol: 1, source: '0a530001', destination: '0a530002' }),
  ip4({ protocol: 2, source: '0a530001', destination: 'e0000016' }),
  ip4({ protocol: 47, source: '0a090909', destination: '0a530002' }),
  // A later fragment: where ports would be stands something else, 80 and 80.
  ip4({ protocol: 6, source: '0a530001', destination: '0a530002', ports: [80, 80], offset: 185 }),
  ip4({ protocol: 6, source: '0a530001', destination: '0a530002', ports: [22, 80], extra: 900 }),
  ip6({ next: 6, source: 'fd83::1', destination: 'fd83::2', ports: [40_000, 80] }),
  ip6({ next: 17, source: 'fd83::2', destination: 'fd84::2', ports: [53, 1024] }),
  ip6({ next: 58, source: 'fe80::1', destination: 'ff02::2' }),
  frame(0x0806, '0001080006040001020000000001' + '0a530001' + '000000000000' + '0a530002'),
  frame(0x88b5, '00'.repeat(50)),
];

const FILTERS: readonly string[] = [
  '',
  'ip',
  'ip6',
  'arp',
  'tcp',
  'udp',
  'icmp',
  'icmp6',
  'igmp',
  'ip proto 47',
  'ip proto 6',
  'proto 17',
  'ip6 proto 17',
  'host 10.83.0.1',
  'src host 10.83.0.1',
  'dst 10.83.0.1',
  'src and dst host 10.83.0.1',
  'src or dst host 10.83.0.2',
  'ip host 10.83.0.2',
  'arp host 10.83.0.2',
  'host fd83::2',
  'ip6 host fd83::2',
  'src fd83::2',
  'net 10.83.0.0/16',
  'net 10',
  'net 172.16',
  'src net 172.16.0.0/24',
  'net 192.168.0.0 mask 255.255.0.0',
  'dst net 8.8.8.0/24',
  'net fd83::/16',
  'ip6 net fd84::/32',
  'net 0.0.0.0/0',
  'port 80',
  'src port 80',
  'tcp port 80',
  'udp port 80',
  'tcp dst port 80',
  'port 80 or 443',
  'portrange 6000-6005',
  'udp portrange 6008-6010',
  'src portrange 50-60',
  'not tcp',
  '! tcp and not udp',
  'not (tcp or udp)',
  'tcp or udp and port 53',
  'tcp || ( udp && port 53 )',
  'host 10.83.0.1 and not port 80',
  'host 10.83.0.1 and port 80 or 53',
  'not host 10.83.0.1 and 10.83.0.2',
  'less 60',
  'greater 500',
  'tcp and greater 500 or icmp',
];

/** FILTERS against what each should find, by the places of FRAMES; those of tcpdump itself are in the test after. */
const EXPECTED: Readonly<Record<string, readonly number[]>> = {
  '': FRAMES.map((_, place) => place),
  tcp: [0, 1, 2, 9, 10, 11],
  'tcp port 80': [0, 1, 10, 11],
  'port 80 or 443': [0, 1, 2, 10, 11],
  // From the left: (tcp or udp) and port 53.
  'tcp or udp and port 53': [3, 4, 12],
  'not host 10.83.0.1 and 10.83.0.2': [8],
  'src and dst host 10.83.0.1': [],
  'net fd83::/16': [11, 12],
  'less 60': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14],
  'arp host 10.83.0.2': [14],
};

test('filter: finds what pcap-filter(7) says it means', (t) => {
  for (const [filter, places] of Object.entries(EXPECTED)) {
    t.deepEqual(found(filter), places, filter);
  }
});

test('filter: means the same as in tcpdump', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-filter-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, pcap(FRAMES));
    if (spawnSync('tcpdump', ['--version']).error) {
      t.log('tcpdump is not installed: not compared');
      t.pass();
      return;
    }
    for (const filter of FILTERS) {
      const { stdout, stderr } = spawnSync(
        'tcpdump',
        ['-n', '-t', '-#', '-r', file, ...(filter === '' ? [] : [filter])],
        { encoding: 'utf8' },
      );
      t.notRegex(stderr, /error/i, filter);
      t.is(
        found(filter).length,
        stdout.split('\n').filter((line) => /^ +\d+ /.test(line)).length,
        filter,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('filter: reads packets without a link header alike', (t) => {
  const isRaw = FRAMES.map((bytes) => [0x0800, 0x86dd].includes(bytes.readUInt16BE(12)));
  for (const filter of FILTERS.filter((text) => !/less|greater/.test(text))) {
    const places = FRAMES.flatMap((bytes, place) => {
      if (!isRaw[place]) return [];
      const view = new DataView(bytes.buffer, bytes.byteOffset + 14, bytes.length - 14);
      return packetFilter(filter).matches(view, 0, view.byteLength) ? [place] : [];
    });
    t.deepEqual(
      places,
      found(filter).filter((place) => isRaw[place]),
      filter,
    );
  }
});

test('filter: bytes of any kind and length are no error', (t) => {
  // Every packet cut at every length, and with every octet of its headers turned.
  const filters = FILTERS.map((text) => packetFilter(text));
  for (const bytes of FRAMES) {
    for (let length = 0; length <= Math.min(bytes.length, 80); length++) {
      const copy = Uint8Array.prototype.slice.call(bytes, 0, length);
      const view = new DataView(copy.buffer);
      if (length > 0) copy[length - 1] = (copy[length - 1] as number) ^ 0xff;
      for (const filter of filters) {
        t.notThrows(() => filter.matches(view, 0, length, true));
        t.notThrows(() => filter.matches(view, 0, length));
      }
    }
  }
});

for (const [filter, message] of [
  ['host', /it ends, not an address/],
  ['host nowhere', /there is 'nowhere', not an address/],
  ['port http', /there is 'http', not a port from 0 to 65535/],
  ['port 65536', /not a port/],
  ['icmp port 80', /not a port of icmp, which has none/],
  ['tcp port 80 80', /there is '80', not 'and', 'or' or the end/],
  ['(tcp', /it ends, not '\)'/],
  ['net 10.0.0.1/8', /bits are set behind its prefix/],
  ['net 10.0.0.0/33', /a prefix of 0 to 32 bits/],
  ['portrange 5-1', /a range of ports/],
  ['ip6 host 10.0.0.1', /an address of ip6/],
  ['constructor', /there is 'constructor'/],
  ['tcp[13] & 2 != 0', /there is/],
  ['and', /there is 'and'/],
  ['not', /it ends/],
  [`${'('.repeat(101)}tcp`, /100 levels deep/],
  ['x'.repeat(4097), /at most 4096 characters/],
] as const) {
  test(`filter: refuses ${filter.slice(0, 40)}${filter.length > 40 ? '...' : ''}`, (t) => {
    t.throws(() => packetFilter(filter), { instanceOf: SyntaxError, message });
  });
}

function found(text: string): number[] {
  const filter = packetFilter(text);
  return FRAMES.flatMap((bytes, place) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return filter.matches(view, 0, bytes.length, true) ? [place] : [];
  });
}

interface Ip4 {
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly ports?: readonly [number, number];
  /** Of a fragment, in units of eight bytes. */
  readonly offset?: number;
  readonly extra?: number;
}

function ip4({
  protocol,
  source,
  destination,
  ports = [0, 0],
  offset = 0,
  extra = 0,
}: Ip4): Buffer {
  const header = Buffer.from(`45000028000000004006${'0000'}${source}${destination}`, 'hex');
  header.writeUInt16BE(40 + extra, 2);
  header.writeUInt16BE(offset, 6);
  header[9] = protocol;
  return frame(
    0x0800,
    Buffer.concat([header, transport(protocol, ports), Buffer.alloc(extra)]).toString('hex'),
  );
}

interface Ip6 {
  readonly next: number;
  readonly source: string;
  readonly destination: string;
  readonly ports?: readonly [number, number];
}

function ip6({ next, source, destination, ports = [0, 0] }: Ip6): Buffer {
  const header = Buffer.from(`60000000001400ff${expand(source)}${expand(destination)}`, 'hex');
  header[6] = next;
  return frame(0x86dd, Buffer.concat([header, transport(next, ports)]).toString('hex'));
}

/** Twenty bytes that begin with ports where the protocol has them. */
function transport(protocol: number, [from, to]: readonly [number, number]): Buffer {
  const bytes = Buffer.from('00000000000000000000000050100000' + '00000000', 'hex');
  if (protocol === 6 || protocol === 17) {
    bytes.writeUInt16BE(from, 0);
    bytes.writeUInt16BE(to, 2);
  }
  if (protocol === 17) bytes.writeUInt16BE(20, 4);
  return bytes;
}

/** `fd83::1` in full, as 32 digits: of the short forms only this one. */
function expand(text: string): string {
  const [head = '', tail = ''] = text.split('::');
  return head.padEnd(4, '0').padEnd(28, '0') + tail.padStart(4, '0');
}

function frame(type: number, body: string): Buffer {
  return Buffer.concat([
    Buffer.from(`020000000002020000000001${type.toString(16).padStart(4, '0')}`, 'hex'),
    Buffer.from(body, 'hex'),
  ]);
}

/** The classic format, of Ethernet. */
function pcap(frames: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.map((bytes) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return Buffer.concat([record, bytes]);
  });
  return Buffer.concat([header, ...records]);
}
