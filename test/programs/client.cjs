// Clients of every kind: `node client.cjs http://... https://... ca.pem`.
const { readFileSync } = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');

const [plain, secure, file] = process.argv.slice(2);
const ca = readFileSync(file);
const { hostname: host, port } = new URL(plain);
const securePort = new URL(secure).port;

async function text(stream) {
  let all = '';
  for await (const piece of stream) all += piece;
  return all;
}

const got = (module, url, options) =>
  new Promise((done, fail) => {
    module.get(url, options, (response) => text(response).then(done)).on('error', fail);
  });

async function main() {
  console.log('http', await got(http, plain, {}));
  console.log('agent', await got(http, plain, { agent: new http.Agent({ keepAlive: true }) }));
  console.log('fetch', await (await fetch(plain)).text());
  console.log('https', await got(https, secure, { ca }));
  const session = http2.connect(plain.replace(port, Number(port) + 1));
  const stream = session.request({ ':path': '/' });
  console.log('http2', await text(stream), session.socket.remoteAddress);
  session.close();
  const raw = new net.Socket().connect(Number(port), host);
  raw.write('GET / HTTP/1.0\r\n\r\n');
  console.log('net', (await text(raw)).split('\r\n\r\n')[1]);
  const over = tls.connect({ host, port: Number(securePort), ca }, () => {
    console.log('connected', over.remoteAddress, over.authorized);
  });
  over.write('GET / HTTP/1.0\r\n\r\n');
  console.log('tls', (await text(over)).split('\r\n\r\n')[1]);
  const put = new tls.TLSSocket(net.connect(Number(securePort), host), { ca });
  put.write('GET / HTTP/1.0\r\n\r\n');
  console.log('TLSSocket', (await text(put)).split('\r\n\r\n')[1]);
}

main();
