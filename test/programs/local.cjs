// What stays with the kernel: paths, pipes to children, terminals. `node local.cjs /path`.
const { spawn } = require('node:child_process');
const http = require('node:http');
const net = require('node:net');
const tty = require('node:tty');

const path = process.argv[2];
const say = (name) => (text) => console.log(name, String(text));

const server = net.createServer((socket) => socket.end(`by path ${socket instanceof net.Socket}`));
server.listen(path, () => {
  let open = 3;
  const done = () => {
    if (--open === 0) web();
  };
  net.connect(path).on('data', say('connect')).on('close', done);
  net.createConnection({ path }).on('data', say('createConnection')).on('close', done);
  const socket = new net.Socket();
  socket.connect(path, () => console.log('connected', socket.pending, socket.readyState));
  socket
    .on('data', say('Socket'))
    .on('close', done)
    .on('end', () => console.log('end'));
});

function web() {
  server.close();
  const app = http.createServer((req, res) => res.end(`${req.method} by path`));
  app.listen(`${path}2`, () => {
    http.get({ socketPath: `${path}2`, agent: false }, (res) => {
      res.on('data', say('http'));
      res.on('end', () => app.close(child));
    });
  });
}

function child() {
  const cat = spawn('cat');
  cat.stdout.on('data', say('child'));
  cat.stdin.end('through pipes');
  cat.on('close', () => {
    console.log('tty', tty.ReadStream.prototype instanceof net.Socket);
    const again = spawn(process.execPath, [...process.execArgv, '-p', '1 + 1']);
    again.stderr.on('data', say('error'));
    again.stdout.on('data', say('node'));
  });
}
