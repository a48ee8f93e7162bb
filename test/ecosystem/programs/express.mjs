/** express: routes, a parser of bodies, a stream. */
import { Readable } from 'node:stream';
import express from 'express';
import { askAll } from './http.mjs';

export async function serve(port, stack) {
  const app = express();
  app.use(express.json({ limit: '1mb' }));
  app.get('/hello/:name', (request, response) => response.send(`hello ${request.params.name}`));
  app.post('/echo', (request, response) => response.json(request.body));
  app.get('/large', (_request, response) => {
    Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(1 << 14))).pipe(response);
  });
  const server = stack ? stack.http.createServer(app) : app;
  await new Promise((done) => server.listen(port, done));
}

export const call = askAll;
