/**
 * A session that was recorded is played in virtual time, in a process of its own as the command does it, and comes
 * to the same: decisions, names, and what each guest got.
 * @module
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createPipe } from '../../../src/index.ts';
import { readBlock, sayBlock } from '../../../src/services/block.ts';
import { PlayedWorld } from '../../../src/services/replay/played-world.ts';
import { readRecording } from '../../../src/services/replay/recording.ts';
import { Recorder, type Replayed } from '../../../src/services.ts';
import { tunstack } from '../../support/process.ts';
import { type Controlled, controlled, GATEWAY6, look, say, world } from './world.ts';

const http = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const POLICY = { default: 'deny' as const, rules: ['allow good.example'] };

/** What a guest does, recorded. */
async function record(t: ExecutionContext): Promise<string> {
  let text = '';
  const recorder = new Recorder({ policy: POLICY, dns: { servers: ['192.0.2.53'] } }, (line) => {
    text += line;
    return true;
  });
  const { clock, random, options } = recorder;
  const it = await world(t, { ...options, clock, random, recorder });
  const guest = await it.guest('10.83.0.15', 'box', 'fd83::15');
  await say(guest, 'good.example', 80, http('good.example'));
  await look(guest, 'good.example', 'AAAA', GATEWAY6);
  await say(guest, '2001:db8::1', 80, http('good.example'));
  await say(guest, '2001:db8::66', 80, http('evil.example'));
  await say(guest, 'evil.example', 80, http('evil.example'));
  await say(guest, 'good.example', 80, http('evil.example'));
  await say(guest, '198.51.100.9', 80, 'x');
  const socket = guest.net.connect({ host: 'good.example', port: 22 });
  socket.write(`${'a '.repeat(2500)}\n`);
  await once(socket, 'data');
  socket.destroy();
  await new Promise((done) => setTimeout(done, 50));
  return text;
}

async function play(
  t: ExecutionContext,
  text: string,
): Promise<{ code: number | null; said: Replayed }> {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-replay-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'session');
  writeFileSync(file, text);
  const { code, out, err } = await tunstack('replay', '--json', file).ended;
  t.is(err, '');
  return { code, said: JSON.parse(out) as Replayed };
}

test('replay: a session comes to the same decisions, and guests get the same frames', async (t) => {
  const text = await record(t);
  const { code, said } = await play(t, text);
  t.is(said.difference, undefined, JSON.stringify(said));
  t.is(code, 0);
  t.true(said.same);
  t.deepEqual(said.surprises, []);
  t.true(said.decisions.recorded >= 10, `${said.decisions.recorded}`);
  const six =
    /"event":"open","id":\d+,"guest":\{"address":"fd83::15"[^}]*\},"protocol":"tcp","address":"2001:db8::1"/;
  t.regex(text, six, 'flows of IPv6 are in it');
  // How acknowledgments fall together depends on how busy the process was when it recorded: 14 to 22 of 30 were seen.
  t.true(said.alike > 0.3 * said.got.recorded, JSON.stringify(said));
});

// `DeviceUser.packet`: who has it is told of each packet as it is written, and a switch asks the clock then.
test('recorder: the switch hears of the gateway’s frames at the end of a turn, which has one time', (t) => {
  const recorder = new Recorder({}, () => true);
  const [port, end] = createPipe({ prompt: true });
  const told: string[] = [];
  const nobody = { memory: new Uint8Array(4096), writable: () => {}, closed: () => {} };
  const tell = (what: string) => (): void => void told.push(what);
  recorder.cable(port).start({ ...nobody, readable: tell('readable'), packet: tell('packet') });
  end.start({ ...nobody, readable: () => {} });
  t.true(end.write(0, 100));
  t.deepEqual(told, []);
  end.flush();
  t.deepEqual(told, ['readable']);
});

