/** The programs that are the same on each subject. @module */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import test, { registerCompletionHandler } from 'ava';
import { servePrograms } from '../../bench/link/programs.ts';
import { Port } from '../../bench/link/protocol.ts';

const ADDRESS = '127.83.14.1';
registerCompletionHandler(() => process.exit()); // they serve for as long as their process lives

test('programs: a file is there for the next client after one that ended by reset', async (t) => {
  await servePrograms({ net, http, tls }, ADDRESS, ADDRESS);
  for (let i = 0; i < 5; i++) {
    const client = net.connect(Port.WEB, ADDRESS);
    const ended = once(client, 'end');
    client.write('GET /file HTTP/1.1\r\nHost: bench\r\n\r\n');
    const [answer] = await Promise.race([once(client, 'data'), ended]);
    t.is(`${answer}`.slice(0, 15), 'HTTP/1.1 200 OK');
    client.resetAndDestroy();
  }
});
