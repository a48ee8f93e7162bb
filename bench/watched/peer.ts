/**
 * The two processes beside a watched stack, named by the first word: `kernel ADDRESS`, which takes what comes on port 9
 * and sends without end on port 19, over the sockets of this host; and `reader URL [open]`, who has the page open, and the
 * first connection on it.
 * @module
 */
import { get } from 'node:http';
import { createServer, type Socket } from 'node:net';

const PIECE = Buffer.alloc(65_536);

function kernel(address: string): void {
  const serve = (port: number, connected: (socket: Socket) => void): Promise<void> =>
    new Promise((listening) => {
      createServer((socket) => connected(socket.on('error', () => {}))).listen(
        port,
        address,
        listening,
      );
    });
  const pour = (socket: Socket): void => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(PIECE));
    };
    socket.on('drain', more);
    more();
  };
  void Promise.all([serve(9, (socket) => socket.resume()), serve(19, pour)]).then(() =>
    process.send?.('ready'),
  );
}

function reader(url: string, isOpening: boolean): void {
  get(`${url}v1/live`, { agent: false }, (response) => {
    let text = '';
    const look = (told: string): void => {
      text += told;
      const stream = /"stream":"(\w+)"/.exec(text)?.[1];
      const row = /"rows":\[\[(\d+),/.exec(text)?.[1];
      if (stream === undefined || row === undefined) return;
      response.off('data', look);
      response.resume();
      const opened = isOpening
        ? fetch(`${url}v1/view?stream=${stream}&open=${row}`)
        : Promise.resolve();
      void opened.then(() => process.send?.('ready'));
    };
    response.setEncoding('utf8').on('data', look);
  });
}

const [role = '', place = '', word] = process.argv.slice(2);
if (role === 'kernel') kernel(place);
else reader(place, word === 'open');
