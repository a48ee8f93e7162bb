/**
 * The gateway on a pipe: what is refused, what gives way, and that each descriptor that
 * was taken is given back.
 * @module
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Stack } from '../../../src/index.ts';
import { blockOfOne } from '../../../src/services/block.ts';
import { Descriptors } from '../../../src/services/gateway/descriptors.ts';
import type { DatagramHandler, Dialer } from '../../../src/services/gateway/dial.ts';
import { Gateway, type GatewayParts } from '../../../src/services/gateway/gateway.ts';
import { judgeByRules } from '../../../src/services/gateway/judge.ts';
import { OwnSockets } from '../../../src/services/gateway/own-sockets.ts';
import { LEFT, makePair, RIGHT } from '../../api/worlds.ts';

const ANYWHERE = '198.51.100.7'; // RFC 5737: nobody's

/** What a dialer for tests was asked for, and has open. */
class Dials implements Dialer {
  readonly descriptors = { tcp: 1, udp: 1 };
  readonly opened: { port: number; handler: DatagramHandler; sent: string[] }[] = [];
  open_ = 0;
  /** Instead of a socket. */
  failure: Error | undefined;

  connect(): Promise<never> {
    return Promise.reject(this.failure ?? Object.assign(new Error(), { code: 'ECONNREFUSED' }));
  }

  async open(_address: string, port: number, handler: DatagramHandler) {
    if (this.failure) throw this.failure;
    const sent: string[] = [];
    this.opened.push({ port, handler, sent });
    this.open_++;
    let live = true;
    return {
      send: (message: Uint8Array) => void sent.push(Buffer.from(message).toString()),
      close: () => {
        if (live) this.open_--;
        live = false;
      },
    };
  }
}

interface World {
  readonly client: Stack;
  readonly gateway: Gateway;
  readonly dials: Dials;
  readonly descriptors: Descriptors;
  readonly own: OwnSockets;
  readonly said: string[];
}

function make(t: ExecutionContext, most: number, options: Partial<GatewayParts> = {}): World {
  const { left: client, right, close } = makePair();
  client.addRoute('0.0.0.0/0', { gateway: RIGHT });
  t.teardown(close);
  const dials = new Dials();
  const descriptors = new Descriptors(most);
  const own = new OwnSockets();
  const said: string[] = [];
  const gateway = new Gateway(right, {
    ...{
      dialer: dials,
      own,
      judge: judgeByRules([], () => []),
      flows: 100,
      descriptors,
      udpIdle: 60_000,
    },
    complain: (text) => said.push(text),
    ...options,
  });
  return { client, gateway, dials, descriptors, own, said };
}

/** A socket of the client's, connected; and the code of the error that it meets. */
async function ask(client: Stack, port: number, text = 'x') {
  const socket = client.dgram.createSocket('udp4');
  socket.connect(port, ANYWHERE);
  await once(socket, 'connect');
  const refused = once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).code);
  socket.send(text);
  return { socket, refused };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await pause(5);
}

test('gateway: a UDP dial that fails gives its descriptor back, and the client hears of it', async (t) => {
  const { client, gateway, dials, descriptors } = make(t, 10);
  dials.failure = Object.assign(new Error(), { code: 'ENETUNREACH' });
  for (let i = 0; i < 20; i++) t.is(await (await ask(client, 53)).refused, 'ECONNREFUSED');
  t.is(gateway.counters.failed, 20);
  t.is(descriptors.taken, 0);
});

test('gateway: at the bound the silent UDP flow gives way, and the busy one stays', async (t) => {
  const { client, gateway, dials, descriptors } = make(t, 2);
  const busy = await ask(client, 1);
  await until(() => gateway.counters.udpOpen === 1);
  await ask(client, 2);
  await until(() => gateway.counters.udpOpen === 2);
  busy.socket.send('again');
  await until(() => dials.opened[0]?.sent.length === 2);
  await ask(client, 3);
  await until(() => gateway.counters.udp === 3);
  t.is(gateway.counters.displaced, 1);
  t.is(dials.open_, 2);
  t.is(descriptors.taken, 2);
  busy.socket.send('still here');
  await until(() => dials.opened[0]?.sent.length === 3);
  t.is(gateway.counters.udp, 3, 'it was no new flow');
});

