/**
 * Whether the certificate of the other end is one that may stand there: `--remote-cert-tls`, `--remote-cert-ku`,
 * `--remote-cert-eku`, `--verify-x509-name`, `--peer-fingerprint`. That its chain leads to the CA is TLS's matter.
 * @module
 */
import type { X509Certificate } from 'node:crypto';

export interface CertificateRules {
  /** Extended key usage that must be there, as an OID. */
  readonly extendedUsage?: string | undefined;
  /** `--remote-cert-tls`: there must be a key usage, whatever it is. */
  readonly needsUsage?: boolean | undefined;
  /** `--remote-cert-ku`: one of these is the key usage, 16 bits as OpenVPN writes them. */
  readonly usages?: readonly number[] | undefined;
  readonly name?: { readonly value: string; readonly type: 'subject' | 'name' | 'name-prefix' };
  /** SHA-256 of the certificate, in hexadecimal with colons; one must be it. */
  readonly fingerprints?: readonly string[] | undefined;
}

/** OIDs of RFC 5280 §4.2.1.12. */
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Why `certificate` may not stand there, in one line; undefined if it may. */
export function refusal(certificate: X509Certificate, rules: CertificateRules): string | undefined {
  const { extendedUsage, needsUsage, usages, name, fingerprints } = rules;
  if (fingerprints !== undefined && fingerprints.length > 0) {
    const theirs = certificate.fingerprint256.toUpperCase();
    if (!fingerprints.some((known) => known.toUpperCase() === theirs)) {
      return `the certificate's fingerprint ${theirs} is none of those of peer-fingerprint`;
    }
  }
  const usage = needsUsage || usages !== undefined ? keyUsage(certificate.raw) : undefined;
  if (needsUsage && usage === undefined)
    return 'the certificate has no key usage (remote-cert-tls)';
  if (usages !== undefined && !usages.some((wanted) => wanted === usage)) {
    return `the certificate's key usage is ${usage?.toString(16) ?? 'missing'} (remote-cert-ku)`;
  }
  // Node calls the extended key usage so: a list of OIDs.
  const extended: readonly string[] = certificate.keyUsage ?? [];
  if (extendedUsage !== undefined && !extended.includes(extendedUsage)) {
    return `the certificate is not for this use: it lacks ${extendedUsage} (remote-cert-tls, remote-cert-eku)`;
  }
  if (name !== undefined) return wrongName(certificate, name);
  return undefined;
}

/** The common name; undefined if there is none. */
export function commonName(certificate: X509Certificate): string | undefined {
  return certificate.subject
    ?.split('\n')
    .find((line) => line.startsWith('CN='))
    ?.slice(3);
}

function wrongName(
  certificate: X509Certificate,
  { value, type }: NonNullable<CertificateRules['name']>,
): string | undefined {
  const theirs =
    type === 'subject' ? certificate.subject.split('\n').join(', ') : commonName(certificate);
  const fits = type === 'name-prefix' ? theirs?.startsWith(value) : theirs === value;
  if (fits) return undefined;
  return `the certificate is of «${theirs ?? ''}», not of «${value}» (verify-x509-name)`;
}

const KEY_USAGE = Uint8Array.of(0x55, 0x1d, 0x0f);

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The elements of DER that stand side by side in `bytes` (X.690 §8.1); what is cut short ends them. */
function* elements(bytes: Uint8Array): Generator<Element> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    at += 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      length = 0;
      for (let i = 0; i < size; i++) length = length * 256 + (bytes[at + i] ?? 0);
      at += size;
    }
    if (at + length > bytes.length) return;
    yield { tag, content: bytes.subarray(at, at + length) };
    at += length;
  }
}

/** The key usage of a certificate (RFC 5280 §4.2.1.3), as OpenVPN counts: the first byte is the low one. */
function keyUsage(der: Uint8Array): number | undefined {
  const [certificate] = elements(der);
  const [body] = elements(certificate?.content ?? new Uint8Array(0));
  for (const { tag, content } of elements(body?.content ?? new Uint8Array(0))) {
    if (tag !== 0xa3) continue; // [3] extensions
    const [list] = elements(content);
    for (const extension of elements(list?.content ?? new Uint8Array(0))) {
      const parts = [...elements(extension.content)];
      const oid = parts[0]?.content;
      if (oid === undefined || Buffer.compare(oid, KEY_USAGE) !== 0) continue;
      const [bits] = elements(parts.at(-1)?.content ?? new Uint8Array(0));
      return (bits?.content[1] ?? 0) | ((bits?.content[2] ?? 0) << 8);
    }
  }
  return undefined;
}
