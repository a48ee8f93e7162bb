/**
 * `net.Socket` of a program that runs on a stack: a socket of the stack's, unless it is made for a
 * descriptor or a handle, or is connected to a path. Those are the kernel's.
 *
 * Node documentation: "Class: net.Socket".
 * @module
 */

import type * as net from 'node:net';
import type { Net, SocketClass } from '../index.ts';
import { makeSocketsOf, type SocketMaker } from '../stack/api/net/net.ts';
import { asWritten } from '../stack/api/net/options.ts';
import { connectsToPath, wrapsHandle } from './kernel.ts';

type Done = (error?: Error | null) => void;

/** Where a path leads is known only when the socket is connected: then Node's own works for ours. */
function makeEither(stack: Net, Native: typeof net.Socket): SocketMaker {
  class Either extends stack.Socket {
    #local: net.Socket | undefined;

    override connect(...given: unknown[]): this {
      const args = asWritten(given);
      if (!connectsToPath(args)) return super.connect(...(args as [net.SocketConnectOpts]));
      const callback = args.at(-1);
      if (typeof callback === 'function') this.once('connect', callback as () => void);
      const [first] = args;
      const options = typeof first === 'object' ? first : { path: first };
      this.connecting = true;
      this.#local = this.#follow(new Native({ allowHalfOpen: true }));
      this.#local.connect(options as net.IpcSocketConnectOpts);
      return this;
    }

    #follow(local: net.Socket): net.Socket {
      local.on('connect', () => {
        this.connecting = false;
        this.emit('connect');
        this.emit('ready');
        this.read(0);
      });
      local.on('data', (chunk) => {
        this._stackIdle.touch();
        if (!this.push(chunk)) local.pause();
      });
      local.on('end', () => {
        this.push(null);
        this.read(0);
      });
      local.on('error', (error) => this.destroy(error));
      local.on('close', () => this.destroy());
      return local.pause();
    }

    override get _handle(): object | null | undefined {
      if (!this._stackPath) return super._handle;
      return (this._stackPath as { _handle?: object | null })._handle;
    }

    override set _handle(value: unknown) {
      super._handle = value;
    }

    /** Node's socket, if it was connected to a path. One that is still being made may read already. */
    private get _stackPath(): net.Socket | undefined {
      return #local in this ? this.#local : undefined;
    }

    override get pending(): boolean {
      return this._stackPath ? this._stackPath.pending : super.pending;
    }

    override _read(size: number): void {
      if (this._stackPath) this._stackPath.resume();
      else super._read(size);
    }

    override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
      if (this._stackPath) {
        this._stackIdle.touch();
        this._stackPath.write(chunk, encoding, done);
      } else super._write(chunk, encoding, done);
    }

    override _writev(chunks: { chunk: Buffer }[], done: Done): void {
      if (this._stackPath)
        this._stackPath.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
      else super._writev(chunks, done);
    }

    override _final(done: Done): void {
      if (this._stackPath) this._stackPath.end(done);
      else super._final(done);
    }

    override _destroy(error: Error | null, done: Done): void {
      this._stackPath?.destroy();
      super._destroy(error, done);
    }

    override ref(): this {
      this._stackPath?.ref();
      return super.ref();
    }

    override unref(): this {
      this._stackPath?.unref();
      return super.unref();
    }
  }
  // All that the stack makes are of it: what a tracer puts on the prototype is on all of them.
  makeSocketsOf(stack, Either);
  return Either;
}

/**
 * What takes the place of `net.Socket`. Node calls it, too: for pipes to child processes, for standard
 * output, and to begin objects of its own classes (TLS, terminals), which extend the native one.
 */
export function makeSocketClass(stack: Net, Native: typeof net.Socket): SocketClass {
  const Either = makeEither(stack, Native);
  const make = (options: object | undefined, target: unknown): object => {
    const Class = wrapsHandle(options) ? Native : Either;
    const proto = target === Socket ? Class : target;
    return Reflect.construct(Class, [options], proto as new () => object);
  };
  const Socket = function Socket(this: unknown, options?: object): object {
    if (new.target) return make(options, new.target);
    // Node's own classes begin their objects so.
    if (this instanceof Native && !(this instanceof stack.Socket))
      return Reflect.apply(Native, this, [options]) ?? this;
    return make(options, Socket);
  };
  Socket.prototype = Either.prototype;
  Object.setPrototypeOf(Socket, Native);
  Object.defineProperty(Socket, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // Classes that extend this one inherit this function.
      if (this === Socket) return value instanceof Native;
      return Function.prototype[Symbol.hasInstance].call(this, value);
    },
  });
  return Socket as unknown as SocketClass;
}
