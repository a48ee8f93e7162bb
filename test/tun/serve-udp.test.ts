/**
 * `tunstack serve` over UDP, with the kernel's sockets as the client.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { tunTest } from './namespace.ts';
import { serve } from './serving.ts';

const LONGEST = 1472; // what an MTU of 1500 carries in one piece
const AT_ONCE = 64; // so many are on their way: less than any queue between both ends

tunTest('serve: 10 000 datagrams of 1 to 1472 bytes come back identical', async (t) => {
  const { address } = await serve(t);
  const socket = createSocket('udp4');
  socket.bind(0, '10.83.0.1');
  await once(socket, 'listening');
  socket.setRecvBufferSize(1 << 20);
  const waiting = new Map<string, number>();
  let sent = 0;
  let wrong = 0;
  const send = (): void => {
    const message = Buffer.alloc((sent % LONGEST) + 1, (sent * 2654435761) & 255);
    message.writeUIntBE(
      sent % 2 ** (8 * Math.min(message.length, 4)),
      0,
      Math.min(message.length, 4),
    );
    const text = message.toString('latin1');
    waiting.set(text, (waiting.get(text) ?? 0) + 1);
    socket.send(message, 7, address);
    sent++;
  };
  const done = new Promise<void>((resolve) => {
    let back = 0;
    socket.on('message', (message, from) => {
      const text = message.toString('latin1');
      const count = waiting.get(text) ?? 0;
      if (count === 0 || from.address !== address || from.port !== 7) wrong++;
      if (count > 1) waiting.set(text, count - 1);
      else waiting.delete(text);
      if (++back === 10_000) resolve();
      if (sent < 10_000) send();
    });
  });
  for (let i = 0; i < AT_ONCE; i++) send();
  await done;
  socket.close();
  t.is(wrong, 0);
  t.is(waiting.size, 0);
});

tunTest('serve: daytime and chargen answer a datagram', async (t) => {
  const { address } = await serve(t);
  const socket = createSocket('udp4');
  socket.send('', 13, address);
  const [time] = await once(socket, 'message');
  t.regex(time.toString(), /^[A-Z][a-z]+day, .*-UTC\r\n$/);
  socket.send('', 19, address);
  const [characters] = await once(socket, 'message');
  t.true(characters.length <= 512);
  socket.close();
});

tunTest('serve: a UDP port without a service is told to be closed', async (t) => {
  const { address } = await serve(t);
  const socket = createSocket('udp4');
  socket.connect(8, address);
  await once(socket, 'connect');
  socket.send('anybody?');
  const [error] = await once(socket, 'error');
  t.is(error.code, 'ECONNREFUSED');
  socket.close();
});
