/**
 * What a profile makes: settings of a client or a server, and TLS.
 * @module
 */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { AeadMaker } from '../crypto/aead.ts';
import type { Endpoint } from '../endpoint.ts';
import type { RandomBytes } from '../tunnel.ts';
import { nodeTls } from './node-tls.ts';
import { ProfileError } from './profile/lines.ts';
import type { Profile } from './profile/profile.ts';
import type { ControlSettings } from './session/terms.ts';
import type { ClientSettings, ServerSettings } from './settings.ts';
import { readClientKey, readStaticKey } from './wrap/static-key.ts';
import { tlsAuth } from './wrap/tls-auth.ts';
import { tlsCrypt, tlsCryptV2 } from './wrap/tls-crypt.ts';
import { PLAIN, type Wrapping } from './wrap/wrap.ts';

const SECOND = 1_000_000;

/** What comes from outside of a profile. */
export interface Given {
  readonly random: RandomBytes;
  readonly aead: AeadMaker;
  readonly passphrase: string | undefined;
  /** Milliseconds since 1970. */
  wall(): number;
}

interface Wrapped {
  readonly wrapping: Wrapping;
  readonly wrappingKey: Uint8Array | undefined;
  readonly isV2: boolean;
}

function wrapped({ wrap, direction, digest }: Profile, role: 'client' | 'server'): Wrapped {
  if (wrap === undefined) return { wrapping: PLAIN, wrappingKey: undefined, isV2: false };
  try {
    if (wrap.kind === 'crypt-v2') {
      const client = readClientKey(wrap.text);
      return { wrapping: tlsCryptV2(client), wrappingKey: client.key, isV2: true };
    }
    const key = readStaticKey(wrap.text);
    const wrapping = wrap.kind === 'auth' ? tlsAuth(key, direction, digest) : tlsCrypt(key, role);
    return { wrapping, wrappingKey: key, isV2: false };
  } catch (error) {
    throw new ProfileError(wrap.line, `«tls-${wrap.kind}»: ${(error as Error).message}`);
  }
}

/** OpenSSL's name of a cipher that OpenVPN calls by IANA's: `TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384`. */
export function opensslCipher(name: string): string {
  if (!name.startsWith('TLS-') || !name.includes('-WITH-')) return name;
  return name
    .slice(4)
    .replace('-WITH-', '-')
    .replace(/AES-(128|256)/, 'AES$1')
    .replace(/POLY1305-SHA256$/, 'POLY1305');
}

