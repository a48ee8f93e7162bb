/**
 * WireGuard against Debian's wireguard-go: handshakes by either end, text whole both ways, under loss and while keys
 * change, roaming, restarts, IPv6 inside and outside, what `wg` says. "WireGuard: Next Generation Kernel Network Tunnel".
 *
 * How much text passes: TUNSTACK_TUNNEL_MIB, 8 unless set; `npm run tunnels` sets 1024.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { Stack } from '../../src/index.ts';
import {
  createTunnelStack,
  openBatch,
  openControl,
  openDgram,
  openWireGuard,
  type WireGuardDevice,
} from '../../src/tunnel.ts';
import { run } from '../support/process.ts';
import { Between } from './between.ts';
import { atMost } from './lanes.ts';
import { milestones } from './long.ts';
import { testWith } from './serving.ts';
import { GoPeer, makeKeys, THEIRS, THEIRS_SIX } from './wireguard-go.ts';

const withGo = atMost(5, testWith('ip', 'nsenter', 'unshare', 'wg', 'wireguard-go'));
const MIB = Number(process.env['TUNSTACK_TUNNEL_MIB'] ?? 8);

interface Tunnel {
  readonly peer: GoPeer;
  readonly device: WireGuardDevice;
  readonly stack: Stack;
  readonly between: Between;
}

interface TunnelOptions {
  /** Settings of [Peer] in both files. */
  readonly both?: readonly string[];
  /** Where the peer is: over IPv4 by default; `waits`: we are to wait for it. */
  readonly by?: 'IPv4' | 'IPv6' | 'waits';
  readonly plain?: boolean;
}

/** A stack of ours in a tunnel to wireguard-go. */
async function tunnel(t: ExecutionContext, options: TunnelOptions = {}): Promise<Tunnel> {
  const { both = [], by = 'IPv4', plain = false } = options;
  const peer = await GoPeer.make(t);
  const { here, port, endpoint, thereSix } = peer;
  await peer.start(by === 'waits' ? [...both, `Endpoint = ${here}:${port}`] : both);
  const at = { port };
  const place = { IPv4: endpoint, IPv6: `[${thereSix}]:${port}`, waits: '' }[by];
  const inner = plain ? await openDgram({ createSocket }, at) : await openBatch(at);
  const between = new Between(inner ?? (await openDgram({ createSocket }, at)));
  const device = await openWireGuard(peer.file(place, both), {
    transport: between,
    offload: !plain,
    name: peer.name,
  });
  t.teardown(() => device.close());
  const stack = createTunnelStack(device);
  t.teardown(() => stack.close());
  await peer.serve(t);
  return { peer, device, stack, between };
}

/** `mib` to the echo service of `host` and back: the hash of what went and of what came. */
async function echo(
  { stack }: Tunnel,
  mib: number,
  host: string = THEIRS,
): Promise<{ sent: string; came: string }> {
  const socket = stack.net.connect({ host, port: 7, allowHalfOpen: true });
  const [sent, came] = [createHash('sha256'), createHash('sha256')];
  const tell = milestones('wireguard', mib << 20);
  const all = (async () => {
    let arrived = 0;
    for await (const piece of socket) {
      came.update(piece);
      arrived += (piece as Buffer).length;
      tell(arrived);
    }
  })();
  for (let i = 0; i < mib; i++) {
    const piece = randomBytes(1 << 20);
    sent.update(piece);
    if (!socket.write(piece)) {
      await new Promise((resolve) => socket.once('drain', resolve));
    }
  }
  socket.end();
  await all;
  return { sent: sent.digest('hex'), came: came.digest('hex') };
}

/** Until an echo is answered: those that are sealed for a session that the peer has forgotten never are. */
async function reach(stack: Stack): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      await stack.ping(THEIRS, { timeout: 1000 });
      return;
    } catch (error) {
      if (i === 20) throw error;
    }
  }
}

withGo(
  'wireguard: we begin the handshake with wireguard-go, and text passes whole both ways',
  async (t) => {
    const run = await tunnel(t);
    const { sent, came } = await echo(run, MIB);
    t.is(came, sent);
    const [peer] = run.device.status().peers;
    t.true(run.device.status().handshakes >= 1); // more where it took over 120 s
    t.true((peer?.receivedBytes ?? 0) > MIB << 20);
    t.regex(await run.peer.show('latest-handshakes'), /\t[1-9]\d+/);
  },
);

withGo('wireguard: wireguard-go begins the handshake, with a preshared key', async (t) => {
  const both = [`PresharedKey = ${randomBytes(32).toString('base64')}`];
  const run = await tunnel(t, { by: 'waits', both });
  const { code, out } = await run.peer.space.run('ping', '-c', '3', '-i', '0.2', '10.66.0.1');
  t.is(code, 0, out);
  t.is(run.device.status().peers[0]?.endpoint, run.peer.endpoint);
  const { sent, came } = await echo(run, 4);
  t.is(came, sent);
});

