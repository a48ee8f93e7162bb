/**
 * docs/api.md is whole: what Node's type declarations (of Node 24, whichever runs) name of options and
 * events, what this package exports, its channels and its settings. For members see test/api/members.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';
import { linesByName } from './lines.ts';
import { DOORS, readExports } from './reference.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const page = read('docs/api.md');

/** The part of the page below a heading of the second level. */
function section(heading: string): string {
  const from = page.indexOf(`\n## ${heading}\n`);
  if (from < 0) throw new Error(`docs/api.md has no part ${heading}`);
  const to = page.indexOf('\n## ', from + 1);
  return page.slice(from, to < 0 ? undefined : to);
}

/** The body of an interface or a class in Node's declarations. */
function bodyOf(declarations: string, name: string): string {
  const from = new RegExp(`^    (?:interface|class) ${name}\\b[^{]*\\{$`, 'm').exec(declarations);
  if (!from) throw new Error(`Node declares no ${name}`);
  return declarations.slice(from.index, declarations.indexOf('\n    }\n', from.index));
}

const optionsOf = (declarations: string, name: string): string[] =>
  [...bodyOf(declarations, name).matchAll(/^ {8}(\w+)\??:/gm)].map((match) => match[1] ?? '');

const eventsOf = (declarations: string, name: string): string[] =>
  [...bodyOf(declarations, name).matchAll(/\bon\(\s*event: "(\w+)"/g)].map(
    (match) => match[1] ?? '',
  );

const missing = (text: string, names: readonly string[]): string[] =>
  [...new Set(names)].filter((name) => !text.includes(`\`${name}\``));

test('docs: every option and event of node:net is named', (t) => {
  const net = read('node_modules/@types/node/net.d.ts');
  const options = [
    'SocketConstructorOpts',
    'TcpSocketConnectOpts',
    'IpcSocketConnectOpts',
    'TcpNetConnectOpts',
    'ServerOpts',
    'ListenOptions',
  ].flatMap((name) => optionsOf(net, name));
  const events = ['Socket', 'Server'].flatMap((name) => eventsOf(net, name));
  t.true(options.includes('allowHalfOpen') && events.includes('connectionAttempt'));
  t.deepEqual(missing(section('`stack.net`'), [...options, ...events]), []);
});

test('docs: every option and event of node:dgram is named', (t) => {
  const dgram = read('node_modules/@types/node/dgram.d.ts');
  const options = ['SocketOptions', 'BindOptions'].flatMap((name) => optionsOf(dgram, name));
  const events = eventsOf(dgram, 'Socket');
  t.true(options.includes('reuseAddr') && events.includes('message'));
  t.deepEqual(missing(section('`stack.dgram`'), [...options, ...events]), []);
});

test('docs: every export of every door, and every member of it, is in its reference', (t) => {
  const gone: string[] = [];
  for (const [door, name] of Object.entries(DOORS)) gone.push(...missingOf(door, read(name)));
  t.deepEqual(gone, [], 'run npm run docs:api');
});

/** What a door has and its page has not. */
function missingOf(door: string, reference: string): string[] {
  const gone: string[] = [];
  for (const { name, members } of readExports(door)) {
    const from = reference.indexOf(`\n#### \`${name}\`\n`);
    const to = reference.indexOf('\n#### ', from + 1);
    const entry = from < 0 ? '' : reference.slice(from, to < 0 ? undefined : to);
    if (entry === '') gone.push(name);
    for (const { text } of members) {
      if (!entry.includes(`\`${text.replaceAll('|', '\\|')}\``)) gone.push(`${name}: ${text}`);
    }
  }
  return gone;
}

test('docs: every export of every door has a doc comment, and its lines of code stand on its page', (t) => {
  const bare: string[] = [];
  for (const [door, page] of Object.entries(DOORS)) {
    const text = read(page);
    const lines = linesByName(door);
    for (const { name, comment } of readExports(door)) {
      if (comment === '') bare.push(`${door}: ${name}`);
      if (!text.includes(lines.get(name) ?? ''))
        bare.push(`${page}: ${name}: run npm run docs:api`);
    }
  }
  t.deepEqual(bare, []);
});

/** Members that say nothing of themselves. */
function bareMembers(door: string): string[] {
  const bare: string[] = [];
  for (const { name, members } of readExports(door)) {
    for (const member of members) if (member.comment === '') bare.push(`${name}: ${member.text}`);
  }
  return bare;
}

for (const door of ['index', 'lab', 'metrics', 'wire']) {
  test(`docs: every member of every export of ${door} has a doc comment`, (t) => {
    t.deepEqual(bareMembers(door), []);
  });
}

// Each that gets one makes its number smaller; where it is 0 the door goes to those above.
for (const [door, most] of Object.entries({ services: 120, tunnel: 40 })) {
  test(`docs: no more members of ${door} are without a doc comment than were`, (t) => {
    t.true(bareMembers(door).length <= most, bareMembers(door).join('\n'));
  });
}

test('docs: every channel and every setting is named', (t) => {
  const sources = ['src/stack/api/tcp/channels.ts', 'src/stack/host/drops.ts'].map(read).join('');
  const channels = [...sources.matchAll(/channel\('([\w:]+)'\)/g)];
  t.is(channels.length, 5);
  const names = channels.map((match) => match[1] ?? '');
  t.deepEqual(missing(section('diagnostics_channel'), names), []);
  const settings = [...read('src/register/settings.ts').matchAll(/'([A-Z]+(?:_[A-Z]+)?)'/g)]
    .map((match) => `TUNSTACK_${match[1]}`)
    .filter((name) => !name.includes('ERR_'));
  t.true(settings.includes('TUNSTACK_HOST_ADDRESS'));
  t.deepEqual(missing(section('Programs that were never written for it'), settings), []);
});
