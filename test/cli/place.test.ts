/**
 * Where a command is to be: not on a network that another device has.
 * @module
 */
import test from 'ava';
import { parse } from '../../src/cli/options.ts';
import type { TunOptions } from '../../src/cli/options-tun.ts';
import { choosePlace, readRoutes, takenBy, whySilent } from '../../src/cli/place.ts';
import { asBits } from '../../src/cli/values.ts';

const options = (line: string): TunOptions => {
  const request = parse(line.split(' '), '1');
  if (request.command !== 'serve') throw new Error(JSON.stringify(request));
  return request.options;
};

const route = (device: string, cidr: string) => {
  const [address = '', bits] = cidr.split('/');
  return { device, first: asBits(address), bits: Number(bits) };
};

// Linux, fib_route_seq_show(): addresses as the machine has them; here one whose lowest byte comes first.
test('network: the table of routes is read', (t) => {
  const line = (words: string): string => words.split(' ').join('\t');
  const table = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    line('eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0'),
    line('tun0 0000530A 00000000 0001 0 0 0 00FFFFFF 0 0 0'),
    '',
  ].join('\n');
  const swapped = table.replace(/\b[\dA-F]{8}\b/g, (hex) =>
    Buffer.from(hex, 'hex').reverse().toString('hex').toUpperCase(),
  );
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  t.deepEqual(readRoutes(little ? table : swapped), [
    route('eth0', '0.0.0.0/0'),
    route('tun0', '10.83.0.0/24'),
  ]);
  t.deepEqual(readRoutes(''), []);
});

test('network: a route that is as narrow takes ours away, a wider one does not', (t) => {
  const routes = [
    route('eth0', '0.0.0.0/0'),
    route('eth1', '10.0.0.0/8'),
    route('tun0', '10.83.0.0/24'),
  ];
  t.is(takenBy(routes, '10.83.0.2', 24, undefined)?.device, 'tun0');
  t.is(takenBy(routes, '10.83.0.2', 24, 'tun0'), undefined, 'the device that is attached to');
  t.is(takenBy(routes, '10.83.1.2', 24, undefined), undefined);
  t.is(takenBy(routes, '10.83.0.2', 25, undefined), undefined);
  t.is(takenBy(routes, '10.83.0.2', 16, undefined)?.device, 'tun0');
});

test('network: where nobody said where, the next network that is free is taken, with a word', (t) => {
  const routes = [route('tun0', '10.83.0.0/24'), route('tun1', '10.83.1.0/24')];
  t.deepEqual(choosePlace(options('serve'), []), {
    hostAddress: '10.83.0.1/24',
    address: '10.83.0.2',
    hostAddress6: 'fd83::1/64',
    address6: 'fd83::2',
  });
  t.deepEqual(choosePlace(options('serve'), routes), {
    hostAddress: '10.83.2.1/24',
    address: '10.83.2.2',
    hostAddress6: 'fd85::1/64',
    address6: 'fd85::2',
    note: 'tun0 has 10.83.0.0/24 already, so this is on 10.83.2.1/24; --host-address chooses',
  });
});

test('network: who said where is told who has it, and what to give', (t) => {
  const routes = [route('tun0', '10.83.0.0/24')];
  for (const line of ['--host-address 10.83.0.1/24', '--address 10.83.0.9', '--gateway none']) {
    t.throws(() => choosePlace(options(`serve ${line}`), routes), {
      message:
        'tun0 has 10.83.0.0/24 already: give another network, such as --host-address 10.83.1.1/24',
    });
  }
});

test('network: where all are taken it is said', (t) => {
  const all = Array.from({ length: 256 }, (_, i) => route('wg0', `10.83.${i}.0/24`));
  t.throws(() => choosePlace(options('serve'), all), {
    message: /^wg0 has 10\.83\.0\.0\/24 already: give another network by --host-address$/,
  });
});

test('network: silence from beyond a kernel that does not forward has its reason', (t) => {
  const place = { address: '10.83.0.2', prefix: 24 };
  const off = (): string => '0\n';
  t.regex(
    whySilent('192.0.2.1', place, off) ?? '',
    /^192\.0\.2\.1 is beyond this host, which does not forward: /,
  );
  t.is(whySilent('10.83.0.77', place, off), undefined);
  t.is(
    whySilent('192.0.2.1', place, () => '1\n'),
    undefined,
  );
  t.is(
    whySilent('192.0.2.1', place, () => {
      throw new Error('no /proc');
    }),
    undefined,
  );
});