// A decision is written down while the gateway reads, and has the time of its own.
test('recorder: all that the gateway reads in a turn has the time of the turn', (t) => {
  const lines: string[] = [];
  const recorder = new Recorder({}, (line) => lines.push(line) > 0);
  const [port, end] = createPipe();
  const user = { memory: new Uint8Array(4096), writable: () => {}, closed: () => {} };
  const clock = recorder.stackClock(recorder.clock);
  const guest = recorder.device(port, 'box');
  guest.start({ ...user, readable: () => {} });
  const [near, far] = createPipe();
  const gateway = recorder.uplink(near);
  const pass = (): void => {
    end.write(0, 100);
    guest.read(0, 2048);
    far.write(0, 100);
  };
  const read = (): void => {
    pass();
    gateway.read(0, 2048);
  };
  end.start({ ...user, readable: () => {} });
  far.start({ ...user, readable: () => {} });
  gateway.start({ ...user, readable: () => {} });
  for (let turn = 0; turn < 3; turn++) {
    const began = clock.now(); // as the stack does when it begins to read
    read();
    while (recorder.clock.now() < began + 50);
    recorder.audit({ event: 'name' } as never);
    read();
    // What a turn that was begun by a timer brings is told by nobody, and not every turn reads to the end.
    if (turn > 0) t.is(gateway.read(0, 2048), 0);
    const times = lines
      .map((line) => JSON.parse(line) as { t: number; in?: number })
      .filter((one) => one.in !== undefined)
      .map((one) => one.t);
    t.deepEqual(times.slice(-2), [began, began]);
  }
});

// Not every turn reads to the end: what follows is read in another one, with a time of its own.
test('recorder: a frame has the time of the turn that reads it, not of one that reads what came before', (t) => {
  const lines: string[] = [];
  const recorder = new Recorder({}, (line) => lines.push(line) > 0);
  const memory = new Uint8Array(4096);
  const user = { memory, readable: () => {}, writable: () => {}, closed: () => {} };
  const clock = recorder.stackClock(recorder.clock);
  const [port, end] = createPipe({ medium: 'ethernet' });
  const guest = recorder.device(port, 'box');
  const [near, far] = createPipe({ medium: 'ethernet' });
  const gateway = recorder.uplink(near);
  for (const device of [guest, end, far, gateway]) device.start(user);
  // The second is for another guest, the third has a tag that says a priority alone, which the switch takes away.
  for (const [i, tag] of [[], [], [0x81, 0, 0x80, 0], []].entries()) {
    const frame = [
      ...new Array<number>(12).fill(i),
      ...tag,
      8,
      0,
      ...new Array<number>(46).fill(i),
    ];
    memory.set(frame);
    end.write(0, frame.length);
    guest.read(2048, 1024);
    if (i === 1) continue;
    memory.copyWithin(2048 + 12, 2048 + 12 + tag.length, 2048 + frame.length);
    far.write(2048, frame.length - tag.length);
  }
  const turns = [1, 2, 3].map(() => {
    const began = clock.now();
    while (recorder.clock.now() < began + 50);
    t.is(gateway.read(0, 2048), 60);
    return began;
  });
  const told = lines.map((line) => JSON.parse(line) as { t: number; in?: number });
  const times = told.filter((one) => one.in !== undefined).map((one) => one.t);
  t.deepEqual(times, [turns[0], turns[1], turns[1], turns[2]]);
});

test('replay: another policy comes to other decisions, and says which is the first', async (t) => {
  const text = await record(t);
  const other = text.replace('"rules":["allow good.example"]', '"rules":["allow other.example"]');
  const { code, said } = await play(t, other);
  t.is(code, 1);
  t.false(said.same);
  t.regex(String(said.difference?.recorded), /"event":"open".*good\.example/);
  t.regex(String(said.difference?.played), /"event":"name".*good\.example/);
});

test('replay: what is no recording is refused, and one whose last line is cut is read', async (t) => {
  t.throws(() => readRecording('{}'), { message: /no recording/ });
  t.throws(() => readRecording(''), { message: /no recording/ });
  t.throws(() => readRecording('{"recording":"tunstack network","version":9}'), {
    message: /version 9/,
  });
  const head = '{"recording":"tunstack network","version":1,"seed":1,"options":{}}\n';
  t.is(readRecording(`${head}{"t":1,"end":1}\n{"t":2,"en`).events.length, 1);
  t.throws(() => readRecording(`${head}{"t":1,\n{"t":2,"end":1}\n`), { message: /line 2/ });
});

