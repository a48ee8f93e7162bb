/**
 * A flood of handshakes that look right (their mac1 is good, the rest is chance), at wireguard-go and at tunstack: what a message
 * costs whoever gets it, and what is answered. "WireGuard: Next Generation Kernel Network Tunnel", §5.3.
 *
 *     npm run bench:tunnel -- flood [--seconds 3] [--rate 10000]
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CookieJar } from '../../src/tunnel/wireguard/cookies.ts';
import { Length, putInt32, Type } from '../../src/tunnel/wireguard/messages.ts';
import {
  Endpoint,
  formatKey,
  makePrivateKey,
  openBatch,
  publicKeyFrom,
  systemRandom,
} from '../../src/tunnel.ts';
import { FAR, NEAR, Places } from './places.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '10000' },
  },
});
const seconds = Number(values.seconds);
const perTick = Math.max(1, Math.round(Number(values.rate) / 1000));
const MESSAGES = 2000;
const command = new URL('../../src/cli/main.js', import.meta.url).pathname;

/** Initiations for the owner of `publicKey`, each by another stranger. */
function messages(publicKey: Uint8Array): Uint8Array[] {
  const jar = new CookieJar(publicKey);
  return Array.from({ length: MESSAGES }, () => {
    const bytes = randomFillSync(new Uint8Array(Length.INITIATION));
    putInt32(bytes, 0, Type.INITIATION);
    jar.sign(bytes, 0, Length.INITIATION, 0);
    return bytes;
  });
}

/** Datagrams that the far place's sockets had no room for. */
const overrun = (places: Places): number => {
  const lines = readFileSync(`/proc/${places.far}/net/snmp`, 'utf8').split('\n');
  const [names = [], counts = []] = lines
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  return Number(counts[names.indexOf('RcvbufErrors')] ?? 0);
};

async function flood(places: Places, name: string, secret: Uint8Array): Promise<string> {
  const transport = await openBatch({ address: NEAR.outside, port: NEAR.port });
  if (transport === undefined) throw new Error('no sendmmsg here');
  let answers = 0;
  let answered = 0;
  transport.start({
    received(_bytes, _at, length) {
      answers++;
      answered += length;
    },
    drained() {},
    writable() {},
    failed() {},
  });
  const all = messages(publicKeyFrom(secret));
  const to = new Endpoint(FAR.outside, FAR.port);
  const before = places.cpu();
  const lostBefore = overrun(places);
  let sent = 0;
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    for (let i = 0; i < perTick; i++) {
      const at = transport.reserve(Length.INITIATION);
      if (at < 0) break;
      transport.bytes.set(all[sent % MESSAGES] ?? new Uint8Array(0), at);
      transport.commit(Length.INITIATION, to);
      sent++;
    }
    transport.flush();
    await pause(1);
  }
  await pause(500); // what waits is dealt with
  const taken = sent - (overrun(places) - lostBefore);
  const spent = places.cpu() - before;
  await transport.close();
  const share = (100 * answered) / (sent * Length.INITIATION);
  const cost = ((spent * 1e6) / taken).toFixed(1);
  return `| ${name} | ${sent} | ${taken} | ${cost} | ${answers} | ${share.toFixed(0)} % |`;
}

const rows: string[] = [];
const places = new Places();
try {
  await places.join();
  for (const name of ['wireguard-go', 'tunstack']) {
    const secret = makePrivateKey(systemRandom);
    const peer = publicKeyFrom(makePrivateKey(systemRandom));
    const isGo = name === 'wireguard-go';
    const device = `tf${process.pid % 100_000}${isGo ? 'g' : 't'}`;
    const file = places.write(
      `${device}.conf`,
      [
        ...['[Interface]', `PrivateKey = ${formatKey(secret)}`, `ListenPort = ${FAR.port}`],
        ...(isGo ? [] : [`Address = ${FAR.inside}/32`]),
        ...['[Peer]', `PublicKey = ${formatKey(peer)}`, `AllowedIPs = ${NEAR.inside}/32`, ''],
      ].join('\n'),
    );
    if (isGo) {
      places.start(1, ['wireguard-go', '-f', device]);
      await pause(1000);
      places.run(1, 'wg', 'setconf', device, file);
      places.run(1, 'ip', 'link', 'set', device, 'up');
    } else {
      const child = places.start(1, [process.execPath, command, 'tunnel', 'up', file]);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
    }
    rows.push(await flood(places, name, secret));
    await places.close();
  }
} finally {
  places.end();
}
console.log(
  '| | sent | taken | CPU µs a message | answers | bytes back |\n|---|---|---|---|---|---|',
);
for (const row of rows) console.log(row);