test('gateway: where nothing may give way a new flow is refused, and its client hears of it', async (t) => {
  const { client, gateway, said } = make(t, 0);
  t.is(await (await ask(client, 53)).refused, 'ECONNREFUSED');
  const socket = client.net.connect(80, ANYWHERE);
  const [error] = await once(socket, 'error');
  t.is(error.code, 'ECONNREFUSED');
  t.is(gateway.counters.full, 2);
  t.deepEqual(said, [
    'there is no room for more flows, new ones are refused (descriptors: raise ulimit -n)',
  ]);
});

test('gateway: UDP flows past their number displace the silent one', async (t) => {
  const { client, gateway } = make(t, 10, { flows: 3 });
  for (let port = 1; port <= 6; port++) {
    await ask(client, port);
    await until(() => gateway.counters.udp === port);
  }
  t.is(gateway.counters.udpOpen, 3);
  t.is(gateway.counters.displaced, 3);
});

test('gateway: a flow that the far end ends leaves nothing, whoever is told first', async (t) => {
  const { client, gateway, dials, descriptors } = make(t, 10);
  const one = await ask(client, 1);
  await until(() => dials.opened.length === 1);
  dials.opened[0]?.handler.closed(true);
  dials.opened[0]?.handler.closed(true);
  t.is(await one.refused, 'ECONNREFUSED');
  await ask(client, 2);
  await until(() => dials.opened.length === 2);
  dials.opened[1]?.handler.closed(false);
  t.is(gateway.counters.udpOpen, 0);
  t.is(dials.open_, 0);
  t.is(descriptors.taken, 0);
});

test('gateway: a TCP dial that fails gives its descriptor back', async (t) => {
  const { client, descriptors, gateway } = make(t, 1);
  for (let i = 0; i < 5; i++) {
    const [error] = await once(client.net.connect(80, ANYWHERE), 'error');
    t.is(error.code, 'ECONNREFUSED');
  }
  t.is(gateway.counters.failed, 5);
  t.is(descriptors.taken, 0);
});

// What went out by a socket of the gateway's and comes in by its TUN would go out again, without an end.
test('gateway: what comes from a socket of its own is refused, over TCP and UDP', async (t) => {
  const mine = {
    has: (protocol: string, address: string, port: number) => isMine(protocol, address, port),
  };
  const seen: string[] = [];
  const isMine = (protocol: string, address: string, port: number): boolean => {
    seen.push(`${protocol} ${address} ${port > 0}`);
    return true;
  };
  const { client, gateway, said, dials } = make(t, 10, { own: mine as unknown as OwnSockets });
  t.is(await (await ask(client, 53)).refused, 'ECONNREFUSED');
  const [error] = await once(client.net.connect(80, ANYWHERE), 'error');
  t.is(error.code, 'ECONNREFUSED');
  t.deepEqual(seen, [`udp ${LEFT} true`, `tcp ${LEFT} true`]);
  t.is(gateway.counters.looped, 2);
  t.is(dials.opened.length, 0);
  t.deepEqual(said, [`what goes to ${ANYWHERE} comes back by the TUN: see --netns`]);
});

test("gateway: its own address and this host's are closed", async (t) => {
  const closed = () => [blockOfOne('closed', ANYWHERE)];
  const { client, gateway } = make(t, 10, { judge: judgeByRules([], closed) });
  for (const address of [ANYWHERE, RIGHT, '169.254.169.254']) {
    const [error] = await once(client.net.connect(80, address), 'error');
    t.is(error.code, 'ECONNREFUSED', address);
  }
  t.is(gateway.counters.denied, 3);
});
