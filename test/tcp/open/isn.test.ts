/**
 * Numbers that nobody can guess: first sequence numbers and timestamp offsets.
 * RFC 6528, RFC 7323 §5.4.
 * @module
 */
import test from 'ava';
import { SeededRandom } from '../../../src/stack/base/random.ts';
import { Secrets } from '../../../src/stack/tcp/open/isn.ts';
import { ip } from '../../support/packets.ts';

const US = ip('10.0.0.2');
const PEER = ip('10.0.0.1');
const make = (seed = 1): Secrets => new Secrets(new SeededRandom(seed));

test('isn: for the same four numbers it moves on by one each 4 microseconds', (t) => {
  const secrets = make();
  const at = (now: number): number => secrets.isn(US, 1, PEER, 2, now);
  t.is((at(4_000_000) - at(0)) | 0, 1_000_000);
  t.is(at(3), at(0));
});

test('isn: for other four numbers it begins elsewhere, and in another stack, too', (t) => {
  const secrets = make();
  const all = new Set<number>();
  for (let port = 0; port < 1000; port++) all.add(secrets.isn(US, port, PEER, 80, 0));
  for (let port = 0; port < 1000; port++) all.add(secrets.isn(US, 7, PEER, port + 2000, 0));
  all.add(make(2).isn(US, 1, PEER, 80, 0));
  t.is(all.size, 2001);
});

test('isn: timestamp offsets differ from peer to peer, and stay for the same one', (t) => {
  const secrets = make();
  t.is(secrets.stampOffset(US, 1, PEER, 2), secrets.stampOffset(US, 1, PEER, 2));
  t.not(secrets.stampOffset(US, 1, PEER, 2), secrets.stampOffset(US, 2, PEER, 2));
});
