// A program of Node's documentation: it knows nothing of any stack but the kernel's.
const http = require('node:http');

const server = http.createServer((req, res) => {
  res.end(`hello ${req.socket.remoteAddress}`);
  if (req.url === '/stop') server.close();
});
server.listen(80, () => console.log(`port ${server.address().port}`));
