/**
 * Flows to any address and port, over TCP and UDP: one stack opens them, another is shown each of them
 * before it is answered.
 * @module
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Socket, Stack, TcpFlow, UdpFlow } from '../../../src/index.ts';
import { makePair } from '../worlds.ts';

const ANYWHERE = '198.51.100.7'; // RFC 5737: nobody's

/** Two stacks; what the left one sends anywhere goes to the right one. */
function gateway(t: ExecutionContext): { client: Stack; gate: Stack } {
  const { left, right, close } = makePair();
  left.addRoute('0.0.0.0/0', { gateway: '10.0.0.2' });
  t.teardown(close);
  return { client: left, gate: right };
}

/** Wait until it is so; a test that waits in vain is ended by ava. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await pause(5);
}

const failed = async (socket: Socket): Promise<string> => {
  const [error] = await once(socket, 'error');
  return (error as NodeJS.ErrnoException).code ?? '';
};

test('intercept: an accepted flow is a socket at the address that the client asked for', async (t) => {
  const { client, gate } = gateway(t);
  const seen: string[] = [];
  gate.tcp.intercept(async (flow) => {
    seen.push(`${flow.remoteAddress} > ${flow.localAddress}:${flow.localPort}`);
    const socket = await flow.accept({ allowHalfOpen: true });
    if (!socket) return t.fail('the client went away');
    t.is(socket.localAddress, ANYWHERE);
    t.is(socket.localPort, 80);
    t.is(socket.remotePort, flow.remotePort);
    return socket.pipe(socket);
  });
  const socket = client.net.connect({ host: ANYWHERE, port: 80, allowHalfOpen: true });
  socket.end('hello');
  let text = '';
  for await (const piece of socket) text += piece;
  t.is(text, 'hello');
  t.deepEqual(seen, [`10.0.0.1 > ${ANYWHERE}:80`]);
});

/** An end that comes with the handshake's last ACK (RFC 9293 §3.10.7.4) is news after the socket itself is. */
test('intercept: who awaits an accepted flow hears its end', async (t) => {
  const { client, gate } = gateway(t);
  const heard = new Promise<string>((end) => {
    gate.tcp.intercept(async (flow) => {
      await pause(10); // the client's end waits behind its SYN
      const socket = await flow.accept();
      socket?.on('end', () => end('end')).resume();
    });
  });
  const socket = client.net.connect({ host: ANYWHERE, port: 80 });
  socket.on('error', () => {}).end();
  t.is(await heard, 'end');
});

test('intercept: a flow that is decided later waits, its SYN unanswered', async (t) => {
  const { client, gate } = gateway(t);
  const flows: TcpFlow[] = [];
  const interceptor = gate.tcp.intercept((flow) => flows.push(flow));
  const socket = client.net.connect(443, ANYWHERE);
  let open = false;
  socket.on('connect', () => {
    open = true;
  });
  await pause(30);
  t.false(open);
  t.is(flows.length, 1);
  t.is(interceptor.waiting, 1);
  t.is(gate.connections()[0]?.state, 'SYN-RECEIVED');
  const [accepted] = await Promise.all([flows[0]?.accept(), once(socket, 'connect')]);
  t.is(interceptor.waiting, 0);
  accepted?.write('late');
  t.is((await once(socket, 'data')).toString(), 'late');
});

test('intercept: a refused flow looks refused, at once and later', async (t) => {
  const { client, gate } = gateway(t);
  gate.tcp.intercept(async (flow) => {
    if (flow.localPort === 1) return flow.refuse();
    await pause(10);
    return flow.refuse();
  });
  t.is(await failed(client.net.connect(1, ANYWHERE)), 'ECONNREFUSED');
  t.is(await failed(client.net.connect(2, ANYWHERE)), 'ECONNREFUSED');
  t.is(gate.connections().length, 0);
});

