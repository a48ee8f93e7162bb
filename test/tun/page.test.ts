/**
 * The live page of each command that has one, by `--page`, over this host's sockets: its document, its stream, and who is
 * not answered. docs/page.md.
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { run, tunstack } from '../support/process.ts';
import { tunTest } from './namespace.ts';
import { testWith } from './serving.ts';
import { makeKeys } from './wireguard-go.ts';

const withIp = testWith('ip');

/** A command that is ready, and where its page is. */
async function page(t: ExecutionContext, ...words: string[]): Promise<string> {
  const running = tunstack(...words, '--page', '127.0.0.1:0');
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  const line = await running.line();
  const url = / page=(http:\/\/127\.0\.0\.1:\d+\/)/.exec(line)?.[1];
  if (url === undefined) throw new Error(`no page in ${line} ${running.err}`);
  return url;
}

/** The status of an answer, and its headers and text. */
function ask(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<{ status: number; policy: string; text: string }> {
  return new Promise((resolve, reject) => {
    const made = request(url, { headers, method, agent: false }, async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      const policy = String(response.headers['content-security-policy']);
      resolve({ status: response.statusCode ?? 0, policy, text });
    });
    made.on('error', reject).end();
  });
}

/** The events of its stream until there is one of each of these names. */
async function stream(
  t: ExecutionContext,
  url: string,
  ...names: string[]
  // biome-ignore lint/suspicious/noExplicitAny: JSON of our own
): Promise<Readonly<Record<string, any>>> {
  const made = get(`${url}v1/live`, { agent: false });
  t.teardown(() => void made.destroy());
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    made.on('response', resolve).on('error', reject);
  });
  t.regex(String(response.headers['content-type']), /^text\/event-stream/);
  let text = '';
  const told: Record<string, unknown> = {};
  for await (const piece of response.setEncoding('utf8')) {
    text += String(piece);
    for (const [, name = '', data = ''] of text.matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)) {
      told[name] = JSON.parse(data);
    }
    if (names.every((name) => name in told)) break;
  }
  return told;
}

/** What holds for the page of each command. */
async function holds(t: ExecutionContext, url: string, command: string): Promise<void> {
  const { status, policy, text } = await ask(url);
  t.is(status, 200);
  t.regex(policy, /default-src 'none'/);
  t.regex(text, /^<!doctype html>[\s\S]*<\/html>\s*$/i);
  for (const host of ['evil.example', 'evil.example:80']) {
    t.is((await ask(url, { host })).status, 421, 'a name that leads here is none of its own');
    t.is((await ask(`${url}v1/live`, { host })).status, 421);
  }
  t.is((await ask(`${url}stats.json`, { 'sec-fetch-site': 'cross-site' })).status, 403);
  t.is((await ask(url, {}, 'POST')).status, 405);
  t.is((await ask(`${url}v1/capture/start`, { 'x-tunstack': '1' }, 'POST')).status, 405);
  t.is((await ask(`${url}stats.json`)).status, 200);
  const { hello, sample } = await stream(t, url, 'hello', 'sample');
  t.is(hello.about.command, command);
  t.false(hello.about.mayCapture);
  t.true(Array.isArray(sample.findings));
}

tunTest('page: serve has one on an address of this host, and shows who is connected', async (t) => {
  const url = await page(t, 'serve', '--tun', 'page0');
  await holds(t, url, 'serve');
  const peer = await run('curl', '-sS', '-m', '10', 'http://10.83.0.2/stats.json');
  t.is(peer.code, 0, peer.err);
  const { sample, rows } = await stream(t, url, 'sample', 'rows');
  t.true(sample.whole.connections >= 0);
  t.true(Array.isArray(rows.rows));
});

tunTest('page: forward has one', async (t) => {
  await holds(t, await page(t, 'forward', '--tun', 'page1'), 'forward');
});

tunTest('page: network has one, with its leases and flows among the facts', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-page-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const url = await page(t, 'network', '--listen', `unix:${join(folder, 'net.sock')}`);
  await holds(t, url, 'network');
  const { sample } = await stream(t, url, 'sample');
  t.true(sample.facts.length > 0);
});

withIp(
  'page: a tunnel on a TUN has one, without a stack: what passes, and its peers',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-page-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'page2.conf');
    const lines = [
      ...['[Interface]', `PrivateKey = ${makeKeys().secret}`, 'Address = 10.66.0.2/24'],
      ...['[Peer]', `PublicKey = ${makeKeys().public}`, 'AllowedIPs = 10.66.0.0/24'],
      ...['Endpoint = 127.0.0.1:51820', ''],
    ];
    writeFileSync(file, lines.join('\n'), { mode: 0o600 });
    const url = await page(t, 'tunnel', 'up', file);
    await holds(t, url, 'tunnel');
    const { hello, sample } = await stream(t, url, 'hello', 'sample');
    t.false(hello.about.hasStack);
    t.deepEqual([sample.whole, sample.findings], [undefined, []]);
    t.regex(JSON.stringify(sample.facts), /127\.0\.0\.1:51820/);
  },
);
