/**
 * The order in which an engine of Node tells what it has read. One piece of text can be many events to it.
 * Where the kernel brings the text, Node runs ticks and microtasks after each; but not below a call of
 * JavaScript's, as is ours to the engine. So whoever tells the next event catches up first: between two
 * records or frames that is the handle, and within a record of TLS it is the streams of HTTP/2, which have their
 * `response` from a tick.
 *
 * Node documentation: "The Node.js Event Loop", `process.nextTick()`; http2, event `response`.
 * @module
 */
import { Duplex } from 'node:stream';

/** True while an engine reads what it was given, and nothing of the program runs. */
let giving = false;
let isKept = false;

/** Run what waits for the end of the callback that Node would have ended here. */
export function catchUp(): void {
  const before = giving;
  giving = false;
  try {
    (process as { _tickCallback?: () => void })._tickCallback?.();
  } finally {
    giving = before;
  }
}

/** Call `read`, which gives text to an engine. */
export function giveTo(read: () => void): void {
  const before = giving;
  giving = true;
  try {
    read();
  } finally {
    giving = before;
  }
}

/** Let streams of HTTP/2 keep the order from now on, if that is loaded: once for all. */
export function keepOrder(): void {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] };
  if (isKept || moduleLoadList?.includes('NativeModule internal/http2/core') === false) return;
  isKept = true;
  const prototype = findPrototype();
  const { push } = prototype;
  prototype.push = function pushInOrder(this: Duplex, chunk: unknown, encoding?: BufferEncoding) {
    // The end is told from within functions of Node's that expect nothing else to happen meanwhile.
    if (!giving || chunk === null) return push.call(this, chunk, encoding);
    catchUp();
    if (this.destroyed) return false; // by what it has just been told
    giving = false; // listeners run now
    try {
      return push.call(this, chunk, encoding);
    } finally {
      giving = true;
    }
  };
}

/** The class of all streams of HTTP/2 is nowhere to be had but from one of them. */
function findPrototype(): Duplex {
  const { connect } = process.getBuiltinModule('node:http2');
  const nowhere = new Duplex({ read() {}, write() {} });
  const session = connect('http://localhost', { createConnection: () => nowhere });
  const stream = session.on('error', () => {}).request();
  stream.on('error', () => {});
  session.destroy();
  return Object.getPrototypeOf(Object.getPrototypeOf(stream)) as Duplex;
}
