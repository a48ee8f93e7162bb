/** fastify: routes, a parser of bodies, a stream; on a stack by its `serverFactory`. */
import { Readable } from 'node:stream';
import fastify from 'fastify';
import { askAll } from './http.mjs';

export async function serve(port, stack) {
  const serverFactory = stack && ((handler) => stack.http.createServer(handler));
  const app = fastify({ bodyLimit: 1 << 20, ...(serverFactory && { serverFactory }) });
  app.get('/hello/:name', async (request) => `hello ${request.params.name}`);
  app.post('/echo', async (request) => request.body);
  app.get('/large', (_request, reply) =>
    reply.send(Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(1 << 14)))),
  );
  await app.listen({ port, host: '0.0.0.0' });
}

export const call = askAll;
