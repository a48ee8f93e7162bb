/**
 * What listens on the kernel although the program was put on a stack: worker threads, children that inherit
 * the environment, and servers that `node:cluster` opens for its workers. A program that is meant to be
 * isolated must hear of it, and may forbid it: `TUNSTACK_KERNEL`.
 *
 * Node documentation: "process.emitWarning()"; "Cluster", "How it works".
 * @module
 */
import dgram from 'node:dgram';
import net from 'node:net';
import { systemError } from '../stack/api/door/errors.ts';
import { listensElsewhere } from './kernel.ts';

/** What is done about it: nothing, a warning for the first, or an error for each. */
export type Outside = 'allow' | 'warn' | 'refuse';

/** Asked before something listens on the kernel. */
export class Guard {
  readonly #outside: Outside;
  readonly #who: string;
  #warned = false;

  /** `who` listens, as the warning calls it. */
  constructor(outside: Outside, who: string) {
    this.#outside = outside;
    this.#who = who;
  }

  /** The error that is to come of it; undefined lets it listen. */
  ask(syscall: 'listen' | 'bind'): Error | undefined {
    if (this.#outside === 'refuse') return systemError('EPERM', syscall);
    if (this.#outside === 'warn' && !this.#warned) {
      this.#warned = true;
      const message =
        `${this.#who} listens on the addresses of the kernel: tunstack/register has put only the main ` +
        'thread of one process on a stack (TUNSTACK_KERNEL=refuse forbids it, allow says nothing)';
      process.emitWarning(message, { code: 'TUNSTACK_KERNEL' });
    }
    return undefined;
  }
}

type Method<Target> = (this: Target, ...args: unknown[]) => unknown;

/** Put `guard` before all that listens in a process or thread that has no stack. */
export function watch(guard: Guard): void {
  const { listen } = net.Server.prototype as unknown as { listen: Method<net.Server> };
  net.Server.prototype.listen = function watched(this: net.Server, ...args: unknown[]): net.Server {
    const error = listensElsewhere(args) ? undefined : guard.ask('listen');
    if (error) process.nextTick(() => this.emit('error', error));
    else listen.apply(this, args);
    return this;
  } as typeof net.Server.prototype.listen;

  const { bind } = dgram.Socket.prototype as unknown as { bind: Method<dgram.Socket> };
  dgram.Socket.prototype.bind = function watched(this: dgram.Socket, ...args: unknown[]) {
    // Node itself binds who only sends; it says so by a callback that is null.
    const error = args[1] === null ? undefined : guard.ask('bind');
    if (error) process.nextTick(() => this.emit('error', error));
    else bind.apply(this, args);
    return this;
  } as typeof dgram.Socket.prototype.bind;
}
