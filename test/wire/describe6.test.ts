/** One line a packet of IPv6, much as tcpdump prints it. RFC 8200, RFC 4443, RFC 5952. @module */
import test from 'ava';
import { describe } from '../../src/stack/wire/describe.ts';
import { pattern, udp } from '../support/packets.ts';
import {
  extension,
  type Fields6,
  fragment,
  icmp6,
  PEER6,
  packet6,
  US6,
} from '../support/packets6.ts';

const line = (fields: Fields6): string => {
  const bytes = packet6(fields);
  return describe(new DataView(bytes.buffer), 0, bytes.length);
};
const options = extension(60, 1, 4, 0, 0, 0, 0);
const datagram = udp(PEER6, 5353, US6, 53, pattern(12));

const LINES: readonly [fields: Fields6, line: string][] = [
  [{ protocol: 17, body: datagram }, 'fd83::1.5353 > fd83::2.53: UDP len 12'],
  [
    { protocol: 17, body: datagram, extensions: [options] },
    'fd83::1.5353 > fd83::2.53: UDP len 12',
  ],
  [
    { protocol: 58, body: icmp6(128, 0, 0x0007_0001, pattern(56)) },
    'fd83::1 > fd83::2: ICMPv6 echo id 7 seq 1 len 56',
  ],
  [
    {
      protocol: 58,
      body: icmp6(
        2,
        0,
        1280,
        packet6({ source: US6, destination: PEER6, protocol: 17, body: datagram }),
      ),
    },
    'fd83::1 > fd83::2: ICMPv6 packet too big code 0 mtu 1280 (about fd83::2.5353 > fd83::1.53 UDP)',
  ],
  [
    { protocol: 58, body: icmp6(1, 4, 0, pattern(8)) },
    'fd83::1 > fd83::2: ICMPv6 unreachable port (about nothing readable)',
  ],
  [
    { protocol: 58, body: icmp6(135, 0, 0, pattern(16)) },
    'fd83::1 > fd83::2: ICMPv6 neighbour solicitation code 0 len 16',
  ],
  [
    { protocol: 17, extensions: [fragment(1232, true, 9)], body: pattern(16) },
    'fd83::1 > fd83::2: UDP fragment id 9 offset 1232 len 16 more',
  ],
  [{ protocol: 59 }, 'fd83::1 > fd83::2: no next header'],
  [{ protocol: 200, body: pattern(3) }, 'fd83::1 > fd83::2: protocol 200 len 3'],
  [
    { extensions: [extension(43, 0, 1, 0, 0, 0, 0)] },
    'fd83::1 > fd83::2: an extension header or option that is not known',
  ],
];
for (const [fields, expected] of LINES) {
  test(`describe: ${fields.extensions ? 'behind extension headers, ' : ''}${expected}`, (t) =>
    t.is(line(fields), expected));
}

test('describe: what is cut or noise is never thrown at', (t) => {
  const whole = packet6({ protocol: 58, body: icmp6(1, 0, 0, packet6({ extensions: [options] })) });
  for (let length = 0; length < whole.length; length++) {
    t.notThrows(() => describe(new DataView(whole.buffer), 0, length));
  }
  t.is(describe(new DataView(whole.buffer), 0, 39), 'malformed IPv6, 39 bytes');
});