/** A network that is recorded, and its API. */
async function recorded(t: ExecutionContext): Promise<Controlled & { recorder: Recorder }> {
  const recorder = new Recorder({ policy: POLICY, dns: { servers: ['192.0.2.53'] } }, () => true);
  const { clock, random, options } = recorder;
  return { ...(await controlled(t, { ...options, clock, random, recorder })), recorder };
}

test('replay: what would be missing in a recording is refused while it is made, and said', async (t) => {
  const { call, network, path } = await recorded(t);
  const why = 'not while it is recorded';
  const port = { guest: '10.83.0.15', guestPort: 80 };
  await t.throwsAsync(network.publish(port), { code: 'EBUSY', message: new RegExp(why) });
  for (const [method, where, body] of [
    ['POST', '/v1/published', port],
    ['DELETE', '/v1/published?port=80'],
    ['DELETE', '/v1/flows?id=1'],
    ['PUT', '/v1/names', { 'db.lan': '192.0.2.7' }],
    ['DELETE', '/v1/names?name=db.lan'],
    ['POST', '/services/dns/add', { Name: 'x.' }],
    ['POST', '/services/forwarder/expose', { local: ':0', remote: '10.83.0.15:80' }],
    ['POST', '/services/forwarder/unexpose', { local: ':0' }],
  ] as const) {
    const { status, body: said } = await call(method, where, body);
    t.is(status, 409, where);
    t.true((said.error ?? said).startsWith(why), where);
  }
  const tunnel = connect(path);
  tunnel.write('GET /tunnel?ip=10.83.0.15&port=80 HTTP/1.1\r\nHost: x\r\n\r\n');
  t.true(String((await once(tunnel, 'data'))[0]).includes(why));
  t.is((await call('PUT', '/v1/policy', { default: 'deny' })).status, 200, 'policies are in it');
});

test('replay: the audit of what is recorded tells the time of day', async (t) => {
  const before = Date.now();
  const { audit, guest: make } = await recorded(t);
  await say(await make('10.83.0.15'), '198.51.100.9', 80, 'x').catch(() => {});
  const time = Date.parse(String(audit[0]?.time));
  t.true(time >= before - 1000 && time <= Date.now() + 1000, audit[0]?.time);
});

test('replay: a device with offload is not recorded, and said to be opened without', async (t) => {
  const { network } = await recorded(t);
  const [port] = createPipe({ medium: 'ethernet', offload: true });
  t.throws(() => network.plug(port), { code: 'ERR_INVALID_ARG_VALUE', message: /offload/ });
});

test('replay: what was this host’s own when it was recorded is that when it is played, wherever', async (t) => {
  const text = await record(t);
  const { head } = readRecording(text);
  t.true(
    head.host?.every((one) => sayBlock(readBlock('host', one)) === one),
    `${head.host}`,
  );
  const host = ['198.51.100.1/32', '2001:db8::/64'];
  const elsewhere = text.replace(/"host":\[[^\]]*\]/, `"host":${JSON.stringify(host)}`);
  const { said } = await play(t, elsewhere);
  t.regex(String(said.difference?.played), /"address":"198\.51\.100\.1".*"reason":"closed"/);
});

// Its end is the event loop's affair, which may have been busy with a guest meanwhile.
test('replay: a connection that has ended both ways is closed when it was', async (t) => {
  const world = new PlayedWorld([
    { t: 0, dial: 1, to: 'tcp 198.51.100.1:80' },
    { t: 9, close: 1 },
  ]);
  world.come({ t: 1, open: 1 });
  const socket = await world.connect('198.51.100.1', 80);
  let isClosed = false;
  socket.on('close', () => {
    isClosed = true;
  });
  socket.resume().end();
  world.come({ t: 2, end: 1 });
  for (let n = 0; n < 10; n++) await new Promise(setImmediate);
  t.deepEqual([socket.readableEnded, socket.writableFinished, isClosed], [true, true, false]);
  world.come({ t: 9, close: 1 });
  for (let n = 0; n < 10; n++) await new Promise(setImmediate);
  t.true(isClosed);
});
