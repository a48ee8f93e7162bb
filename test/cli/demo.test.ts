/**
 * The demonstration of `npm start`, with Node's own modules on both sides.
 * @module
 */
import dgram from 'node:dgram';
import net from 'node:net';
import test from 'ava';
import { type Client, demonstrate } from '../../src/cli/demo.ts';
import { type Services, startServices } from '../../src/cli/serve/services.ts';
import { liveServer } from '../../src/page/live/live.ts';

const about = () => ({
  ...{ command: 'test', device: 'none', medium: 'ip' as const, addresses: [], uptime: 1 },
});
/** The page, with these numbers. */
const pageOf = (numbers: () => unknown) => liveServer({ about, numbers }).connected;

const HOME = '127.0.0.1';
const ANY_PORT = { echo: 0, discard: 0, daytime: 0, chargen: 0, page: 0 };

const start = (): Promise<Services> =>
  startServices({
    ...{ net, dgram, address: HOME, ports: ANY_PORT, page: pageOf(() => ({})) },
    now: () => new Date(0),
  });

/** Run it; gives what it said. */
async function show(
  services: Services,
  change: { ping?: Client['ping']; echo?: number },
): Promise<{ good: boolean; lines: string[] }> {
  const lines: string[] = [];
  const good = await demonstrate({
    client: { net, dgram, ping: change.ping ?? (async () => [1, 2, 3, 4, 5]) },
    address: HOME,
    ports: {
      echo: change.echo ?? services.tcp.echo ?? 0,
      page: services.tcp.page ?? 0,
      udpEcho: services.udp.echo ?? 0,
    },
    say: (line) => lines.push(line),
    now: () => 0,
  });
  return { good, lines };
}

test('demo: shows ping, echo and the page', async (t) => {
  const services = await start();
  const { good, lines } = await show(services, {});
  t.true(good);
  t.is(lines[0], '  ping      5 of 5 answered, 3.000 ms on average');
  t.is(lines[1], '  tcp echo  10 MiB came back identical in 0 ms');
  t.is(lines[2], '  udp echo  100 datagrams came back identical');
  t.regex(lines[3] ?? '', /^ {2}http {6}200 OK, "tunstack", \d+ bytes$/);
  await services.close();
});

test('demo: what fails is told, and the rest is shown', async (t) => {
  const services = await start();
  const { good, lines } = await show(services, {
    ping: async () => [1],
    echo: services.tcp.discard ?? 0,
  });
  t.false(good);
  t.is(lines[0], '  ping      failed: 1 of 5 answered');
  t.is(lines[1], `  tcp echo  failed: 0 of ${10 << 20} bytes came back`);
  t.is(lines.length, 4);
  await services.close();
});

test('demo: a client that cannot ping says why', async (t) => {
  const services = await start();
  const { good, lines } = await show(services, { ping: async () => 'there is no ping here' });
  t.true(good);
  t.is(lines[0], '  ping      there is no ping here');
  await services.close();
});
