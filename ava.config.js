/** Unit, protocol and simulation tests: in virtual time, side by side. */
export default {
  files: [
    'dist/test/**/*.test.js',
    ...['tun/**', 'machines/*.test.js', 'package/registry/**'].map((name) => `!dist/test/${name}`),
  ],
  timeout: '3m',
};
