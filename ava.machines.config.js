/** Tests with real machines in QEMU: one file, which boots them once. */
export default {
  files: ['dist/test/machines/**/*.test.js'],
  serial: true,
  concurrency: 1,
  timeout: '10m',
};