test('intercept: a prohibited flow gets ICMP, at once and later', async (t) => {
  const { client, gate } = gateway(t);
  gate.tcp.intercept(async (flow) => {
    if (flow.localPort === 1) return flow.prohibit();
    await pause(10);
    return flow.prohibit();
  });
  t.is(await failed(client.net.connect(1, ANYWHERE)), 'EACCES');
  t.is(await failed(client.net.connect(2, ANYWHERE)), 'EACCES');
  t.is(client.stats().IcmpInDestUnreachs, 2);
  t.is(gate.connections().length, 0);
});

test('intercept: a flow may be unreachable for other reasons, at once and later', async (t) => {
  const { client, gate } = gateway(t);
  gate.tcp.intercept(async (flow) => {
    if (flow.localPort === 1) return flow.unreachable();
    await pause(10);
    return flow.unreachable(0);
  });
  t.is(await failed(client.net.connect(1, ANYWHERE)), 'EHOSTUNREACH');
  t.is(await failed(client.net.connect(2, ANYWHERE)), 'ENETUNREACH');
  t.is(gate.connections().length, 0);
});

test('intercept: every code of unreachable can be sent, at once and later', async (t) => {
  const { client, gate } = gateway(t);
  const codes: number[] = [];
  client.icmp.handle(({ type, code }) => {
    if (type === 3) codes.push(code);
  });
  gate.tcp.intercept(async (flow) => {
    if (flow.localPort >= 200) await pause(1);
    flow.unreachable(flow.localPort % 100);
  });
  const all = Array.from({ length: 16 }, (_, code) => code).filter((code) => code !== 4);
  for (const first of [100, 200]) {
    codes.length = 0;
    for (const code of all) client.net.connect(first + code, ANYWHERE).on('error', () => {});
    await until(() => codes.length === all.length);
    t.deepEqual(
      codes.toSorted((a, b) => a - b),
      all,
    );
  }
});

test('intercept: a UDP flow that was accepted can be refused after all', async (t) => {
  const { client, gate } = gateway(t);
  gate.udp.intercept((flow) => {
    const socket = flow.accept();
    socket.on('message', () => socket.refuse());
  });
  const socket = client.dgram.createSocket('udp4');
  socket.connect(53, ANYWHERE, () => socket.send('x'));
  const [error] = await once(socket, 'error');
  t.is(error.code, 'ECONNREFUSED');
  socket.close();
});

test('intercept: a dropped flow hears nothing, and asks again', async (t) => {
  const { client, gate } = gateway(t);
  let asked = 0;
  gate.tcp.intercept((flow) => {
    asked++;
    if (asked === 1) flow.drop();
    else void flow.accept();
  });
  const socket = client.net.connect(80, ANYWHERE);
  await once(socket, 'connect'); // after its second SYN, a second later
  t.is(asked, 2);
  t.is(gate.stats().drops['tcpRefused'], 1);
});

test('intercept: a flow that is passed on goes to the listeners', async (t) => {
  const { client, gate } = gateway(t);
  gate.tcp.intercept((flow) => flow.pass());
  const server = gate.net.createServer((socket) => socket.end('listener')).listen(80);
  await once(server, 'listening');
  for (const host of ['10.0.0.2', ANYWHERE]) {
    const socket = client.net.connect(80, host);
    t.is((await once(socket, 'data')).toString(), 'listener');
  }
  t.is(await failed(client.net.connect(81, ANYWHERE)), 'ECONNREFUSED');
});

test('intercept: a listener on an address of the stack keeps its port', async (t) => {
  const { client, gate } = gateway(t);
  const asked: string[] = [];
  gate.tcp.intercept((flow) => {
    asked.push(`${flow.localAddress}:${flow.localPort}`);
    flow.refuse();
  });
  const server = gate.net.createServer((socket) => socket.end('mine')).listen(80);
  await once(server, 'listening');
  t.is((await once(client.net.connect(80, '10.0.0.2'), 'data')).toString(), 'mine');
  await failed(client.net.connect(80, ANYWHERE));
  await failed(client.net.connect(81, '10.0.0.2'));
  t.deepEqual(asked, [`${ANYWHERE}:80`, '10.0.0.2:81']);
});

