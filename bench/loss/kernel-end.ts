/**
 * The kernel's side of a link: a process in a network namespace that sends and receives by
 * `node:net`, and sets the namespace up.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { loadLibc } from '../../src/device/linux/libc.ts';
import { echo, endEcho, ping } from './echo-end.ts';
import { type Receive, serve, sharedMicros } from './protocol.ts';
import { ANSWER, type Points, Series, Turns } from './series.ts';
import { Priority, runFirst } from './system.ts';

/** Both namespaces alike: nothing but the link may be what limits a flow. */
const SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/tcp_rmem': '4096 131072 33554432',
  'net/ipv4/tcp_wmem': '4096 65536 33554432',
  'net/ipv4/tcp_no_metrics_save': '1',
  'net/ipv4/conf/all/rp_filter': '0',
  'net/ipv6/conf/all/disable_ipv6': '1',
  'net/ipv6/conf/default/disable_ipv6': '1',
};
/** Longer than any window: what is lost is lost on the link. */
const TUN_QUEUE = '10000';
const PIECE = new Uint8Array(128 * 1024);

export interface Configure {
  readonly device: string;
  /** With its prefix. */
  readonly address: string;
}
export interface Send extends Receive {
  /** The address to come from. */
  readonly from: string;
}

const servers = new Map<number, { server: Server; sockets: Socket[]; series: Series }>();
const senders = new Map<number, Socket>();

function setUp(): void {
  for (const [name, value] of Object.entries(SYSCTLS)) writeFileSync(`/proc/sys/${name}`, value);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
}

function configure({ device, address }: Configure): void {
  execFileSync('ip', ['address', 'add', address, 'dev', device]);
  execFileSync('ip', ['link', 'set', device, 'txqueuelen', TUN_QUEUE, 'up']);
  // The kernel's default may be another algorithm, and a namespace may not choose cubic as its own.
  const network = address.replace(/\d+\/24$/, '0/24');
  const words = ['proto', 'kernel', 'scope', 'link', 'src', address.replace('/24', '')];
  execFileSync('ip', ['route', 'replace', network, 'dev', device, ...words, 'congctl', 'cubic']);
}

function receive({ id, address, port, turn }: Receive): Promise<void> {
  const series = new Series();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const counts = new Turns(turn);
    if (turn !== undefined) socket.setNoDelay();
    socket.on('data', (data) => {
      series.add(data.length);
      for (let over = counts.add(data.length); over > 0; over--) socket.write(ANSWER);
    });
    socket.on('error', () => {}); // the end of a run resets it
  });
  servers.set(id, { server, sockets, series });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
}

/** What arrived; receives no more. */
function received(id: number): Points {
  const receiver = servers.get(id);
  if (receiver === undefined) throw new Error(`no receiver ${id}`);
  servers.delete(id);
  receiver.server.close();
  for (const socket of receiver.sockets) socket.resetAndDestroy();
  return receiver.series.points;
}

/** Connect and send without end, or turn by turn; gives when that began. */
function send({ id, address, port, from, turn }: Send): number {
  const socket = netConnect({ host: address, port, localAddress: from });
  const fill = (): void => {
    while (socket.write(PIECE)) {
      // until the kernel takes no more
    }
  };
  if (turn === undefined) {
    socket.on('connect', fill);
    socket.on('drain', fill);
  } else {
    const piece = PIECE.subarray(0, turn);
    socket.setNoDelay();
    socket.on('connect', () => socket.write(piece));
    socket.on('data', () => socket.write(piece));
  }
  socket.on('error', () => {});
  senders.set(id, socket);
  return sharedMicros();
}

/** Sends no more; gives what `ss` tells of the connection. */
function stop(id: number): string {
  const socket = senders.get(id);
  senders.delete(id);
  const port = String(socket?.localPort ?? 0);
  let told = '';
  try {
    told = execFileSync('ss', ['-tinH', 'sport', '=', `:${port}`], { encoding: 'utf8' });
  } catch {
    // not installed: nothing depends on it
  }
  socket?.resetAndDestroy();
  return told.replace(/\s+/g, ' ').trim();
}

runFirst(await loadLibc(), Priority.END);
serve({ setUp, configure, receive, received, send, stop, echo, endEcho, ping });
process.on('disconnect', () => process.exit());
