/**
 * `tunstack forward` under load: a gibibyte that must arrive as it left, thousands of idle flows, flows
 * that are refused, names and pages; by sockets of the host's own and by a SOCKS5 proxy.
 * @module
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RESOURCES } from '../support/outside.ts';
import { root } from '../support/root.ts';
import {
  type Forwarding,
  forwarding,
  insideSays,
  loadPage,
  NEAR_OUTSIDE,
  OUTSIDE,
} from '../tun/forwarding.ts';
import type { Finding } from './finding.ts';
import { residentBytes } from './watch.ts';

/** How flows leave: with what options, and how many are held. */
export interface Way {
  readonly name: string;
  readonly options: readonly string[];
  readonly flows: number;
}

/** By the proxy a flow takes three descriptors of the process that is proxy and server in one. */
export const WAYS: readonly Way[] = [
  { name: 'by sockets of the host', options: [], flows: 10_000 },
  { name: 'by a SOCKS5 proxy', options: ['--socks5', `${NEAR_OUTSIDE}:1080`], flows: 5_000 },
];

/** How many findings `forwardBy` comes to. */
export const FORWARD = 6;
const UPLOAD = 1 << 30;
const NAMES = 100;
/** A refusal that takes longer is none "at once", in milliseconds. */
const AT_ONCE = 100;
const NOBODY_LISTENS = '81';

async function refusal(run: Forwarding): Promise<Finding> {
  const said = (await insideSays(run, 'refused', OUTSIDE, NOBODY_LISTENS)) as {
    code: string;
    ms: number;
  };
  return {
    what: 'a flow that is refused outside',
    found: `${said.code} after ${said.ms.toFixed(1)} ms at most`,
    good: said.code === 'ECONNREFUSED' && said.ms < AT_ONCE,
  };
}

async function names({ inside }: Forwarding): Promise<Finding> {
  const asked = Array.from({ length: NAMES }, (_, i) => `name${i}.example`);
  const began = performance.now();
  const words = ['dig', '+short', '+tries=1', '+time=3', `@${OUTSIDE}`, ...asked];
  const { out } = await inside.run(...words);
  const each = (performance.now() - began) / NAMES;
  const right = out === '203.0.113.9\n'.repeat(NAMES);
  return {
    what: `${NAMES} names asked by \`dig\` over UDP`,
    found: right ? `all answered, ${each.toFixed(1)} ms each` : `wrong: ${out.slice(0, 80)}`,
    good: right,
  };
}

async function page(run: Forwarding): Promise<Finding> {
  const began = performance.now();
  const { resources, bytes, wrong } = await loadPage(run);
  const seconds = (performance.now() - began) / 1000;
  return {
    what: `a page and its ${RESOURCES} resources by \`curl\`, six at a time`,
    found:
      `${resources} resources, ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s, ` +
      (wrong.length === 0 ? 'identical' : `${wrong.length} changed`),
    good: resources === RESOURCES && wrong.length === 0,
  };
}

async function idle(run: Forwarding, flows: number): Promise<Finding[]> {
  const pid = run.gateway.child.pid ?? 0;
  const before = residentBytes(pid);
  const program = join(root, 'dist/test/support/inside.js');
  const words = [process.execPath, program, 'hold', OUTSIDE, '7', `${flows}`];
  const holder = run.inside.start(...words);
  const opened = await holder.line();
  await pause(500);
  const each = (residentBytes(pid) - before) / flows;
  const other = JSON.stringify(await insideSays(run, 'half-close', OUTSIDE, '7', 'one more'));
  holder.child.kill('SIGUSR2');
  const alive = await holder.line();
  return [
    {
      what: `${flows} idle flows`,
      found: `${(each / 1024).toFixed(1)} KiB of memory each; one more carries text`,
      good: opened === `{"open":${flows}}` && other === '{"answer":"one more"}',
    },
    {
      what: 'an echo on each of them afterwards',
      found: `${JSON.parse(alive).alive ?? alive} answered`,
      good: alive === `{"alive":${flows}}`,
    },
  ];
}

async function gibibyte(run: Forwarding): Promise<Finding> {
  const began = performance.now();
  const said = (await insideSays(run, 'upload', OUTSIDE, '9', `${UPLOAD}`)) as {
    answer: string;
    hash: string;
  };
  const seconds = (performance.now() - began) / 1000;
  const good = said.answer === `${UPLOAD} ${said.hash}`;
  const rate = ((UPLOAD * 8) / seconds / 1e9).toFixed(2);
  return {
    what: '1 GiB to a server outside, SHA-256 at both ends',
    found: good ? `identical, ${seconds.toFixed(1)} s, ${rate} Gbit/s` : `not: ${said.answer}`,
    good,
  };
}

/** All of it, for one way out. */
export async function forwardBy(way: Way, tell: (finding: Finding) => void): Promise<Finding[]> {
  const endings: (() => Promise<void>)[] = [];
  const findings: Finding[] = [];
  const add = (...found: Finding[]): void => {
    findings.push(...found);
    found.forEach(tell);
  };
  try {
    const run = await forwarding({ teardown: (work) => endings.push(work) }, ...way.options);
    add(await refusal(run));
    add(await names(run));
    add(await page(run));
    add(...(await idle(run, way.flows)));
    add(await gibibyte(run));
    return findings;
  } finally {
    for (const end of endings.reverse()) await end();
  }
}
