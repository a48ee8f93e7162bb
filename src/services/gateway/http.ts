/**
 * The host that an HTTP request is for. RFC 9112 §3.2: that of an absolute target where there is one, else the
 * field `Host`, of which there must be one.
 * @module
 */
import type { Said } from './judge.ts';

const REQUEST = /^([A-Z][A-Z-]{1,31}) (\S+) HTTP\/1\.[01]\r?$/;
/** What can still become a request line. */
const BEGIN = /^[A-Z][A-Z-]{0,31}( |$)/;
/** HTTP/2 without TLS: its host is in compressed fields, which nobody reads here. RFC 9113 §3.4. */
const PRIOR_KNOWLEDGE = 'PRI * HTTP/2.0\r\n';
const NO_HTTP: Said = { kind: 'other' };

/** What a stream says as HTTP; `more`: it is not all there. */
export function readHost(stream: Uint8Array): Said | 'more' {
  const text = Buffer.from(stream).toString('latin1');
  if (!BEGIN.test(text.slice(0, 33))) return NO_HTTP;
  if (text.startsWith(PRIOR_KNOWLEDGE)) return { kind: 'http' };
  const line = text.indexOf('\n');
  if (line < 0) return 'more';
  const [, method = '', target = ''] = REQUEST.exec(text.slice(0, line)) ?? [];
  if (method === '') return NO_HTTP;
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return 'more';
  const fields = text.slice(line + 1, end.index).split('\n');
  const hosts = fields
    .map((field) => /^host[ \t]*:[ \t]*(.*?)[ \t\r]*$/i.exec(field)?.[1])
    .filter((host) => host !== undefined);
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1];
  const authority = method === 'CONNECT' ? target : absolute;
  // RFC 9112 §3.2: with none, or with more than one, nobody can say which it is.
  if (authority === undefined && hosts.length !== 1) return { kind: 'http' };
  return { kind: 'http', name: hostOnly(authority ?? hosts[0] ?? '') };
}

/** Without credentials, port, and the brackets of an address of IPv6 (RFC 3986 §3.2.2), in small letters. */
function hostOnly(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d*$/, '');
  const plain = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return plain === '' ? undefined : plain.toLowerCase();
}
