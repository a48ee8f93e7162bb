/**
 * The options of an OpenVPN profile that are about certificates, TLS and the wrapping of the control channel.
 * @module
 */
import { CLIENT_AUTH, SERVER_AUTH } from '../certificate.ts';
import { DIGESTS } from '../wrap/tls-auth.ts';
import { type Apply, type Asked, bytes, text, whole, word, wrong } from './asked.ts';
import type { Profile } from './profile.ts';

function version(asked: Asked): 'TLSv1.2' | 'TLSv1.3' {
  const said = word(asked);
  if (said === '1.3') return 'TLSv1.3';
  if (said === '1.2' || said === '1.0' || said === '1.1' || said === 'or-highest') return 'TLSv1.2';
  throw wrong(asked, 'TLS 1.2 and 1.3 are there');
}

function wrapped(kind: 'auth' | 'crypt' | 'crypt-v2'): Apply {
  return (profile, asked) => {
    profile.wrap = { kind, text: text(asked), line: asked.line };
    if (kind === 'auth' && asked.block === undefined && asked.words[1] !== undefined)
      direction(profile, asked, 1);
  };
}

function direction(profile: Profile, asked: Asked, at: number): void {
  profile.direction = whole(asked, at, 0, 1) === 0 ? 0 : 1;
}

const pem =
  (field: 'ca' | 'cert' | 'key' | 'extraCerts' | 'crl'): Apply =>
  (profile, asked) => {
    const found = text(asked);
    if (!found.includes('-----BEGIN ')) throw wrong(asked, 'no PEM («-----BEGIN …») is in it');
    if (!/-----END [^-]+-----/.test(found))
      throw wrong(asked, 'its PEM has no end: the file is cut short');
    profile[field] = found;
  };

export const TLS_DIRECTIVES: Readonly<Record<string, Apply>> = {
  ca: pem('ca'),
  cert: pem('cert'),
  key: pem('key'),
  'extra-certs': pem('extraCerts'),
  'crl-verify'(profile, asked) {
    if (asked.words[1] === 'dir')
      throw wrong(asked, 'a directory of revoked certificates is not there: give a file');
    pem('crl')(profile, asked);
  },
  pkcs12(profile, asked) {
    profile.pkcs12 = bytes(asked);
  },
  dh(profile, asked) {
    if (asked.words[0] === 'none') return;
    profile.dh = text(asked);
  },
  askpass(profile, asked) {
    if (asked.words[0] === undefined && asked.block === undefined) profile.asksPassphrase = true;
    else profile.passphrase = text(asked).split(/\r?\n/)[0] ?? '';
  },
  'tls-auth': wrapped('auth'),
  'tls-crypt': wrapped('crypt'),
  'tls-crypt-v2': wrapped('crypt-v2'),
  'key-direction'(profile, asked) {
    direction(profile, asked, 0);
  },
  auth(profile, asked) {
    const digest = word(asked).toUpperCase().replace(/^SHA-/, 'SHA');
    if (digest === 'NONE') return;
    if (DIGESTS[digest] === undefined)
      throw wrong(asked, `there are ${Object.keys(DIGESTS).join(', ')}`);
    profile.digest = digest;
  },
  'remote-cert-tls'(profile, asked) {
    const who = word(asked);
    if (who !== 'server' && who !== 'client') throw wrong(asked, 'server or client');
    const extendedUsage = who === 'server' ? SERVER_AUTH : CLIENT_AUTH;
    profile.rules = { ...profile.rules, extendedUsage, needsUsage: true };
  },
  'remote-cert-eku'(profile, asked) {
    const names: Record<string, string> = {
      'TLS Web Server Authentication': SERVER_AUTH,
      'TLS Web Client Authentication': CLIENT_AUTH,
    };
    profile.rules = { ...profile.rules, extendedUsage: names[word(asked)] ?? word(asked) };
  },
  'remote-cert-ku'(profile, asked) {
    const usages = asked.words.map((each) => Number.parseInt(each, 16));
    if (usages.length === 0) profile.rules = { ...profile.rules, needsUsage: true };
    else if (usages.some(Number.isNaN)) throw wrong(asked, 'hexadecimal numbers');
    else profile.rules = { ...profile.rules, usages };
  },
  'verify-x509-name'(profile, asked) {
    const type = asked.words[1] ?? 'subject';
    if (type !== 'subject' && type !== 'name' && type !== 'name-prefix')
      throw wrong(asked, 'subject, name or name-prefix');
    profile.rules = { ...profile.rules, name: { value: word(asked), type } };
  },
  'peer-fingerprint'(profile, asked) {
    const found = (asked.block ?? asked.words.join('\n'))
      .split('\n')
      .map((each) => each.trim())
      .filter(Boolean);
    if (
      found.length === 0 ||
      found.some((each) => !/^([0-9a-f]{2}:){31}[0-9a-f]{2}$/i.test(each))
    ) {
      throw wrong(asked, 'a fingerprint is 32 bytes of SHA-256 in hexadecimal, with colons');
    }
    profile.rules = {
      ...profile.rules,
      fingerprints: [...(profile.rules.fingerprints ?? []), ...found],
    };
  },
  'tls-version-min'(profile, asked) {
    profile.tlsMin = version(asked);
  },
  'tls-version-max'(profile, asked) {
    if (/^1\.[01]$/.test(word(asked))) throw wrong(asked, 'TLS 1.2 and 1.3 are there');
    profile.tlsMax = version(asked);
  },
  'tls-cipher'(profile, asked) {
    profile.tlsCiphers = word(asked);
  },
  'tls-ciphersuites'(profile, asked) {
    profile.tlsSuites = word(asked);
  },
  'tls-groups'(profile, asked) {
    profile.tlsGroups = word(asked);
  },
  'tls-cert-profile'(profile, asked) {
    const levels: Record<string, number> = { insecure: 0, legacy: 1, preferred: 2 };
    const level = levels[word(asked)];
    if (level === undefined) throw wrong(asked, 'insecure, legacy or preferred');
    profile.securityLevel = level;
  },
};
