/**
 * How a client and a server are set up, and what they tell their owner. `profile/` makes them of files.
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import type { Pushed } from './push.ts';
import type { Candidate, Instance, Verdict } from './server/instance.ts';
import type { PoolSettings } from './server/pool.ts';
import type { ControlSettings } from './session/terms.ts';

/** Times in seconds; what is pushed replaces them where a server may. */
export interface ClientSettings {
  readonly control: Omit<ControlSettings, 'role' | 'fields' | 'time'>;
  /** Who is tried, in turn; the first again after the last. */
  readonly remotes: readonly Endpoint[];
  /** Answers from elsewhere count too, once they are authentic. */
  readonly float: boolean;
  /** Datagrams keep their bounds: exits are notified. */
  readonly isStream: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Other ciphers are not offered. */
  readonly ciphers: readonly string[];
  /** Lines of peer info beside those of the protocol. */
  readonly info: readonly string[];
  readonly mtu: number;
  /** The longest packet outside, with IP and UDP; 0: segment sizes inside are left as they are. */
  readonly mssfix: number;
  readonly ping: number;
  readonly pingRestart: number;
  readonly pingExit: number;
  readonly exitNotify: boolean;
  readonly retryWait: number;
  readonly retryMostWait: number;
  /** Attempts until it gives up; 0: never. */
  readonly retryMost: number;
  /** Try again after the server has refused user and password. */
  readonly retryAuth: boolean;
  /** What of the push counts: false leaves an option out, a text refuses all of it. */
  readonly filter?: ((option: string) => boolean | string) | undefined;
  /** Routes and name servers that are pushed do not count. */
  readonly ignoreRoutes: boolean;
  /** Without `pull`: the network is what the profile says. */
  readonly pulls: boolean;
  /** Seconds since 1970. */
  time(): number;
}

/** What a client tells its owner; each from within a call of it. */
export interface ClientUser {
  /** The tunnel is up, and this is the network; said again after each new connection. */
  up(network: Pushed, tls: string): void;
  /** It is down, and is tried again. */
  down(reason: string): void;
  /** It is over: nothing more is tried. */
  ended(reason: string): void;
  /** A line that people should see. */
  note(text: string): void;
  /** A connection is begun: a stream must be made anew. */
  connecting(to: Endpoint): void;
  /** Call `expire` soon: TLS has something. */
  wake(): void;
}

/** Times in seconds. */
export interface ServerSettings {
  readonly control: Omit<ControlSettings, 'role' | 'fields' | 'time' | 'isV2'>;
  readonly pool: PoolSettings;
  /** Options for all, as in a profile after `push`. */
  readonly push: readonly string[];
  readonly ciphers: readonly string[];
  readonly mtu: number;
  /** The longest packet outside, with IP and UDP; 0: segment sizes inside are left as they are. */
  readonly mssfix: number;
  readonly isStream: boolean;
  readonly ping: number;
  /** A client that is silent for so long is forgotten; 0: never. */
  readonly pingRestart: number;
  readonly clientToClient: boolean;
  /** Several may have the same name. */
  readonly duplicates: boolean;
  readonly maxClients: number;
  /** Sessions that are not let in yet, at most. */
  readonly maxHandshakes: number;
  /** Resets answered in ten seconds. */
  readonly maxAnswers: number;
  /** Names are the users', not the certificates'. */
  readonly userIsName: boolean;
  /** Whether who is there may in; all whom TLS has let through, if it is not given. */
  readonly authorize?: ((who: Candidate) => Verdict | Promise<Verdict>) | undefined;
  /** Seconds since 1970. */
  time(): number;
}

/** What a server tells its owner, each from within a call of it. */
export interface ServerUser {
  joined(client: Instance): void;
  left(client: Instance, reason: string): void;
  /** Somebody was not let in. */
  refused(from: Endpoint, reason: string): void;
  /** Call `expire` soon. */
  wake(): void;
  /** A stream's other end is of no use any more. */
  hangUp(from: Endpoint): void;
}
