/**
 * `node tls-client.js HOST PORT SECONDS send|recv`: one TLS stream from the kernel's side, as fast as it goes, by
 * Node's own sockets. Prints JSON as blast does: Gbit/s of text, bytes from the beginning, our CPU seconds.
 *
 * What is sent counts when it was given to the kernel, whose buffers hold a few MiB: as much when the clock starts
 * as when it stops.
 * @module
 */
import { connect } from 'node:tls';
import { CIPHER } from './programs.ts';
import { source } from './services.ts';

/** In ms: until the window is open and the code compiled. */
const WARM = 400;

const [host = '', port = '', seconds = '1', verb = 'recv'] = process.argv.slice(2);

const socket = connect({
  host,
  port: Number(port),
  rejectUnauthorized: false, // the certificate is everybody's
  ciphers: CIPHER,
});
socket.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
let received = 0;
socket.once('secureConnect', () => {
  if (verb === 'send') source(socket);
  else
    socket.on('data', (part) => {
      received += part.length;
    });
  setTimeout(begin, WARM);
});

const progress = (): number =>
  verb === 'send' ? socket.bytesWritten - socket.writableLength : received;

function begin(): void {
  const start = performance.now();
  const base = progress();
  setTimeout(() => {
    const took = (performance.now() - start) / 1000;
    const total = progress();
    const { user, system } = process.cpuUsage();
    const gbits = ((total - base) * 8) / 1e9 / took;
    console.log(JSON.stringify({ gbits, total, cpu: (user + system) / 1e6 }));
    process.exit(0);
  }, Number(seconds) * 1000);
}
