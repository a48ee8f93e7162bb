/**
 * The command line: what is taken, what is filled in, what is refused and with which words.
 * @module
 */
import test from 'ava';
import { parse } from '../../src/cli/options.ts';

/** Arguments as one would type them. */
const asked = (line: string) => parse(line === '' ? [] : line.split(' '), '1.2.3');

/** The options of a request that must be good. */
function options(line: string): Record<string, unknown> {
  const request = asked(line);
  if (!('options' in request)) throw new Error(JSON.stringify(request));
  return { ...request.options };
}

function refusal(line: string): string {
  const request = asked(line);
  return request.command === 'refuse' ? request.reason : `taken: ${JSON.stringify(request)}`;
}

test('options: serve needs none', (t) => {
  t.deepEqual(asked('serve'), {
    command: 'serve',
    options: {
      tun: undefined,
      hostAddress: '10.83.0.1/24',
      address: '10.83.0.2',
      hostAddress6: 'fd83::1/64',
      address6: 'fd83::2',
      isDefault6: true,
      prefix: 24,
      isDefaultPlace: true,
      gateway: undefined,
      mtu: 1500,
      offload: 'auto',
      pcap: undefined,
      json: false,
      page: undefined,
      pageCapture: false,
    },
  });
});

test('options: addresses of IPv6 are those that are asked for, in one network', (t) => {
  const { hostAddress6, address6 } = options(
    'serve --host-address 10.9.0.1/24 --host-address6 fd00:9::1/64',
  );
  t.deepEqual([hostAddress6, address6], ['fd00:9::1/64', 'fd00:9::2']);
  t.is(options('serve --host-address6 none')['address6'], undefined);
});

