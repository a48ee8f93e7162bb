/** Tests on a real TUN: one file after the other, inside a private network namespace. */
import { networkInterfaces } from 'node:os';

// `npm test` runs them in a namespace of their own. In anyone's real network they do not belong.
const real = Object.entries(networkInterfaces()).filter(([, list]) =>
  list?.some((a) => !a.internal),
);
if (real.length > 0) {
  const names = real.map(([name]) => name).join(', ');
  throw new Error(`test/tun makes interfaces, and this network has ${names}: use npm test`);
}

export default {
  files: ['dist/test/tun/**/*.test.js'],
  serial: true,
  concurrency: 1,
  timeout: '2m',
};
