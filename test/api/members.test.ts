/**
 * Nothing that Node documents is missing: every public member of `node:net` and `node:dgram` is there,
 * and docs/api.md names it.
 * @module
 */
import * as dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';
import { makePair } from './worlds.ts';

/** Members of Node's that are no part of what it documents. */
const UNDOCUMENTED = ['constructor', 'sendto'];

const isPublic = (name: string): boolean =>
  !name.startsWith('_') && !UNDOCUMENTED.includes(name) && name !== 'default';

const membersOf = (Class: { prototype: object }): string[] =>
  Object.getOwnPropertyNames(Class.prototype).filter(isPublic);

test('members: stack.net has all that node:net exports', async (t) => {
  const pair = makePair();
  for (const name of Object.keys(net).filter(isPublic)) {
    if (name !== 'BoundSocket') t.true(name in pair.left.net, name);
  }
  await pair.close();
});

test('members: stack.dgram has all that node:dgram exports', async (t) => {
  const pair = makePair();
  for (const name of Object.keys(dgram).filter(isPublic)) t.true(name in pair.left.dgram, name);
  await pair.close();
});

test('members: every member of the classes is there', async (t) => {
  const pair = makePair();
  const { net: ours, dgram: ourDgram } = pair.left;
  const socket = new ours.Socket();
  const server = ours.createServer();
  const udp = ourDgram.createSocket('udp4');
  for (const name of membersOf(net.Socket)) t.true(name in socket, `Socket ${name}`);
  for (const name of membersOf(net.Server)) t.true(name in server, `Server ${name}`);
  for (const name of membersOf(dgram.Socket as never)) t.true(name in udp, `dgram ${name}`);
  await pair.close();
});

test('members: the classes may be called without new, and extended', async (t) => {
  const pair = makePair();
  const { Socket, Server } = pair.left.net;
  t.true(Socket() instanceof Socket);
  t.true(Server() instanceof Server);
  t.true(pair.left.net.createServer() instanceof Server);
  class Mine extends Socket {
    readonly mine = true;
  }
  const socket = new Mine({ allowHalfOpen: true });
  t.true(socket instanceof Mine && socket instanceof Socket && socket.mine);
  t.is(Socket.name, 'Socket');
  t.false(new pair.right.net.Socket() instanceof Socket);
  await pair.close();
});

test('members: docs/api.md names them all', (t) => {
  const page = readFileSync(join(root, 'docs/api.md'), 'utf8');
  const names = [
    ...Object.keys(net).filter(isPublic),
    ...Object.keys(dgram).filter(isPublic),
    ...membersOf(net.Socket),
    ...membersOf(net.Server),
    ...membersOf(dgram.Socket as never),
  ];
  for (const name of names) t.true(page.includes(`\`${name}`) || page.includes(`.${name}`), name);
});
