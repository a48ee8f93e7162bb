/** grpc-js: unary calls in turn and at once, streams each way, an error with its code, a deadline. */
import assert from 'node:assert/strict';
import grpc from '@grpc/grpc-js';

const bytes = {
  requestSerialize: (value) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (data) => JSON.parse(data),
  responseSerialize: (value) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (data) => JSON.parse(data),
};
const method = (name, requestStream, responseStream) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  ...bytes,
});
const service = {
  one: method('one', false, false),
  never: method('never', false, false),
  count: method('count', false, true),
  sum: method('sum', true, false),
  echo: method('echo', true, true),
};

export async function serve(port, stack) {
  const server = new grpc.Server();
  server.addService(service, {
    one: (call, done) =>
      call.request.bad
        ? done({ code: grpc.status.NOT_FOUND, details: 'bad' })
        : done(null, call.request),
    never: () => {},
    count: (call) => {
      for (let i = 0; i < call.request.to; i++) call.write({ i });
      call.end();
    },
    sum: (call, done) => {
      let sum = 0;
      call.on('data', ({ i }) => {
        sum += i;
      });
      call.on('end', () => done(null, { sum }));
    },
    echo: (call) => {
      call.on('data', (value) => call.write(value)).on('end', () => call.end());
    },
  });
  const credentials = grpc.ServerCredentials.createInsecure();
  if (stack) {
    const injector = server.createConnectionInjector(credentials);
    const listener = stack.net.createServer((socket) => injector.injectConnection(socket));
    await new Promise((done) => listener.listen(port, done));
    return;
  }
  await new Promise((done, fail) => {
    server.bindAsync(`0.0.0.0:${port}`, credentials, (error) => (error ? fail(error) : done()));
  });
}

export async function call(host, port) {
  const Client = grpc.makeGenericClientConstructor(service, 'Echo');
  const client = new Client(`${host}:${port}`, grpc.credentials.createInsecure());
  const ask = (name, value, options = {}) =>
    new Promise((done, fail) =>
      client[name](value, options, (error, reply) => (error ? fail(error) : done(reply))),
    );
  for (let i = 0; i < 300; i++) assert.deepEqual(await ask('one', { i }), { i });
  const list = Array.from({ length: 300 }, (_, i) => i);
  assert.deepEqual(await Promise.all(list.map(async (i) => (await ask('one', { i })).i)), list);
  let counted = 0;
  for await (const { i } of client.count({ to: 2000 })) assert.equal(i, counted++);
  assert.equal(counted, 2000);
  const sum = await new Promise((done, fail) => {
    const stream = client.sum((error, reply) => (error ? fail(error) : done(reply.sum)));
    for (const i of list) stream.write({ i });
    stream.end();
  });
  assert.equal(sum, (300 * 299) / 2);
  const both = client.echo();
  const text = 'x'.repeat(100_000);
  for (let i = 0; i < 20; i++) both.write({ text });
  both.end();
  let echoed = 0;
  for await (const reply of both) echoed += reply.text.length;
  assert.equal(echoed, 2_000_000);
  await assert.rejects(ask('one', { bad: true }), { code: grpc.status.NOT_FOUND });
  const deadline = Date.now() + 100;
  await assert.rejects(
    new Promise((_, fail) => client.never({}, new grpc.Metadata(), { deadline }, fail)),
    { code: grpc.status.DEADLINE_EXCEEDED },
  );
  client.close();
}
