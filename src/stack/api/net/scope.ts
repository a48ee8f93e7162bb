/**
 * The asynchronous context that listeners run in. Node gives each handle of the kernel's a resource of its own:
 * a listening server, a connection, the attempt to open one, a write that waits. Whoever follows a request
 * through a program (`AsyncLocalStorage`, `async_hooks`) relies on who has which, and on that one connection
 * knows nothing of another's.
 *
 * Node documentation: "Asynchronous context tracking", "async_hooks", `type` and `triggerAsyncId`.
 * @module
 */
import { AsyncResource } from 'node:async_hooks';

/** Node's names for what it makes such resources of. */
export type ScopeType = 'TCPSERVERWRAP' | 'TCPWRAP' | 'TCPCONNECTWRAP' | 'WRITEWRAP';

/** Made with the program, before anybody's context: in it is made what nobody's call has led to. */
const NOBODYS = new AsyncResource('TCPWRAP');

/** A resource in the context of who calls; `cause`: what it belongs to. */
export const makeScope = (type: ScopeType, cause?: AsyncResource): AsyncResource =>
  new AsyncResource(type, cause && { triggerAsyncId: cause.asyncId() });

/** That of a connection which came from outside: its context is its own, and empty at first. */
export const makeAcceptedScope = (server: AsyncResource | undefined): AsyncResource =>
  NOBODYS.runInAsyncScope(makeScope, undefined, 'TCPWRAP', server);
