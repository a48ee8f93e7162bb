/** Tests on a real TUN: one file after the other, inside a private network namespace. */
export default {
  files: ['dist/test/tun/**/*.test.js'],
  serial: true,
  concurrency: 1,
  timeout: '5m',
};
