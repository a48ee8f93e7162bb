/**
 * A program that a script hands all to: it has this terminal, it is told to end when the script is, and the script
 * ends as it did.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** What a shell adds to the number of the signal that ended a program. */
const BY_SIGNAL = 128;

/**
 * Run it to its end; gives its exit status as a shell would. `spawnSync` would not do: a script that waits in it hears
 * no signal, so that who ends the script leaves the program, and all that it has started, behind.
 */
export function runToEnd([program, ...args], options = {}) {
  const child = spawn(program, args, { stdio: 'inherit', ...options });
  // Of a terminal's Ctrl-C both hear; who is told twice ends as well.
  const pass = (signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, pass);
  return new Promise((resolve) => {
    const end = (status) => {
      for (const signal of SIGNALS) process.off(signal, pass);
      resolve(status);
    };
    child.on('error', (error) => {
      console.error(`${program}: ${error.message}`);
      end(1);
    });
    child.on('close', (code, signal) => end(code ?? BY_SIGNAL + constants.signals[signal]));
  });
}
