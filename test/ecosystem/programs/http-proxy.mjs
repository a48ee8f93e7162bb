/** http-proxy: requests and WebSockets through a proxy, which is the stack's; the target is behind it. */
import * as http from 'node:http';
import httpProxy from 'http-proxy';
import * as express from './express.mjs';
import * as ws from './ws.mjs';

export async function serve(port, stack) {
  await express.serve(port + 1, stack);
  await ws.serve(port + 2, stack);
  const agent = stack ? stack.agent() : new http.Agent();
  const to = (target) => httpProxy.createProxyServer({ target, agent });
  const [web, sockets] = [to(`http://localhost:${port + 1}`), to(`http://localhost:${port + 2}`)];
  const server = (stack?.http ?? http).createServer((request, response) =>
    web.web(request, response),
  );
  server.on('upgrade', (request, socket, head) => sockets.ws(request, socket, head));
  await new Promise((done) => server.listen(port, done));
}

export async function call(host, port, stack) {
  await express.call(host, port, stack);
  await ws.call(host, port, stack);
}