withGo('wireguard: by dgram and without offload it is the same', async (t) => {
  const run = await tunnel(t, { plain: true });
  const { sent, came } = await echo(run, 4);
  t.is(came, sent);
});

withGo('wireguard: text is whole where 5 % of the datagrams are lost each way', async (t) => {
  const run = await tunnel(t);
  await run.stack.ping(THEIRS, { timeout: 6000 });
  run.between.loss = 0.05;
  const { sent, came } = await echo(run, MIB);
  t.is(came, sent);
  t.true(run.between.dropped > 50);
  const [peer] = run.device.status().peers;
  t.true((peer?.loss ?? 0) > 0.02 && (peer?.loss ?? 1) < 0.1, `${peer?.loss}`);
});

withGo('wireguard: keys change while text passes, and none is lost', async (t) => {
  const run = await tunnel(t);
  await run.stack.ping(THEIRS, { timeout: 6000 });
  let over = false;
  const rekey = async (): Promise<void> => {
    await pause(5100); // REKEY_TIMEOUT: no sooner
    run.device.connect();
    for (let i = 0; i < 100 && run.device.status().handshakes < 2; i++) await pause(50);
    over = true;
  };
  const socket = run.stack.net.connect({ host: THEIRS, port: 7, allowHalfOpen: true });
  const [sent, came] = [createHash('sha256'), createHash('sha256')];
  const all = (async () => {
    for await (const piece of socket) came.update(piece);
  })();
  const changing = rekey();
  while (!over) {
    const piece = randomBytes(64 << 10);
    sent.update(piece);
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve));
    await pause(5);
  }
  socket.end();
  await Promise.all([all, changing]);
  t.is(came.digest('hex'), sent.digest('hex'));
  t.is(run.device.status().handshakes, 2);
  t.is(run.device.protocol.drops.data + run.device.protocol.drops.index, 0);
});

withGo('wireguard: wireguard-go follows us to another port', async (t) => {
  const run = await tunnel(t);
  await run.stack.ping(THEIRS, { timeout: 6000 });
  const moved = await openDgram({ createSocket });
  await run.between.move(moved);
  await run.stack.ping(THEIRS, { timeout: 6000 });
  t.is((await run.peer.show('endpoints')).split('\t')[1]?.trim(), `${run.peer.here}:${moved.port}`);
  t.is(run.device.status().handshakes, 1, 'in the same session');
});

withGo('wireguard: either end may start again', async (t) => {
  const run = await tunnel(t);
  await run.stack.ping(THEIRS, { timeout: 6000 });
  await run.peer.stop();
  // It has forgotten the session, and begins another as soon as it has something to send.
  await run.peer.start([`Endpoint = ${run.peer.here}:${run.peer.port}`]);
  const { code, out } = await run.peer.space.run('ping', '-c', '1', '-W', '5', '10.66.0.1');
  t.is(code, 0, out);
  await reach(run.stack);
  await run.stack.close();
  const device = await openWireGuard(run.peer.file(run.peer.endpoint), { name: run.peer.name });
  const stack = createTunnelStack(device);
  t.teardown(() => stack.close());
  await reach(stack);
  t.is(device.status().handshakes, 1);
});

withGo('wireguard: we follow wireguard-go to another port while text passes', async (t) => {
  const run = await tunnel(t);
  await run.stack.ping(THEIRS, { timeout: 6000 });
  const flowing = echo(run, 4);
  const set = await run.peer.space.run('wg', 'set', run.peer.name, 'listen-port', '52999');
  t.is(set.code, 0, set.err);
  const { sent, came } = await flowing;
  t.is(came, sent);
  await reach(run.stack);
  t.is(run.device.status().peers[0]?.endpoint, `${run.peer.there}:52999`);
});

withGo('wireguard: IPv6 passes inside, whole, over IPv4 and over IPv6', async (t) => {
  for (const by of ['IPv4', 'IPv6'] as const) {
    const { sent, came } = await echo(await tunnel(t, { by }), 1, THEIRS_SIX);
    t.is(came, sent, by);
  }
});

withGo('wireguard: datagrams travel over IPv6', async (t) => {
  const run = await tunnel(t, { by: 'IPv6' });
  const { sent, came } = await echo(run, 2);
  t.is(came, sent);
  t.is(run.device.status().peers[0]?.endpoint, `[${run.peer.thereSix}]:${run.peer.port}`);
});

/** `wg` with these words, which must go well; what it said. */
async function wg(t: ExecutionContext, ...words: string[]): Promise<string> {
  const { code, out, err } = await run('wg', ...words);
  t.is(code, 0, `wg ${words.join(' ')}: ${err}`);
  return out;
}