test('options: --host-address none leaves IPv6 alone, and wants some of it', (t) => {
  const only = options('serve --host-address none');
  t.deepEqual([only['hostAddress'], only['address']], [undefined, undefined]);
  t.deepEqual([only['hostAddress6'], only['address6']], ['fd83::1/64', 'fd83::2']);
  t.regex(refusal('serve --host-address none --host-address6 none'), /leaves no address/);
  t.regex(refusal('serve --host-address none --address 10.9.0.2'), /It is of IPv4/);
  t.regex(refusal('serve --host-address none --gateway 10.9.0.2'), /It is of IPv4/);
  t.regex(refusal('forward --host-address none'), /Clients need IPv4 here/);
  t.is(
    options('serve --mtu 1279')['address6'],
    undefined,
    'on no link that carries less than 1280',
  );
  t.regex(refusal('serve --host-address6 10.0.0.1/24'), /Give an IPv6 address/);
  t.regex(refusal('serve --host-address6 fd00::1/64 --address6 fd00::1'), /the kernel's/);
  t.regex(refusal('serve --host-address6 fd00::1/64 --address6 fd01::2'), /outside fd00::1\/64/);
});

test('options: a TAP takes the place of the TUN, and there is one of them', (t) => {
  const { tap, tun } = options('serve --tap t0') as { tap?: true; tun?: string };
  t.deepEqual([tap, tun], [true, 't0']);
  t.regex(refusal('ping --tap t0 --tun t1 10.0.0.1'), /two devices: give one/);
});

test('options: a page is on an address, not a name, of this host', (t) => {
  t.regex(refusal('serve --page localhost:80'), /Give ADDRESS:PORT/);
  t.regex(refusal('forward --page 127.0.0.1'), /Give ADDRESS:PORT/);
  t.regex(refusal('network --listen unix:/x --page 127.0.0.1:65536'), /65535/);
  t.deepEqual(options('tunnel up x.conf --page 0.0.0.0:0')['page'], { host: '0.0.0.0', port: 0 });
});

test('options: serve takes all of its own', (t) => {
  t.deepEqual(
    options(
      'serve --tun x0 --host-address 10.9.8.7/16 --address 10.9.1.1 --gateway none --mtu 9000 --no-offload --pcap a.pcapng --page [::1]:8080 --page-capture --json',
    ),
    {
      tun: 'x0',
      hostAddress: '10.9.8.7/16',
      address: '10.9.1.1',
      hostAddress6: undefined,
      address6: undefined,
      isDefault6: true,
      prefix: 16,
      isDefaultPlace: false,
      gateway: false,
      mtu: 9000,
      offload: false,
      pcap: 'a.pcapng',
      json: true,
      page: { host: '::1', port: 8080 },
      pageCapture: true,
    },
  );
});

test('options: offload is asked for, refused, or taken where it is', (t) => {
  t.is(options('serve --offload')['offload'], true);
  t.is(options('serve --no-offload')['offload'], false);
  t.is(options('ping 10.83.0.1')['offload'], 'auto');
});

test("options: our address is the one next to the kernel's", (t) => {
  const next = (cidr: string) => options(`serve --host-address ${cidr}`)['address'];
  t.is(next('10.1.0.1/24'), '10.1.0.2');
  t.is(next('10.1.0.254/24'), '10.1.0.253');
  t.is(next('10.1.0.255/16'), '10.1.1.0');
  t.is(next('192.0.2.0/31'), '192.0.2.1');
  t.is(next('192.0.2.1/31'), '192.0.2.0');
  t.is(next('200.0.0.1/30'), '200.0.0.2');
});

test('options: ping has the defaults of ping', (t) => {
  const { host, count, interval, size } = options('ping 10.83.0.1');
  t.deepEqual(
    { host, count, interval, size },
    { host: '10.83.0.1', count: Number.POSITIVE_INFINITY, interval: 1, size: 56 },
  );
});

test('options: ping takes count, interval, size and wait', (t) => {
  const { count, interval, size, wait } = options('ping -c 5 -i 0.2 -s 100 -W 0.5 host');
  t.deepEqual({ count, interval, size, wait }, { count: 5, interval: 0.2, size: 100, wait: 0.5 });
});

test('options: help and version are said, not refused', (t) => {
  t.deepEqual(asked('--version'), { command: 'say', text: '1.2.3\n' });
  for (const line of ['--help', 'serve --help', 'ping -h']) {
    const request = asked(line);
    t.true(request.command === 'say' && request.text.startsWith('Usage: tunstack'), line);
  }
});

const refusals: readonly (readonly [string, RegExp])[] = [
  ['', /what shall it do\? serve, ping, forward, network, replay, plot, lab, traceroute, tuntap/],
  ['dance', /unknown command 'dance'/],
  ['serv', /unknown command 'serv' \(Did you mean serve\?\)/],
  ['serve --mtuu 9000', /unknown option '--mtuu' \(Did you mean --mtu\?\)/],
  ['serve --gateway west', /Give an IPv4 address/],
  ['forward --gateway 10.83.0.1', /unknown option '--gateway'/],
  ['--bogus', /unknown option '--bogus'/],
  ['serve --bogus', /unknown option '--bogus'/],
  ['serve more', /too many arguments/],
  ['serve --mtu', /'--mtu <bytes>' argument missing/],
  ['serve --mtu big', /argument 'big' is invalid. Give a whole number from 68 to 65535/],
  ['serve --mtu 67', /from 68/],
  ['serve --mtu 65536', /to 65535/],
  ['serve --mtu 0x5dc', /whole number/],
  ['serve --mtu 1500.5', /whole number/],
  ['serve --mtu -1', /argument/],
  ['serve --tun sixteen-bytes-xx', /at most 15 bytes/],
  ['serve --tun a/b', /without spaces, slashes/],
  ['serve --host-address 10.83.0.1', /prefix of 1 to 31 bits/],
  ['serve --host-address 10.83.0.1/33', /prefix of 1 to 31 bits/],
  ['serve --host-address 10.83.0.1/24/8', /prefix of 1 to 31 bits/],
  ['serve --host-address 10.83.1/24', /Give an IPv4 address/],
  ['serve --host-address 10.83.0.0/24', /take 10\.83\.0\.1\/24/],
  ['serve --address 10.83.0.256', /Give an IPv4 address/],
  ['serve --address fe80::1', /Give an IPv4 address/],
  ['serve --address 10.83.0.1', /It is the kernel's/],
  ['serve --address 10.84.0.2', /outside 10\.83\.0\.0\/24/],
  ['serve --address 10.83.0.255', /broadcast address/],
  ['ping', /missing required argument 'host'/],
  ['ping host -c 0', /from 1/],
  ['ping host -i -1', /argument/],
  ['ping host -s 65508', /to 65507/],
];

for (const [line, reason] of refusals) {
  test(`options: refused in one line: tunstack ${line}`, (t) => {
    const text = refusal(line);
    t.regex(text, reason);
    t.notRegex(text, /\n/);
  });
}
