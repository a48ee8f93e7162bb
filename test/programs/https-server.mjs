// The same with TLS and HTTP/2, as a module: `node https-server.mjs key.pem cert.pem`.
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';

const [key, cert] = process.argv.slice(2).map((name) => readFileSync(name));
const server = createSecureServer({ key, cert, allowHTTP1: true }, (req, res) => {
  res.end(`HTTP/${req.httpVersion} for ${req.socket.remoteAddress}`);
});
server.listen(443, () => console.log('ready'));
