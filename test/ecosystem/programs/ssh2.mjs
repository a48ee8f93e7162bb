/** ssh2, of OpenSSH's sshd: commands, text both ways, SFTP, a forwarded connection; and a server of its own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';

const KEY = process.env['ECOSYSTEM_SSH_KEY'];

export async function serve(port, stack) {
  const server = new ssh2.Server({ hostKeys: [readFileSync(KEY)] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (context) => context.accept());
    client.on('session', (accept) => {
      accept().on('exec', (accepted, _reject, { command }) => {
        const stream = accepted();
        if (command === 'cat') stream.on('end', () => stream.exit(0)).pipe(stream);
        else {
          stream.write(`${command} done\n`);
          stream.exit(0);
          stream.end();
        }
      });
    });
  });
  const listener = stack ? stack.net.createServer((socket) => server.injectSocket(socket)) : server;
  await new Promise((done) => listener.listen(port, '0.0.0.0', done));
}

const run = async (client, command, input) => {
  const stream = await new Promise((done, fail) =>
    client.exec(command, (error, opened) => (error ? fail(error) : done(opened))),
  );
  stream.end(input);
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

export async function call(host, port, stack, system) {
  const client = new ssh2.Client();
  const sock = stack && { sock: stack.net.connect({ port, host }) };
  const privateKey = readFileSync(KEY);
  client.connect({ host, port, username: 'root', privateKey, ...sock });
  await once(client, 'ready');
  if (system) {
    assert.equal(String(await run(client, 'echo hello')), 'hello\n');
    const sftp = await new Promise((done, fail) =>
      client.sftp((error, opened) => (error ? fail(error) : done(opened))),
    );
    const names = await new Promise((done, fail) =>
      sftp.readdir('/etc', (error, list) => (error ? fail(error) : done(list))),
    );
    assert.ok(names.some(({ filename }) => filename === 'passwd'));
  } else assert.equal(String(await run(client, 'hello')), 'hello done\n');
  const large = Buffer.alloc(2_000_000, 'large ');
  assert.ok(large.equals(await run(client, 'cat', large)));
  client.end();
  await once(client, 'close');
}
