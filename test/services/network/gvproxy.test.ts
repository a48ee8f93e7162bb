/**
 * The paths of gvproxy: what is asked, answered and refused, in its words and its shapes, those of gvisor-tap-vsock's
 * ports.go, dns.go, dhcp.go, ip_pool.go, switch.go, stats.go and handlers.go.
 * @module
 */
import { once } from 'node:events';
import { existsSync, linkSync, renameSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type TestFn } from 'ava';
import { createPipe, createStack, openDatagrams } from '../../../src/index.ts';
import { createDhcpClient } from '../../../src/services.ts';
import { ask, controlled, GATEWAY, greet, look } from './world.ts';

const linuxTest: TestFn = process.platform === 'linux' ? test : (test.skip as unknown as TestFn);

// Paths, words and codes of gvisor-tap-vsock's ports.go, dns.go and mux.go.
test('control: gvproxy’s paths do as gvproxy does', async (t) => {
  const { call, guest: make, path } = await controlled(t);
  const guest = await make('10.83.0.15');
  await greet(guest, 80);
  const expose = { local: '127.0.0.1:0', remote: '10.83.0.15:80', protocol: 'tcp' };
  t.is((await call('POST', '/services/forwarder/expose', expose)).status, 200);
  const all = await call('GET', '/services/forwarder/all');
  const [{ local, remote, protocol }] = all.body;
  t.deepEqual([remote, protocol], ['10.83.0.15:80', 'tcp']);
  t.is(await ask(Number(local.split(':')[1]), 'x'), 'hello x');
  t.is((await call('POST', '/services/forwarder/unexpose', { local, protocol })).status, 200);
  t.deepEqual(await call('POST', '/services/forwarder/unexpose', { local }), {
    status: 500,
    body: 'proxy not found',
  });
  t.deepEqual(await call('GET', '/services/forwarder/expose'), { status: 400, body: 'post only' });
  t.is(
    (await call('POST', '/services/forwarder/expose', { local: ':x', remote: ':80' })).status,
    400,
  );

  const zone = {
    Name: 'apps.',
    Records: [{ Name: 'api', IP: '10.83.0.15' }],
    DefaultIP: '10.83.0.16',
  };
  t.is((await call('POST', '/services/dns/add', zone)).status, 200);
  t.is(await look(guest, 'api.apps'), '10.83.0.15');
  t.is(await look(guest, 'other.apps'), '10.83.0.16');
  const zones = (await call('GET', '/services/dns/all')).body as { Name: string }[];
  t.true(zones.some(({ Name }) => Name === 'apps.'));
  t.true(zones.some(({ Name }) => Name === 'docker.internal.'));

  const stations = (await call('GET', '/cam')).body as Record<string, number>;
  t.is(typeof stations['02:00:5e:00:53:15'], 'number');
  t.true((await call('GET', '/stats')).body.BytesReceived > 0);

  const tunnel = connect(path);
  tunnel.on('error', () => {});
  tunnel.write('POST /tunnel?ip=10.83.0.15&port=80 HTTP/1.1\r\nHost: x\r\n\r\n');
  const [ok] = await once(tunnel, 'data');
  t.is(ok.toString(), 'OK');
  let answer = '';
  tunnel.on('data', (piece) => {
    answer += piece;
  });
  tunnel.end('by tunnel');
  await once(tunnel, 'end');
  t.is(answer, 'hello by tunnel');
});

