// TCP with named imports and with classes, and UDP.
import dgram from 'node:dgram';
import net, { connect, createServer, Socket } from 'node:net';

class Echo extends net.Server {
  constructor() {
    super((socket) => socket.pipe(socket));
  }
}

const udp = dgram.createSocket('udp4', (message, { port, address }) => {
  udp.send(message, port, address);
});
udp.bind(7, () => {
  new Echo().listen(7, () => {
    const server = createServer((socket) => {
      const upstream = connect(7, '127.0.0.1');
      socket.pipe(upstream).pipe(socket);
    });
    server.listen(8, () => console.log('ready', new Socket() instanceof net.Socket));
  });
});
