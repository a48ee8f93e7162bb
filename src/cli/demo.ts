/**
 * A short demonstration of a stack that serves: ping, an echo over TCP and UDP, and the page.
 *
 * What `npm start` shows where there is nobody else to try the stack out. The client is whoever
 * brings `net` and `dgram`: the kernel's sockets by Node's own modules, or another stack.
 * @module
 */
import { type EventEmitter, once } from 'node:events';
import { type ClientRequestArgs, request } from 'node:http';
import type { Duplex } from 'node:stream';

/** The client's side of the demonstration. */
export interface Client {
  readonly net: { connect(options: { port: number; host: string }): Duplex };
  readonly dgram: { createSocket(type: 'udp4'): ClientDatagrams };
  /** Round trips of `count` pings in milliseconds, one an answer; or why there are none. */
  ping(address: string, count: number): Promise<readonly number[] | string>;
}

/** What is needed of a socket of `node:dgram`'s kind. */
export interface ClientDatagrams extends EventEmitter {
  send(message: Uint8Array, port: number, address: string): unknown;
  close(): unknown;
}

export interface DemoOptions {
  readonly client: Client;
  /** Where the stack serves. */
  readonly address: string;
  readonly ports: { readonly echo: number; readonly page: number; readonly udpEcho: number };
  /** Gets each line. */
  readonly say: (line: string) => void;
  /** Milliseconds, to tell how long things took. */
  readonly now: () => number;
}

const PINGS = 5;
const ECHO_BYTES = 10 << 20;
const DATAGRAMS = 100;
const PATIENCE = 20_000; // milliseconds for one step

/** Settles as `work` does, or fails when that takes too long. */
async function soon<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE / 1000} s`)), PATIENCE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function ping(o: DemoOptions): Promise<string> {
  const trips = await o.client.ping(o.address, PINGS);
  if (typeof trips === 'string') return trips;
  if (trips.length < PINGS) throw new Error(`${trips.length} of ${PINGS} answered`);
  const mean = trips.reduce((sum, trip) => sum + trip, 0) / trips.length;
  return `${trips.length} of ${PINGS} answered, ${mean.toFixed(3)} ms on average`;
}

/** Sends a pattern, and compares what comes back with it. */
async function tcpEcho(o: DemoOptions): Promise<string> {
  const started = o.now();
  const sent = Buffer.alloc(ECHO_BYTES);
  for (let i = 0; i < sent.length; i += 4) sent.writeInt32LE(Math.imul(i, 0x9e3779b1), i);
  const socket = o.client.net.connect({ port: o.ports.echo, host: o.address });
  socket.end(sent);
  let at = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    if (!piece.equals(sent.subarray(at, at + piece.length))) {
      throw new Error(`what came back differs after byte ${at}`);
    }
    at += piece.length;
  }
  if (at !== sent.length) throw new Error(`${at} of ${sent.length} bytes came back`);
  return `${ECHO_BYTES >> 20} MiB came back identical in ${(o.now() - started).toFixed(0)} ms`;
}

async function udpEcho(o: DemoOptions): Promise<string> {
  const socket = o.client.dgram.createSocket('udp4');
  try {
    for (let i = 0; i < DATAGRAMS; i++) {
      const sent = Buffer.alloc(i, i);
      const answer = once(socket, 'message');
      socket.send(sent, o.ports.udpEcho, o.address);
      if (!sent.equals((await answer)[0])) throw new Error(`datagram ${i} came back different`);
    }
  } finally {
    socket.close();
  }
  return `${DATAGRAMS} datagrams came back identical`;
}

async function page(o: DemoOptions): Promise<string> {
  const args: ClientRequestArgs = {
    path: '/',
    headers: { host: o.address, connection: 'close' },
    createConnection: () => o.client.net.connect({ port: o.ports.page, host: o.address }),
  };
  return new Promise((resolve, reject) => {
    const asked = request(args, async (response) => {
      try {
        let text = '';
        for await (const piece of response.setEncoding('utf8')) text += piece;
        const title = /<title>(.*)<\/title>/.exec(text)?.[1];
        if (response.statusCode !== 200 || title === undefined) {
          throw new Error(`status ${response.statusCode}, ${text.length} characters`);
        }
        resolve(`200 OK, "${title}", ${Buffer.byteLength(text)} bytes`);
      } catch (error) {
        reject(error);
      }
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Show all of it; false if any of it failed. */
export async function demonstrate(options: DemoOptions): Promise<boolean> {
  let good = true;
  const steps = [
    ['ping', ping],
    ['tcp echo', tcpEcho],
    ['udp echo', udpEcho],
    ['http', page],
  ] as const;
  for (const [name, step] of steps) {
    const label = `  ${name.padEnd(9)} `;
    try {
      options.say(label + (await soon(step(options))));
    } catch (error) {
      good = false;
      options.say(`${label}failed: ${(error as Error).message}`);
    }
  }
  return good;
}
