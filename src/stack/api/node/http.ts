/**
 * `stack.http` and `stack.https`: what `node:http` and `node:https` export, with servers, agents and
 * requests of this stack. What brings an agent or a `createConnection` of its own goes where that leads.
 *
 * Node documentation: "HTTP", "HTTPS".
 * @module
 */
import type * as http from 'node:http';
import type * as https from 'node:https';
import type { NetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { callable, overlay } from '../door/overlay.ts';
import type { Net } from '../net/net.ts';
import type { Carrier } from './carry.ts';
import { plainOptions } from './tls.ts';
import { secureOver } from './wrapped.ts';

/** The module's exports; those that make connections or take them are the stack's. */
export type Http = typeof http;
/** The module's exports; those that make connections or take them are the stack's. */
export type Https = typeof https;

/** As Node's own global agents. */
const GLOBAL_AGENT = { keepAlive: true, scheduling: 'lifo', timeout: 5000 } as const;

/** What is asked of an agent for one request. */
type AgentCall = { host?: string; port?: number | string; timeout?: number };
type Created = (error: Error | null, socket: Duplex) => void;

/** A class of agents, and the one that is used where none is named. */
interface Agents {
  readonly Agent: new () => http.Agent;
  readonly globalAgent: () => http.Agent;
}

const isUrl = (value: unknown): boolean => {
  if (typeof value === 'string') return true;
  const { href, protocol, path } = (value ?? {}) as Record<string, unknown>;
  return Boolean(href && protocol) && path === undefined;
};

/** The arguments of `request` with an agent of the stack's where they name none. */
function withAgent(args: readonly unknown[], { Agent, globalAgent }: Agents): unknown[] {
  const url = isUrl(args[0]) ? [args[0]] : [];
  const given = args[url.length];
  const callback = args.findLast((value) => typeof value === 'function');
  const options = typeof given === 'function' ? {} : { ...(given as http.RequestOptions) };
  const { agent, createConnection } = options;
  if (agent === false) options.agent = new Agent();
  else if (!agent && !createConnection) options.agent = globalAgent();
  return [...url, options, callback];
}

/** `request` and `get` of one of the two modules. */
function makeRequests(
  native: Pick<Http, 'request'>,
  agents: Agents,
): { request: Http['request']; get: Http['get'] } {
  const request = (...args: unknown[]): http.ClientRequest =>
    native.request(...(withAgent(args, agents) as Parameters<Http['request']>));
  const get = (...args: unknown[]): http.ClientRequest => {
    const made = request(...args);
    made.end();
    return made;
  };
  return { request, get } as { request: Http['request']; get: Http['get'] };
}

/** Make `stack.http`. */
export function makeHttp(net: Net, carrier: Carrier): Http {
  const native = process.getBuiltinModule('node:http');
  class Agent extends native.Agent {
    override createConnection(options: AgentCall, _created?: Created): Duplex {
      return net.connect(options as NetConnectOpts);
    }
  }
  class Server extends native.Server {
    constructor(...args: unknown[]) {
      super(...(args as [http.ServerOptions, http.RequestListener]));
      carrier.carry(this);
    }
  }
  const agents: Agents = { Agent, globalAgent: () => module.globalAgent };
  class ClientRequest extends native.ClientRequest {
    constructor(...args: unknown[]) {
      super(...(withAgent(args, agents) as [http.RequestOptions]));
    }
  }
  const module: Http = overlay(native, {
    Agent: callable(Agent),
    Server: callable(Server),
    ClientRequest: callable(ClientRequest),
    globalAgent: new Agent(GLOBAL_AGENT),
    createServer: (...args: unknown[]) => new Server(...args),
    ...makeRequests(native, agents),
    WebSocket: undefined, // Node's would connect by the kernel
  });
  return module;
}

/** Make `stack.https`. */
export function makeHttps(net: Net, carrier: Carrier): Https {
  const native = process.getBuiltinModule('node:https');
  class Agent extends native.Agent {
    override createConnection(options: AgentCall, created?: Created): Duplex | null | undefined {
      return secureOver(net, plainOptions(options), options.timeout, (raw) => {
        const socket = raw as unknown as Duplex;
        return super.createConnection({ ...options, socket } as AgentCall, created) as never;
      });
    }
  }
  class Server extends native.Server {
    constructor(...args: unknown[]) {
      super(...(args as [https.ServerOptions, http.RequestListener]));
      carrier.carry(this);
    }
  }
  const agents: Agents = { Agent, globalAgent: () => module.globalAgent };
  const module: Https = overlay(native, {
    Agent: callable(Agent),
    Server: callable(Server),
    globalAgent: new Agent(GLOBAL_AGENT),
    createServer: (...args: unknown[]) => new Server(...args),
    ...makeRequests(native, agents),
  });
  return module;
}