test('intercept: a flow is decided once', async (t) => {
  const { client, gate } = gateway(t);
  const asked = new Promise<TcpFlow>((resolve) => {
    gate.tcp.intercept((flow) => resolve(flow));
  });
  client.net.connect(80, ANYWHERE).on('error', () => {});
  const flow = await asked;
  t.throws(() => flow.pass(), { code: 'ERR_INVALID_STATE' }); // too late for that
  t.false(flow.decided);
  flow.drop();
  t.true(flow.decided);
  t.throws(() => flow.refuse(), { code: 'ERR_INVALID_STATE' });
  await t.throwsAsync(() => flow.accept(), { code: 'ERR_INVALID_STATE' });
});

test('intercept: an undecided flow is dropped after a time, one over the backlog at once', async (t) => {
  const { client, gate } = gateway(t);
  const flows: TcpFlow[] = [];
  gate.tcp.intercept((flow) => flows.push(flow), { backlog: 2, timeout: 1500 });
  for (let port = 1; port <= 3; port++) client.net.connect(port, ANYWHERE).on('error', () => {});
  await until(() => gate.stats().drops['tcpSynQueueFull'] === 1);
  t.is(flows.length, 2);
  const { signal } = flows[0] as TcpFlow;
  t.false(signal.aborted);
  await until(() => gate.connections().length === 0);
  t.true(signal.aborted);
});

test('intercept: who waits is told once that a flow is gone, the last one who asked alone', async (t) => {
  const { client, gate } = gateway(t);
  const flows: TcpFlow[] = [];
  gate.tcp.intercept((flow) => flows.push(flow), { timeout: 1500 });
  for (let port = 1; port <= 3; port++) client.net.connect(port, ANYWHERE).on('error', () => {});
  await until(() => flows.length === 3);
  const [first, second, third] = flows as [TcpFlow, TcpFlow, TcpFlow];
  const told: string[] = [];
  first.whenGone(() => told.push('the one before'));
  first.whenGone(() => told.push('first'));
  second.whenGone(() => told.push('second'));
  second.whenGone(undefined);
  third.whenGone(() => told.push('third'));
  third.acceptConnection({});
  await until(() => first.decided && second.decided);
  t.deepEqual(told, ['first']);
  second.whenGone(() => told.push('late'));
  t.deepEqual(told, ['first', 'late']);
});

test('intercept: closing it refuses what waits, and gives the addresses back', async (t) => {
  const { client, gate } = gateway(t);
  const interceptor = gate.tcp.intercept(() => {});
  t.throws(() => gate.tcp.intercept(() => {}), { code: 'EADDRINUSE' });
  const socket = client.net.connect(80, ANYWHERE);
  const error = failed(socket);
  await until(() => interceptor.waiting === 1);
  interceptor.close();
  t.is(await error, 'ECONNREFUSED');
  client.net.connect(80, ANYWHERE).on('error', () => {});
  await until(() => gate.stats().drops['ipNotOurs'] === 1);
  t.notThrows(() => gate.tcp.intercept(() => {}).close());
});

test('intercept: the callback interface tells when the handshake is over', async (t) => {
  const { client, gate } = gateway(t);
  const happened: string[] = [];
  gate.tcp.intercept((flow) => {
    flow.acceptConnection({
      open: (c) => {
        happened.push('open');
        c.writeCopy(Buffer.from('hello'));
      },
      end: (c) => c.end(),
      close: () => happened.push('close'),
    });
  });
  const socket = client.net.connect(80, ANYWHERE);
  t.is((await once(socket, 'data')).toString(), 'hello');
  socket.end();
  await once(socket, 'close');
  await until(() => happened.length > 1);
  t.deepEqual(happened, ['open', 'close']);
});

