/** Unit, protocol and simulation tests: in virtual time, side by side. */
export default {
  files: ['dist/test/**/*.test.js', '!dist/test/tun/**', '!dist/test/package/registry/**'],
  timeout: '3m',
};
