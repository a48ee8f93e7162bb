/**
 * One queue of a device, and the stack on it: a thread of server.ts.
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { StackSetup } from './protocol.ts';
import { openStack } from './stack.ts';

let count = 0;
let told = 0;

await openStack(workerData as StackSetup, () => {
  count++;
});
parentPort?.postMessage(0);

setInterval(() => {
  if (count !== told) parentPort?.postMessage(count);
  told = count;
}, 20);