test('intercept: a UDP flow is a connected socket from the address that was asked', async (t) => {
  const { client, gate } = gateway(t);
  const flows: string[] = [];
  gate.udp.intercept((flow) => {
    flows.push(`${flow.remoteAddress} > ${flow.localAddress}:${flow.localPort}`);
    const socket = flow.accept();
    t.deepEqual(socket.address(), { address: ANYWHERE, family: 'IPv4', port: 53 });
    t.is(socket.remoteAddress().port, flow.remotePort);
    socket.on('message', (message) => socket.send(`re: ${message}`));
  });
  const socket = client.dgram.createSocket('udp4');
  for (const text of ['one', 'two']) {
    const answer = once(socket, 'message');
    socket.send(text, 53, ANYWHERE);
    const [message, from] = await answer;
    t.is(message.toString(), `re: ${text}`);
    t.is(from.address, ANYWHERE);
  }
  t.deepEqual(flows, [`10.0.0.1 > ${ANYWHERE}:53`]);
  socket.close();
});

test('intercept: datagrams wait for a UDP flow that is decided later', async (t) => {
  const { client, gate } = gateway(t);
  const flows: UdpFlow[] = [];
  gate.udp.intercept((flow) => flows.push(flow));
  const socket = client.dgram.createSocket('udp4');
  for (let i = 0; i < 20; i++) socket.send(`${i}`, 53, ANYWHERE);
  await until(() => gate.stats().drops['udpQueueFull'] === 4);
  t.is(flows.length, 1);
  const accepted = (flows[0] as UdpFlow).accept();
  const got: string[] = [];
  accepted.on('message', (message) => got.push(message.toString()));
  await until(() => got.length === 16);
  t.deepEqual(
    got,
    Array.from({ length: 16 }, (_, i) => `${i}`),
  );
  socket.close();
});

test('intercept: UDP flows are refused by ICMP or dropped, at once and later', async (t) => {
  const { client, gate } = gateway(t);
  gate.udp.intercept(async (flow) => {
    if (flow.localPort >= 10) await pause(10);
    if (flow.localPort % 10 === 1) flow.refuse();
    else if (flow.localPort % 10 === 2) flow.prohibit();
    else flow.drop();
  });
  const codes: string[] = [];
  for (const port of [1, 2, 3, 11, 12, 13]) {
    const socket = client.dgram.createSocket('udp4');
    socket.on('error', (error: NodeJS.ErrnoException) => codes.push(`${port} ${error.code}`));
    socket.connect(port, ANYWHERE, () => socket.send('x'));
    t.teardown(() => socket.close());
  }
  await until(() => codes.length === 4);
  t.deepEqual(codes.toSorted(), ['1 ECONNREFUSED', '11 ECONNREFUSED', '12 EACCES', '2 EACCES']);
  t.is(gate.stats().drops['udpRefused'], 3);
});

test('intercept: an idle UDP flow closes, and is asked about anew; there are no more than the limit', async (t) => {
  const { client, gate } = gateway(t);
  let asked = 0;
  const interceptor = gate.udp.intercept(
    (flow) => {
      asked++;
      flow.accept();
    },
    { idle: 200, flows: 3 },
  );
  const socket = client.dgram.createSocket('udp4');
  for (const port of [1, 2, 3, 4]) socket.send('x', port, ANYWHERE);
  await until(() => gate.stats().drops['udpFlowLimit'] === 1);
  t.is(asked, 3);
  await until(() => interceptor.flows === 0);
  socket.send('x', 1, ANYWHERE);
  await until(() => asked === 4);
  t.pass();
  socket.close();
});

test('intercept: a handler that fails refuses the flow', async (t) => {
  const { client, gate } = gateway(t);
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error.message));
  t.teardown(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  gate.tcp.intercept((flow) => {
    if (flow.localPort === 1) throw new Error('first');
    return Promise.reject(new Error('second'));
  });
  t.is(await failed(client.net.connect(1, ANYWHERE)), 'ECONNREFUSED');
  t.is(await failed(client.net.connect(2, ANYWHERE)), 'ECONNREFUSED');
  t.deepEqual(thrown, ['first', 'second']);
});
