/**
 * `npm run plot -- FILE [FILTER ...] > x.svg`: build what is missing, then `tunstack plot`, which says what it
 * takes with --help. Besides captures it draws traces: `npm run sim -- --case NAME --seed N --trace FILE`.
 */
import { setUp } from './setup.mjs';

setUp();
process.argv.splice(2, 0, 'plot');
await import('../dist/src/cli/main.js');
