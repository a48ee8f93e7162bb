/** Tests that install the package from a registry: `npm run test:pack`. */
export default {
  files: ['dist/test/package/registry/**/*.test.js'],
  serial: true,
  timeout: '5m',
};
