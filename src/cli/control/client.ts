/**
 * To a running command by its control socket.
 * @module
 */
import { get, type IncomingMessage } from 'node:http';
import { controlFolders, running } from './place.ts';

/** Which command is meant: its process's number, or the path of its socket; undefined: the only one. */
export interface Target {
  readonly pid?: number;
  readonly control?: string;
}

/** The socket that is meant. Rejects with the numbers of those that run where it is not clear. */
export async function findControl(
  { pid, control }: Target,
  folders: readonly string[] = controlFolders(),
): Promise<string> {
  if (control !== undefined) return control;
  const alive = await running(folders);
  const [only] = alive.values();
  if (pid !== undefined) {
    const socket = alive.get(pid);
    if (socket !== undefined) return socket;
    throw new Error(`no tunstack of yours has the process number ${pid}${others(alive)}`);
  }
  if (only === undefined) throw new Error('no tunstack of yours is running: start one first');
  if (alive.size === 1) return only;
  throw new Error(`which one is meant? Give --pid${others(alive)}`);
}

const others = (alive: ReadonlyMap<number, string>): string =>
  alive.size === 0
    ? ''
    : `: there ${alive.size > 1 ? 'are' : 'is'} ${[...alive.keys()].join(', ')}`;

/** What stands at `path`. Rejects with one clear line. */
export async function ask<T>(socket: string, path: string): Promise<T> {
  const response = await open(socket, path);
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) text += part;
  return JSON.parse(text) as T;
}

/** The stream that `path` gives, once it is granted. */
export function open(socket: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get({ socketPath: socket, path, agent: false }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else void refused(response).then(reject);
    });
    request.on('error', (error: NodeJS.ErrnoException) => reject(new Error(why(error, socket))));
  });
}

/** How long what was gathered for a stream may take to come once no more is wanted, in milliseconds. */
const LAST_MILLIS = 2000;

/** Say that no more of `stream` is wanted; what is on its way still comes, and then its end. */
export function finish(stream: IncomingMessage): void {
  stream.socket.end();
  setTimeout(() => stream.destroy(), LAST_MILLIS).unref();
}

async function refused(response: IncomingMessage): Promise<Error> {
  const text = Buffer.concat(await response.toArray()).toString();
  try {
    return new Error((JSON.parse(text) as { error: string }).error);
  } catch {
    return new Error(`it answered ${response.statusCode}`);
  }
}

function why({ code, message }: NodeJS.ErrnoException, socket: string): string {
  switch (code) {
    case 'ENOENT':
      return `there is no control socket ${socket}`;
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EPIPE':
      return `the tunstack behind ${socket} has ended`;
    case 'EACCES':
      return `${socket} belongs to somebody else`;
    default:
      return message;
  }
}