// mux.go of gvisor-tap-vsock: what follows the head is frames, and nothing is answered before them.
test('control: a machine that asks for gvproxy’s /connect is at a port, and gone when it hangs up', async (t) => {
  const { call, guest: make, path, network } = await controlled(t);
  await make('10.83.0.15');
  const before = network.switch.ports.length;
  const socket = connect(path);
  socket.on('error', () => {});
  const mac = Buffer.from('02005e005399', 'hex');
  const request = Buffer.alloc(42); // ARP, who has the gateway: RFC 826
  request.fill(0xff, 0, 6);
  mac.copy(request, 6);
  Buffer.from('08060001080006040001', 'hex').copy(request, 12);
  mac.copy(request, 22);
  // As who has no address yet asks, RFC 5227 §2.1.1: from 0.0.0.0.
  Buffer.from([10, 83, 0, 1]).copy(request, 38);
  const head = Buffer.from('POST /connect HTTP/1.1\r\nHost: x\r\n\r\n');
  socket.write(Buffer.concat([head, Buffer.from([42, 0]), request]));
  let text = Buffer.alloc(0);
  let frame: Buffer | undefined;
  while (frame === undefined) {
    text = Buffer.concat([text, (await once(socket, 'data'))[0]]);
    // Two octets of length, little endian, then the frame.
    while (text.length >= 2 && text.length >= 2 + text.readUInt16LE(0)) {
      const one = text.subarray(2, 2 + text.readUInt16LE(0));
      text = text.subarray(2 + one.length);
      if (one.subarray(0, 6).equals(mac)) frame = one;
    }
  }
  t.is(frame.readUInt16BE(12), 0x0806);
  t.is(frame.readUInt16BE(20), 2); // a reply
  t.deepEqual([...frame.subarray(28, 32)], [10, 83, 0, 1]);
  t.is(typeof (await call('GET', '/cam')).body['02:00:5e:00:53:99'], 'number');
  t.is(network.switch.ports.length, before + 1);
  socket.destroy();
  while (network.switch.ports.length > before) await new Promise((done) => setImmediate(done));
  t.is((await call('GET', '/cam')).body['02:00:5e:00:53:99'], undefined);
});

const FORWARDER = '/services/forwarder';

test('gvproxy: what is exposed is listed as it was told, by local and protocol, and is at every address', async (t) => {
  const { call, guest: make, path } = await controlled(t);
  await greet(await make('10.83.0.15'), 80);
  const ports = await Promise.all([free(), free(), free()]);
  const socket = `${path}.web`;
  const said = [
    { local: `:${ports[0]}`, remote: '10.83.0.15:80', protocol: 'tcp' },
    { local: `:${ports[0]}`, remote: '10.83.0.15:53', protocol: 'udp' },
    { local: `localhost:${ports[1]}`, remote: '10.83.0.15:80', protocol: 'tcp' },
    { local: `0.0.0.0:${ports[2]}`, remote: '10.83.0.15:80', protocol: 'tcp' },
    { local: socket, remote: 'tcp://10.83.0.15:80', protocol: 'unix' },
  ];
  for (const { protocol, ...one } of said) {
    const asked = protocol === 'tcp' ? one : { ...one, protocol };
    t.deepEqual(await call('POST', `${FORWARDER}/expose`, asked), { status: 200, body: '' });
  }
  const order = (one: (typeof said)[0]): string => `${one.local} ${one.protocol}`;
  said.sort((one, other) => (order(one) < order(other) ? -1 : 1));
  t.deepEqual((await call('GET', `${FORWARDER}/all`)).body, said);
  for (const host of ['127.0.0.1', '::1']) t.is(await ask(ports[0], 'x', host), 'hello x', host);
  const again = await call('POST', `${FORWARDER}/expose`, {
    local: `:${ports[0]}`,
    remote: '10.83.0.15:81',
  });
  t.deepEqual(again, { status: 500, body: `proxy already running for tcp on :${ports[0]}` });
  for (const { local, protocol } of said) {
    const gone = await call('POST', `${FORWARDER}/unexpose`, { local, protocol });
    t.deepEqual(gone, { status: 200, body: '' });
  }
  t.deepEqual((await call('GET', `${FORWARDER}/all`)).body, []);
  t.is(await ask(ports[0], 'x'), 'ECONNREFUSED');
});

test('gvproxy: what cannot be exposed is refused with its codes', async (t) => {
  const { call } = await controlled(t);
  const answer = async (body: unknown): Promise<unknown[]> => {
    const { status, body: text } = await call('POST', `${FORWARDER}/expose`, body);
    return [status, text];
  };
  const remote = '10.83.0.15:80';
  t.is((await answer('{'))[0], 400);
  t.is((await answer({ local: ':0', remote: 'x' }))[0], 400);
  t.is((await answer({ local: ':0', remote: ':80' }))[0], 400, 'nobody here is a guest');
  t.is((await answer({ local: 80, remote }))[0], 400);
  t.deepEqual(await answer({ local: ':0', remote: 'name:80' }), [500, 'invalid remote addr']);
  t.is((await answer({ local: ':x', remote }))[0], 500);
  t.is((await answer({ local: '192.0.2.77:0', remote }))[0], 500, 'no address of this host');
  t.deepEqual(await answer({ local: 'x', remote, protocol: 'npipe' }), [
    500,
    'unknown protocol npipe',
  ]);
  const ssh = { local: '/x', remote: 'ssh-tunnel://a@10.83.0.15/run/s', protocol: 'unix' };
  const why = 'remote protocol for unix forwarder is not implemented: ssh-tunnel';
  t.deepEqual(await answer(ssh), [500, why]);
});