/** An interface of ours that `wg` of this host can ask, in a session with wireguard-go. */
async function controlled(t: ExecutionContext): Promise<{
  peer: GoPeer;
  device: WireGuardDevice;
  stack: Stack;
}> {
  const peer = await GoPeer.make(t);
  await peer.start();
  const name = `${peer.name}o`; // a control socket's name is one for all namespaces
  const device = await openWireGuard(peer.file(peer.endpoint), { name });
  const stack = createTunnelStack(device);
  t.teardown(() => stack.close());
  const control = await openControl(device);
  t.teardown(() => control.close());
  await stack.ping(THEIRS, { timeout: 6000 });
  return { peer, device, stack };
}

withGo('wireguard: wg asks and tells our interface as its own', async (t) => {
  const { peer, device } = await controlled(t);
  const { name } = device;
  const { there, port } = peer;
  const [own = '', line = ''] = (await wg(t, 'show', name, 'dump')).split('\n');
  t.is(own, [peer.ours.secret, peer.ours.public, port, 'off'].join('\t'));
  const [endpoint, ips, ...more] = line.split('\t').slice(2);
  t.deepEqual([endpoint, ips], [`${there}:${port}`, '10.66.0.2/32,fd66::2/128']);
  t.regex(more.join('\t'), /^[1-9]\d+\t\d+\t\d+\toff$/);
  const shown = await wg(t, 'show', name);
  t.regex(shown, /listening port: 518\d\d\n\npeer: [\s\S]*latest handshake: /);
  const key = peer.keys.public;
  const psk = join(peer.folder, 'psk');
  const secret = randomBytes(32).toString('base64');
  writeFileSync(psk, secret);
  await wg(
    t,
    ...['set', name, 'peer', key, 'persistent-keepalive', '7', 'allowed-ips', '10.1.0.0/16'],
    ...['preshared-key', psk, 'endpoint', `${there}:9`],
  );
  const [status] = device.status().peers;
  t.is(status?.persistentKeepalive, 7);
  t.deepEqual(status?.allowedIps, ['10.1.0.0/16']);
  t.is(status?.endpoint, `${there}:9`);
  t.is(await wg(t, 'show', name, 'preshared-keys'), `${key}\t${secret}\n`);
  await wg(t, 'set', name, 'peer', key, 'remove');
  t.deepEqual(device.status().peers, []);
});

withGo('wireguard: wg gives our interface another port, mark and key under way', async (t) => {
  const { peer, device, stack } = await controlled(t);
  const { name } = device;
  await wg(t, 'set', name, 'listen-port', '51999', 'fwmark', '0x2a');
  t.is(await wg(t, 'show', name, 'listen-port'), '51999\n');
  t.is(await wg(t, 'show', name, 'fwmark'), '0x2a\n');
  // The session goes on from the other port, and the peer follows.
  await stack.ping(THEIRS, { timeout: 6000 });
  t.is(device.status().handshakes, 1);
  t.is((await peer.show('endpoints')).split('\t')[1]?.trim(), `${peer.here}:51999`);
  const taken = createSocket('udp4').bind(51_998);
  t.teardown(() => {
    taken.close();
  });
  const refused = await run('wg', 'set', name, 'listen-port', '51998');
  t.regex(refused.err, /Address already in use/);
  t.is(await wg(t, 'show', name, 'listen-port'), '51999\n', 'and what there was is still there');
  const secret = join(peer.folder, 'secret');
  const { secret: text, public: key } = makeKeys();
  writeFileSync(secret, text);
  await wg(t, 'set', name, 'private-key', secret);
  t.is(await wg(t, 'show', name, 'public-key'), `${key}\n`);
});

withGo('wireguard: wg showconf, setconf, addconf and syncconf carry a whole file', async (t) => {
  const { peer, device, stack } = await controlled(t);
  const { name } = device;
  const file = join(peer.folder, 'ours.conf');
  const shown = await wg(t, 'showconf', name);
  writeFileSync(file, shown);
  const other = join(peer.folder, 'other.conf');
  const third = ['[Peer]', `PublicKey = ${makeKeys().public}`, 'AllowedIPs = 10.9.0.0/16', ''];
  writeFileSync(other, third.join('\n'));
  await wg(t, 'addconf', name, other);
  t.is(device.status().peers.length, 2);
  // What is the same is left alone, its session too; what is not in the file goes.
  await wg(t, 'syncconf', name, file);
  t.is(device.status().peers.length, 1);
  await stack.ping(THEIRS, { timeout: 6000 });
  t.is(device.status().handshakes, 1);
  await wg(t, 'setconf', name, file);
  t.is(await wg(t, 'showconf', name), shown);
  await reach(stack);
});
