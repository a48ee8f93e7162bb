/**
 * One side of one package's program: `run.mjs NAME serve|call HOST PORT [stack] [system]`. Run with
 * `--import tunstack/register`, it is on a stack without knowing; with `stack`, it is given one; else it is on the
 * kernel.
 * @module
 */
const [name, role, host, port, ...words] = process.argv.slice(2);
const program = await import(`./programs/${name}.mjs`);

async function openStack() {
  const { createStack, openTun } = await import('tunstack');
  const device = await openTun({ hostAddress: '10.83.0.1/24' });
  return createStack({ device, address: '10.83.0.2/24' });
}

const stack = words.includes('stack') ? await openStack() : undefined;
if (role === 'serve') {
  await program.serve(Number(port), stack);
  console.log('ready');
} else {
  await program.call(host, Number(port), stack, words.includes('system'));
  await stack?.close();
  console.log('passed');
}
