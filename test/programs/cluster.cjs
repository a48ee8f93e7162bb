// A primary process and a worker, which gets its connections from it.
const cluster = require('node:cluster');
const http = require('node:http');

if (cluster.isPrimary) cluster.fork();
else {
  const server = http.createServer((req, res) => {
    res.end(`worker ${req.socket.remoteAddress}`);
  });
  server.listen(8089, '127.0.0.1', () => {
    http.get({ port: 8089, host: '127.0.0.1', agent: false }, (res) => {
      res.on('data', (text) => console.log(String(text)));
      res.on('end', () => cluster.worker.disconnect());
    });
  });
}