/** Certificates, versions and ciphers as `node:tls` takes them. Throws a `ProfileError` where OpenSSL does not. */
export function secureContext(
  profile: Profile,
  passphrase: string | undefined,
): SecureContextOptions {
  const { ca, cert, key, extraCerts, pkcs12, crl, dh, tlsMin, tlsMax } = profile;
  const names = [
    ...(profile.tlsSuites?.split(':') ?? []),
    ...(profile.tlsCiphers?.split(':').map(opensslCipher) ?? []),
  ];
  // Suites of TLS 1.3 alone leave those of 1.2 as they are, and the other way round.
  if (names.length > 0 && profile.tlsCiphers === undefined) names.push('DEFAULT');
  if (names.length > 0 && profile.tlsSuites === undefined) {
    names.push('TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256');
  }
  if (profile.securityLevel !== undefined) {
    names.push(...(names.length === 0 ? ['DEFAULT'] : []), `@SECLEVEL=${profile.securityLevel}`);
  }
  const phrase = passphrase ?? profile.passphrase;
  const options: SecureContextOptions = {
    minVersion: tlsMin,
    maxVersion: tlsMax,
    // Sessions are never resumed: each key is agreed on anew.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert: extraCerts === undefined ? cert : `${cert}\n${extraCerts}` }),
    ...(key !== undefined && { key }),
    ...(pkcs12 !== undefined && { pfx: Buffer.from(pkcs12) }),
    ...(phrase !== undefined && { passphrase: phrase }),
    ...(crl !== undefined && { crl }),
    ...(dh !== undefined && { dhparam: dh }),
    ...(names.length > 0 && { ciphers: names.join(':') }),
    ...(profile.tlsGroups !== undefined && { ecdhCurve: profile.tlsGroups }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new ProfileError(
      0,
      `certificate, key or ciphers cannot be used: ${(error as Error).message}`,
    );
  }
  return options;
}

function control(
  profile: Profile,
  given: Given,
  role: 'client' | 'server',
): ClientSettings['control'] {
  const { handWindow, tranWindow, renegAfter, renegBytes, renegPackets, ca, pkcs12 } = profile;
  const context = secureContext(profile, given.passphrase);
  const tls = nodeTls({
    role,
    context,
    rules: profile.rules,
    clientCertificate: profile.clientCertificate,
    withoutCa: ca === undefined && pkcs12 === undefined,
  });
  const settings: Omit<ControlSettings, 'role' | 'fields' | 'time'> = {
    ...wrapped(profile, role),
    ...{ tls, aead: given.aead, random: given.random, renegBytes, renegPackets },
    handWindow: handWindow * SECOND,
    tranWindow: tranWindow * SECOND,
    renegAfter: renegAfter * SECOND,
  };
  return settings;
}

/** OpenVPN's own default where it pulls, and nothing else is said (options.c). */
const PULLED_RESTART = 120;

/** The settings of a client. `user`: in place of the file's. */
export function clientSettings(
  profile: Profile,
  given: Given,
  remotes: readonly Endpoint[],
  isStream: boolean,
  user: { readonly user: string | undefined; readonly password: string | undefined },
): ClientSettings {
  const { filters, pulls } = profile;
  return {
    control: control(profile, given, 'client'),
    ...{ remotes, isStream, pulls },
    ...{ user: user.user ?? profile.user, password: user.password ?? profile.password },
    ...{
      ciphers: profile.ciphers,
      info: platformInfo(profile),
      mtu: profile.mtu,
      mssfix: profile.mssfix,
    },
    ...{ float: profile.float, ping: profile.ping, pingExit: profile.pingExit },
    pingRestart: profile.pingRestart ?? (pulls ? PULLED_RESTART : 0),
    ...{
      exitNotify: profile.exitNotify,
      retryWait: profile.retryWait,
      retryMostWait: profile.retryMostWait,
    },
    ...{
      retryMost: profile.retryMost,
      retryAuth: profile.retryAuth,
      ignoreRoutes: profile.ignoreRoutes,
    },
    filter(option) {
      const found = filters.find(({ text }) => option.startsWith(text));
      if (found === undefined || found.action === 'accept') return true;
      return found.action === 'ignore'
        ? false
        : `the server pushed «${option}», which pull-filter rejects`;
    },
    time: () => Math.floor(given.wall() / 1000),
  };
}

function platformInfo({ info }: Profile): string[] {
  const names: Partial<Record<NodeJS.Platform, string>> = { darwin: 'mac', win32: 'win' };
  return [`IV_PLAT=${names[process.platform] ?? process.platform}`, ...info];
}

/** The settings of a server. `authorize`: who may in, beside what TLS says. */
export function serverSettings(
  profile: Profile,
  given: Given,
  isStream: boolean,
  authorize: ServerSettings['authorize'],
  maxHandshakes: number,
): ServerSettings {
  const { network = '', network6, range, renegAfter } = profile;
  const made = control(profile, given, 'server');
  // Not all of its clients in the same second (ssl.c: a server takes up to a tenth less).
  const chance = new Uint8Array(1);
  given.random(chance);
  const jitter = renegAfter * SECOND * 0.1 * ((chance[0] ?? 0) / 256);
  return {
    control: { ...made, renegAfter: made.renegAfter - jitter },
    pool: { network, network6, range },
    ...{ push: profile.push, ciphers: profile.ciphers, mtu: profile.mtu, mssfix: profile.mssfix },
    ...{ isStream, ping: profile.ping, pingRestart: (profile.pingRestart ?? 0) * 2 },
    ...{ clientToClient: profile.clientToClient, duplicates: profile.duplicates },
    ...{ maxClients: profile.maxClients, maxHandshakes, maxAnswers: profile.maxAnswers },
    ...{ userIsName: profile.userIsName, authorize },
    time: () => Math.floor(given.wall() / 1000),
  };
}
