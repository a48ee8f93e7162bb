/**
 * The longest packets that there are, both ways: echoes and datagrams of 65 507 bytes, in 45 fragments
 * each.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { run, tunstack } from '../support/process.ts';
import type { Finding } from './finding.ts';

const LONGEST = '65507';
const COUNT = 40;
/** Seconds between two: 45 fragments at a time are no flood. */
const EVERY = '0.05';

const received = (output: string): string =>
  `${/(\d+) received/.exec(output)?.[1] ?? 'none'} of ${COUNT} answered`;

/** From the kernel to `tunstack serve` at `address`. */
export async function longPingsIn(address: string): Promise<Finding> {
  const words = ['-q', '-c', `${COUNT}`, '-i', EVERY, '-s', LONGEST, address];
  const { code, out } = await run('ping', ...words);
  const found = received(out);
  const good = code === 0 && found.startsWith(`${COUNT} `);
  const six = address.includes(':') ? ' over IPv6' : '';
  return { what: `\`ping -s ${LONGEST}\` to the stack${six}`, found, good };
}

/** From a stack to the kernel, on a TUN of its own. */
export async function longPingsOut(): Promise<Finding> {
  const place = ['--host-address', '10.85.0.1/24', '10.85.0.1'];
  const words = ['ping', '-c', `${COUNT}`, '-i', EVERY, '-s', LONGEST, ...place];
  const { code, out } = await tunstack(...words).ended;
  const found = received(out);
  const good = code === 0 && found.startsWith(`${COUNT} `);
  return { what: `\`tunstack ping -s ${LONGEST}\` to the kernel`, found, good };
}

/** To the echo of `tunstack serve` at `address`, and back. */
export async function longDatagrams(address: string): Promise<Finding> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const text = Buffer.alloc(Number(LONGEST));
  for (let i = 0; i < text.length; i++) text[i] = (i * 167) >> 3;
  let same = 0;
  for (let i = 0; i < COUNT; i++) {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(2000) });
    text.writeUInt32BE(i);
    socket.send(text, 7, address);
    const [message] = await answer.catch(() => [undefined]);
    if (message !== undefined && text.equals(message)) same++;
  }
  socket.close();
  const found = `${same} of ${COUNT} came back identical`;
  const six = address.includes(':') ? ' over IPv6' : '';
  return { what: `UDP echo of ${LONGEST} bytes${six}`, found, good: same === COUNT };
}
