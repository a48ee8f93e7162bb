/**
 * The words of a script's command line: read, or refused in one line.
 */
import { parseArgs } from 'node:util';

/** What `parseArgs` gives for these options; where that cannot be, the process ends with 2. */
export function readWords(script, options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`${script}: ${error.message}`);
    process.exit(2);
  }
}
