/**
 * The demonstration that `npm start` gives where it may not open a TUN.
 *
 *     node scripts/demo.mjs tun [options of serve]     in a private network, against `tunstack serve`
 *     node scripts/demo.mjs pipe                       two stacks in this process
 */
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { demonstrate } from '../dist/src/cli/demo.js';
import { root } from './build.mjs';

const PORTS = { echo: 7, page: 80, udpEcho: 7 };
const [, , kind, ...args] = process.argv;

const show = (client, address) =>
  demonstrate({
    client,
    address,
    ports: PORTS,
    say: (line) => console.log(line),
    now: () => performance.now(),
  });

/** The system's ping, if there is one. */
function systemPing(address, count) {
  return new Promise((resolve) => {
    const child = spawn('ping', ['-n', '-c', `${count}`, '-i', '0.2', address], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
    });
    child.on('error', () => resolve('skipped: there is no program `ping` here'));
    child.on('close', () =>
      resolve([...text.matchAll(/ time=([\d.]+) ms/g)].map((match) => Number(match[1]))),
    );
  });
}

/** Against `tunstack serve`, as anyone would start it. */
async function overTun() {
  const child = spawn(
    process.execPath,
    [join(root, 'dist/src/cli/main.js'), 'serve', ...args.filter((word) => word !== '--json')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.on('close', resolve));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill());
  let good = false;
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    const address = /^ready .* address=(\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    good = await show({ net, dgram, ping: systemPing }, address);
    child.kill('SIGTERM');
  }
  return (await ended) === 0 && good;
}

/** Two stacks, packets in between, no kernel. */
async function overPipe() {
  const { createPipe, createStack } = await import('../dist/src/index.js');
  const { liveServer } = await import('../dist/src/page/live/live.js');
  const { startServices } = await import('../dist/src/cli/serve/services.js');
  const [one, other] = createPipe();
  const server = createStack({ device: one, address: '10.83.0.2/24' });
  const client = createStack({ device: other, address: '10.83.0.1/24' });
  const page = liveServer({
    stack: server,
    about: () => ({
      ...{ command: 'demo', device: 'pipe', medium: 'ip', addresses: server.addresses, uptime: 0 },
    }),
    numbers: () => ({ stack: server.stats(), services: services.carried() }),
  });
  const services = await startServices({
    ...{ net: server.net, dgram: server.dgram, address: '10.83.0.2', now: () => new Date() },
    page: page.connected,
  });
  const ping = async (address, count) => {
    const trips = [];
    for (let i = 0; i < count; i++) trips.push((await client.ping(address)).rtt);
    return trips;
  };
  const good = await show({ net: client.net, dgram: client.dgram, ping }, '10.83.0.2');
  await page.close();
  await services.close();
  await client.close();
  await server.close();
  return good;
}

process.exitCode = (kind === 'pipe' ? await overPipe() : await overTun()) ? 0 : 1;