// net.Listen after os.Remove: a program that was killed leaves its socket behind.
test('gvproxy: a socket that was left behind is taken over, and one that is served is not', async (t) => {
  const { call, guest: make, path } = await controlled(t);
  await greet(await make('10.83.0.15'), 80);
  const local = `${path}.left`;
  const remote = 'tcp://10.83.0.15:80';
  const server = createServer().listen(local);
  await once(server, 'listening');
  const asked = { local, remote, protocol: 'unix' };
  t.is((await call('POST', `${FORWARDER}/expose`, asked)).status, 500);
  linkSync(local, `${local}.kept`);
  await new Promise((done) => server.close(done));
  renameSync(`${local}.kept`, local);
  t.is((await call('POST', `${FORWARDER}/expose`, asked)).status, 200);
  const socket = connect(local);
  socket.end('x');
  t.is(String((await once(socket, 'data'))[0]), 'hello x');
});

// unix(7): a stream to it is EPROTOTYPE. So may another one be that is used, EAGAIN where too many wait there.
linuxTest('gvproxy: a socket that takes datagrams is nobody’s to take over', async (t) => {
  const { call, path } = await controlled(t);
  const local = `${path}.datagrams`;
  const ending = new AbortController();
  const machine = openDatagrams({ path: local, signal: ending.signal });
  while (!existsSync(local)) await sleep(1);
  const asked = { local, remote: 'tcp://10.83.0.15:80', protocol: 'unix' };
  const { status, body } = await call('POST', `${FORWARDER}/expose`, asked);
  t.deepEqual([status, body], [500, `listen EADDRINUSE: address already in use ${local}`]);
  ending.abort(new Error('enough'));
  await t.throwsAsync(machine, { message: 'enough' });
});

test('gvproxy: zones are added and listed in its shape, whatever letters of a key are small', async (t) => {
  const { call, guest: make } = await controlled(t);
  const guest = await make('10.83.0.15');
  const zone = { name: 'apps.', records: [{ name: 'API', ip: '10.83.0.15' }], defaultIP: '' };
  t.deepEqual(await call('POST', '/services/dns/add', zone), { status: 200, body: '' });
  const more = { Name: 'apps.', Records: [{ Name: 'web', IP: '10.83.0.16' }] };
  t.is((await call('POST', '/services/dns/add', more)).status, 200);
  t.deepEqual(
    [await look(guest, 'api.apps'), await look(guest, 'web.apps')],
    ['10.83.0.15', '10.83.0.16'],
  );
  const zones = (await call('GET', '/services/dns/all')).body as {
    Name: string;
    Records: object[];
  }[];
  for (const one of zones) {
    t.deepEqual(Object.keys(one), ['Name', 'Records', 'DefaultIP']);
    for (const record of one.Records) t.deepEqual(Object.keys(record), ['Name', 'IP']);
  }
  t.deepEqual(
    zones.find(({ Name }) => Name === 'apps.'),
    {
      Name: 'apps.',
      Records: [
        { Name: 'api', IP: '10.83.0.15' },
        { Name: 'web', IP: '10.83.0.16' },
      ],
      DefaultIP: '',
    },
  );
  const refused: [unknown, string][] = [
    [{ Records: [] }, 'the zone has no Name'],
    [{ Name: 'x.', Records: {} }, 'Records must be a list'],
    [{ Name: 'x.', Records: [{ Name: 'a' }] }, 'a record has no IP'],
    [{ Name: 'x.', Records: [{ Name: 'a', IP: 'b' }] }, 'invalid IP address: b'],
    [{ Name: 'x.', DefaultIP: 'b' }, 'invalid IP address: b'],
    [
      { Name: 'x.', Records: [{ Regexp: '.*', IP: '10.83.0.16' }] },
      'records by Regexp are not supported',
    ],
  ];
  for (const [body, why] of refused) {
    t.deepEqual(await call('POST', '/services/dns/add', body), { status: 400, body: why });
  }
  t.deepEqual(await call('GET', '/services/dns/add'), { status: 400, body: 'post only' });
});

