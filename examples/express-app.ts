/**
 * An express application, which knows nothing of this stack, on one of its http servers.
 *
 *     node dist/examples/express-app.js        and then: curl http://10.83.0.2/hello/you
 * @module
 */
import type { Server } from 'node:http';
import express, { type Express } from 'express';
import { createStack, openTun, type Stack } from 'tunstack';

export function makeApp(): Express {
  const app = express();
  app.use(express.json());
  app.get('/hello/:name', ({ ip, params }, response) => {
    response.json({ hello: params.name, from: ip });
  });
  app.post('/sum', ({ body }, response) => {
    const numbers = Array.isArray(body) ? body.map(Number) : [];
    response.json({ sum: numbers.reduce((sum, one) => sum + one, 0) });
  });
  return app;
}

export const serveApp = (stack: Stack, port: number): Server =>
  stack.http.createServer(makeApp()).listen(port);

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  serveApp(createStack({ device: tun, address: '10.83.0.2/24' }), 80);
  console.log('try: curl http://10.83.0.2/hello/you');
}
