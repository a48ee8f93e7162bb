/**
 * Programs that use the package, and every way of TypeScript's to look for it.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What it takes to show that the types are those of the `@types/node` that is installed. */
const USE = `
const stack: Stack = createStack({ device: createPipe()[0], address: '10.0.0.1/24' });
const socket: net.Socket = stack.net.connect(80, '10.0.0.2');
const server: net.Server = stack.net.createServer();
const datagrams: dgram.Socket = stack.dgram.createSocket('udp4');
const agent: http.Agent = stack.agent();
new stack.net.Socket({ typeOfService: 8 }).setKeepAlive({ enable: true });
void fetch('http://10.0.0.2', { dispatcher: stack.dispatcher({ connections: 2 }) });
void [socket, server, datagrams, agent, openTun, tcp.MIN_LEN];
`;

const NODE = `
import * as dgram from 'node:dgram';
import * as http from 'node:http';
import * as net from 'node:net';
`;

const OURS = `
import { createPipe, createStack, openTun, type Stack } from 'tunstack';
import { tcp } from 'tunstack/wire';
`;

/** By name; the end says of which kind it is. */
const PROGRAMS: Record<string, string> = {
  'module.mts': NODE + OURS + USE,
  'required.cts': NODE + OURS + USE,
  // Before `require` of a module was known to TypeScript, a CommonJS program had to wait for it.
  'waiting.cts': `${NODE}
import type { Stack } from 'tunstack' with { 'resolution-mode': 'import' };
async function main(): Promise<void> {
  const { createPipe, createStack, openTun } = await import('tunstack');
  const { tcp } = await import('tunstack/wire');
${USE}
}
void main();
`,
  'bundled.ts': NODE + OURS + USE,
  'registered.mts': "import 'tunstack/register';\n",
  'required.cjs': `
const { createPipe, createStack } = require('tunstack');
const { tcp } = require('tunstack/wire');
const stack = createStack({ device: createPipe()[0], address: '10.0.0.1/24' });
stack.close().then(() => console.log('closed', tcp.MIN_LEN));
`,
};

/** How to compile which programs. */
export const WAYS: Record<string, readonly string[]> = {
  node16: ['module.mts', 'waiting.cts', 'registered.mts'],
  nodenext: ['module.mts', 'required.cts', 'waiting.cts', 'registered.mts'],
  bundler: ['bundled.ts'],
};

/** Write the programs into a folder. */
export function writePrograms(folder: string): void {
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), text);
}

/** Words for the compiler: nothing is skipped and nothing comes from a configuration. */
export function compilerWords(way: string, files: readonly string[]): string[] {
  const module =
    way === 'bundler' ? ['--module', 'esnext', '--moduleResolution', way] : ['--module', way];
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  const lib = ['--target', 'es2023', '--lib', 'es2023', '--types', 'node'];
  return ['--noEmit', ...strict, ...lib, ...module, ...files];
}