test('gvproxy: the leases are the gateway’s, those that are kept and those that are lent', async (t) => {
  const kept = '02:00:5E:00:53:77';
  const { call, network } = await controlled(t, { reservations: { [kept]: '10.83.0.77' } });
  const [port, end] = createPipe({ medium: 'ethernet' });
  network.plug(port);
  const stack = createStack({ device: end, mac: '02:00:5e:00:53:10' });
  t.teardown(() => stack.close());
  const client = createDhcpClient(stack);
  t.teardown(() => client.close());
  await client.ready;
  const leases = {
    [GATEWAY]: network.stack.hardwareAddress(),
    '10.83.0.10': '02:00:5e:00:53:10',
    '10.83.0.77': '02:00:5e:00:53:77',
  };
  for (const place of ['/services/dhcp/leases', '/leases']) {
    t.deepEqual((await call('GET', place)).body, leases, place);
  }
});

test('gvproxy: stations are at numbers that stay theirs, the gateway’s own is at none', async (t) => {
  const { call, guest: make, network } = await controlled(t);
  const one = await make('10.83.0.15');
  const two = await make('10.83.0.16');
  await Promise.all([one.ping(GATEWAY), two.ping(GATEWAY)]);
  const [first, second] = ['02:00:5e:00:53:15', '02:00:5e:00:53:16'];
  t.true(network.switch.stations().length > 2);
  t.deepEqual((await call('GET', '/cam')).body, { [first]: 0, [second]: 1 });
  await one.port.unplug();
  const three = await make('10.83.0.17');
  await three.ping(GATEWAY);
  t.deepEqual((await call('GET', '/cam')).body, { [second]: 1, '02:00:5e:00:53:17': 2 });
});

test('gvproxy: statistics have its shape, and count what machines sent, gone ones included', async (t) => {
  const { call, guest: make } = await controlled(t);
  const guest = await make('10.83.0.15');
  await guest.ping(GATEWAY);
  const stats = (await call('GET', '/stats')).body as Record<string, Record<string, number>>;
  const names = (of: object): string => Object.keys(of).join(' ');
  t.is(
    names(stats),
    'BytesSent BytesReceived UnknownProtocolRcvdPackets MalformedRcvdPackets DroppedPackets IP TCP UDP',
  );
  t.is(
    names(stats['IP'] ?? {}),
    'PacketsReceived InvalidDestinationAddressesReceived InvalidSourceAddressesReceived PacketsDelivered PacketsSent OutgoingPacketErrors MalformedPacketsReceived MalformedFragmentsReceived',
  );
  t.is(
    names(stats['TCP'] ?? {}),
    'ActiveConnectionOpenings PassiveConnectionOpenings CurrentEstablished CurrentConnected EstablishedResets EstablishedClosed EstablishedTimedout ListenOverflowSynDrop ListenOverflowAckDrop ListenOverflowSynCookieSent ListenOverflowSynCookieRcvd ListenOverflowInvalidSynCookieRcvd FailedConnectionAttempts ValidSegmentsReceived InvalidSegmentsReceived SegmentsSent SegmentSendErrors ResetsSent ResetsReceived Retransmits FastRecovery SACKRecovery SlowStartRetransmits FastRetransmit Timeouts',
  );
  t.is(
    names(stats['UDP'] ?? {}),
    'PacketsReceived UnknownPortErrors ReceiveBufferErrors MalformedPacketsReceived PacketsSent PacketSendErrors',
  );
  const numbers = Object.values(stats).flatMap((one) =>
    typeof one === 'object' ? Object.values(one) : [one],
  );
  t.true(
    numbers.every((one) => Number.isInteger(one) && one >= 0),
    JSON.stringify(stats),
  );
  t.true((stats['IP']?.['PacketsReceived'] ?? 0) > 0);
  const { framesIn, bytesIn } = guest.port.stats();
  t.true(framesIn > 0 && Number(stats['BytesReceived']) > 0);
  await guest.port.unplug();
  t.true((await call('GET', '/stats')).body.BytesReceived >= bytesIn);
});

test('gvproxy: a tunnel to nowhere is refused, and the reason said', async (t) => {
  const { path } = await controlled(t);
  const tunnel = connect(path);
  tunnel.write('GET /tunnel?port=80 HTTP/1.1\r\nHost: x\r\n\r\n');
  const [text] = await once(tunnel, 'data');
  const [head, why] = String(text).split('\r\n\r\n');
  t.regex(head ?? '', /^HTTP\/1\.1 500 /);
  t.is(why, 'ip is mandatory\n');
});

/** A port that is nobody's, of both families. */
async function free(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
