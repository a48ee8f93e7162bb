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
  /** `client` (or `tls-client`) or `server` (or `tls-server`); undefined until one of these was read. */
  mode: 'client' | 'server' | undefined;
  /** `pull`, or `client`: take from the server what it pushes. */
  pulls: boolean;
  /** `remote`: servers, in the order in which they are tried. */
  readonly remotes: RemoteWords[];
  /** `remote-random`: in an order that chance gives. */
  isRandom: boolean;
  /** `proto`, for `remote` lines that name none: `udp`, `tcp-client`, `udp6` and so on. */
  proto: string;
  /** `port` or `rport`: 1 to 65 535; undefined: 1194. */
  port: number | undefined;
  /** `lport`, `port` or `nobind`: 0 to 65 535; 0: one that is free. */
  localPort: number | undefined;
  /** `local`: the address to bind; undefined: all. */
  localAddress: string | undefined;
  /** `float`: a peer may speak from another address, if what it says is authentic. */
  float: boolean;
  /** `dev`: what the interface is to be called. */
  device: string | undefined;
  /** `tun-mtu`: the longest IP packet in bytes, default 1500. */
  mtu: number;
  /** `mssfix`: bytes of a datagram with its IP header that TCP inside is held to; 0: off, default 1492. */
  mssfix: number;
  /** `ca`: certificates of those whose signature counts, in PEM. */
  ca: string | undefined;
  /** `cert`: our certificate, in PEM. */
  cert: string | undefined;
  /** `key`: our private key, in PEM. */
  key: string | undefined;
  /** `extra-certs`: certificates between ours and the CA's, in PEM. */
  extraCerts: string | undefined;
  /** `pkcs12`: key and certificates in one, PKCS #12 (RFC 7292), DER. */
  pkcs12: Uint8Array | undefined;
  /** Of `key` or `pkcs12`, from the file that `askpass` names. */
  passphrase: string | undefined;
  /** The passphrase is asked for. */
  asksPassphrase: boolean;
  /** `crl-verify`: certificates that are revoked, in PEM (RFC 5280). */
  crl: string | undefined;
  /** `dh`: parameters in PEM; undefined or `none`: elliptic curves only. */
  dh: string | undefined;
  /** What the peer's certificate must be beside signed: `remote-cert-tls`, `verify-x509-name`, `peer-fingerprint`. */
  rules: CertificateRules;
  /** `tls-version-min`. */
  tlsMin: 'TLSv1.2' | 'TLSv1.3';
  /** `tls-version-max`. */
  tlsMax: 'TLSv1.2' | 'TLSv1.3';
  /** `tls-cipher`: suites of TLS 1.2, as OpenSSL has them. */
  tlsCiphers: string | undefined;
  /** `tls-ciphersuites`: suites of TLS 1.3. */
  tlsSuites: string | undefined;
  /** `tls-groups`: groups of the key exchange. */
  tlsGroups: string | undefined;
  /** OpenSSL's security level, by `tls-cert-profile`. */
  securityLevel: number | undefined;
  /** `tls-auth`, `tls-crypt` or `tls-crypt-v2`: what stands around the control channel, and the key's text. */
  wrap:
    | { readonly kind: 'auth' | 'crypt' | 'crypt-v2'; readonly text: string; readonly line: number }
    | undefined;
  /** `key-direction`, of `tls-auth`: which half of the key is whose; undefined: one for both. */
  direction: KeyDirection;
  /** `auth`: the digest of `tls-auth`, default SHA1. */
  digest: string;
  /** `data-ciphers`: which of AES-256-GCM, AES-128-GCM, CHACHA20-POLY1305, the best first. */
  ciphers: string[];
  /** `auth-user-pass`: who we say that we are. */
  user: string | undefined;
  /** `auth-user-pass`: and how we show it. */
  password: string | undefined;
  /** `auth-user-pass` without a file: whoever uses the profile says who. */
  asksUser: boolean;
  /** `auth-retry`, not `none`: try again after AUTH_FAILED, which otherwise is the end. */
  retryAuth: boolean;
  /** `hand-window`: seconds within which a handshake must be done, default 60. */
  handWindow: number;
  /** `tran-window`: seconds for which the key before is still good, default 3600. */
  tranWindow: number;
  /** `reneg-sec`: seconds until the next key, default 3600; 0: never by time. */
  renegAfter: number;
  /** `reneg-bytes`: bytes until the next key; 0: never by bytes. */
  renegBytes: number;
  /** `reneg-pkts`: packets until the next key; 0: never by packets. */
  renegPackets: number;
  /** `ping`: seconds of our silence until we say that we are there; 0: never. */
  ping: number;
  /** `ping-restart`: seconds of the peer's silence until we begin anew; 0: never; undefined: the default. */
  pingRestart: number | undefined;
  /** `ping-exit`: seconds of the peer's silence until we end; 0: never. */
  pingExit: number;
  /** `explicit-exit-notify`: tell the peer when we end. */
  exitNotify: boolean;
  /** `connect-retry`: seconds until the next try, and no more than `retryMostWait` after some; 1 and 300. */
  retryWait: number;
  /** `connect-retry`, its second number: the longest wait in seconds. */
  retryMostWait: number;
  /** `connect-retry-max`: so many tries of all servers, then we end; 0: for ever. */
  retryMost: number;
  /** `ifconfig`: our address inside with its prefix, `10.8.0.2/24`. */
  address: string | undefined;
  /** `ifconfig-ipv6`: likewise of IPv6, `fd00::2/64`. */
  address6: string | undefined;
  /** `route-gateway`: the router inside. */
  gateway: string | undefined;
  /** `topology`: what the second word of `ifconfig` means. */
  topology: 'subnet' | 'net30' | 'p2p' | undefined;
  /** `route` and `route-ipv6`: networks that are reached through the tunnel. */
  readonly routes: Route[];
  /** `dhcp-option DNS` and `DNS6`, `dns server`: servers of names, inside. */
  readonly dns: string[];
  /** `dhcp-option DOMAIN` and `DOMAIN-SEARCH`: domains that are searched. */
  readonly search: string[];
  /** `redirect-gateway`: its flags; undefined: not asked for. */
  redirect: readonly string[] | undefined;
  /** `route-nopull`: take no routes and no name servers from the server. */
  ignoreRoutes: boolean;
  /** `pull-filter`: what begins so is taken, left, or ends the tunnel; the first that fits counts. */
  readonly filters: { readonly action: 'accept' | 'ignore' | 'reject'; readonly text: string }[];
  /** `setenv UV_…` and its like: lines `NAME=value` that the server is told. */
  readonly info: string[];
  /** Server. */
  network: string | undefined;
  /** `server-ipv6`: the network of clients, `fd00::/64`. */
  network6: string | undefined;
  /** `ifconfig-pool`: first and last address that clients may have. */
  range: readonly [string, string] | undefined;
  /** `push`: what each client is told, a line each. */
  readonly push: string[];
  /** `client-to-client`: clients reach each other through us. */
  clientToClient: boolean;
  /** `duplicate-cn`: one name may be there more than once. */
  duplicates: boolean;
  /** `max-clients`: so many at once, default 1024. */
  maxClients: number;
  /** `verify-client-cert`: whether a client must show a certificate. */
  clientCertificate: 'require' | 'optional' | 'none';
  /** `username-as-common-name`: a client is called as its user. */
  userIsName: boolean;
  /** `connect-freq-initial`: answers to strangers in 10 s, default 100. */
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
