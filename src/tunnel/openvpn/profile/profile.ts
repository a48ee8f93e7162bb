/**
 * What an OpenVPN profile says, as a plain record. `directives.ts` fills it, option by option.
 * @module
 */
import type { CertificateRules } from '../certificate.ts';
import type { Route } from '../push.ts';
import type { KeyDirection } from '../wrap/tls-auth.ts';

/** A server to try. */
export interface Remote {
  readonly host: string;
  readonly port: number;
  readonly isStream: boolean;
  /** 0: either. */
  readonly family: 0 | 4 | 6;
}

/** A place where `remote` may leave what it does not say to `proto` and `port`. */
export interface RemoteWords {
  readonly host: string;
  readonly port: number | undefined;
  readonly proto: string | undefined;
  readonly line: number;
}

/** Times in seconds, as in the file. */
export interface Profile {
  mode: 'client' | 'server' | undefined;
  pulls: boolean;
  readonly remotes: RemoteWords[];
  isRandom: boolean;
  proto: string;
  port: number | undefined;
  localPort: number | undefined;
  localAddress: string | undefined;
  float: boolean;
  device: string | undefined;
  mtu: number;
  mssfix: number;
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
  extraCerts: string | undefined;
  pkcs12: Uint8Array | undefined;
  passphrase: string | undefined;
  /** The passphrase is asked for. */
  asksPassphrase: boolean;
  crl: string | undefined;
  dh: string | undefined;
  rules: CertificateRules;
  tlsMin: 'TLSv1.2' | 'TLSv1.3';
  tlsMax: 'TLSv1.2' | 'TLSv1.3';
  tlsCiphers: string | undefined;
  tlsSuites: string | undefined;
  tlsGroups: string | undefined;
  /** OpenSSL's security level, by `tls-cert-profile`. */
  securityLevel: number | undefined;
  wrap:
    | { readonly kind: 'auth' | 'crypt' | 'crypt-v2'; readonly text: string; readonly line: number }
    | undefined;
  direction: KeyDirection;
  digest: string;
  ciphers: string[];
  user: string | undefined;
  password: string | undefined;
  /** `auth-user-pass` without a file: whoever uses the profile says who. */
  asksUser: boolean;
  retryAuth: boolean;
  handWindow: number;
  tranWindow: number;
  renegAfter: number;
  renegBytes: number;
  renegPackets: number;
  ping: number;
  pingRestart: number | undefined;
  pingExit: number;
  exitNotify: boolean;
  retryWait: number;
  retryMostWait: number;
  retryMost: number;
  address: string | undefined;
  address6: string | undefined;
  gateway: string | undefined;
  topology: 'subnet' | 'net30' | 'p2p' | undefined;
  readonly routes: Route[];
  readonly dns: string[];
  readonly search: string[];
  redirect: readonly string[] | undefined;
  ignoreRoutes: boolean;
  readonly filters: { readonly action: 'accept' | 'ignore' | 'reject'; readonly text: string }[];
  readonly info: string[];
  /** Server. */
  network: string | undefined;
  network6: string | undefined;
  range: readonly [string, string] | undefined;
  readonly push: string[];
  clientToClient: boolean;
  duplicates: boolean;
  maxClients: number;
  clientCertificate: 'require' | 'optional' | 'none';
  userIsName: boolean;
  maxAnswers: number;
  /** One line each: what the profile asks that is not there, or is without effect. */
  readonly notes: string[];
}

export const emptyProfile = (): Profile => ({
  mode: undefined,
  pulls: false,
  remotes: [],
  isRandom: false,
  proto: 'udp',
  port: undefined,
  localPort: undefined,
  localAddress: undefined,
  float: false,
  device: undefined,
  mtu: 1500,
  mssfix: 1492,
  ca: undefined,
  cert: undefined,
  key: undefined,
  extraCerts: undefined,
  pkcs12: undefined,
  passphrase: undefined,
  asksPassphrase: false,
  crl: undefined,
  dh: undefined,
  rules: {},
  tlsMin: 'TLSv1.2',
  tlsMax: 'TLSv1.3',
  tlsCiphers: undefined,
  tlsSuites: undefined,
  tlsGroups: undefined,
  securityLevel: undefined,
  wrap: undefined,
  direction: undefined,
  digest: 'SHA1',
  ciphers: ['AES-256-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'],
  user: undefined,
  password: undefined,
  asksUser: false,
  retryAuth: false,
  handWindow: 60,
  tranWindow: 3600,
  renegAfter: 3600,
  renegBytes: 0,
  renegPackets: 0,
  ping: 0,
  pingRestart: undefined,
  pingExit: 0,
  exitNotify: false,
  retryWait: 1,
  retryMostWait: 300,
  retryMost: 0,
  address: undefined,
  address6: undefined,
  gateway: undefined,
  topology: undefined,
  routes: [],
  dns: [],
  search: [],
  redirect: undefined,
  ignoreRoutes: false,
  filters: [],
  info: [],
  network: undefined,
  network6: undefined,
  range: undefined,
  push: [],
  clientToClient: false,
  duplicates: false,
  maxClients: 1024,
  clientCertificate: 'require',
  userIsName: false,
  maxAnswers: 100,
  notes: [],
});
