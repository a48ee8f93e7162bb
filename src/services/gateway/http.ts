/**
 * The host that an HTTP request is for. RFC 9112 §3.2: that of an absolute target where there is one, else the
 * field `Host`, of which there must be one.
 * @module
 */
import type { Said } from './judge.ts';

/** RFC 9110 §5.6.2. Servers take methods that nobody has registered, and some take them in small letters. */
const TOKEN = String.raw`[!#$%&'*+.^_\x60|~\w-]+`;
/** RFC 9112 §3: with the spaces that it lets servers be lenient about. */
const REQUEST = new RegExp(String.raw`^(${TOKEN})[ \t]+(\S.*?)[ \t]+HTTP\/\d+\.\d+[ \t]*\r?$`);
/** HTTP/0.9, which servers still answer. */
const SIMPLE = /^GET[ \t]+((?:\/|[a-z][a-z0-9+.-]*:\/\/)\S*)[ \t]*\r?$/i;
/** What can still become a request line: text, with no control characters. */
const BEGIN = new RegExp(String.raw`^${TOKEN}([ \t][^\0-\x08\x0a-\x1f\x7f]*)?\r?$`);
/** HTTP/2 without TLS: its host is in compressed fields, which nobody reads here. RFC 9113 §3.4. */
const PRIOR_KNOWLEDGE = 'PRI * HTTP/2.0\r\n';
/** Fields that servers read each in their own way: continued lines, bare CRs (RFC 9112 §5.2, §2.2), zeros. */
const AMBIGUOUS = /\n[ \t]|\r[^\n]|\0/;
const NO_HTTP: Said = { kind: 'other' };

/** What a stream says as HTTP; `more`: it is not all there. */
export function readHost(stream: Uint8Array): Said | 'more' {
  // RFC 9112 §2.2: servers ignore empty lines in front.
  const text = Buffer.from(stream)
    .toString('latin1')
    .replace(/^[\r\n]+/, '');
  if (text === '') return 'more';
  const line = text.indexOf('\n');
  const head = line < 0 ? text : text.slice(0, line);
  if (!BEGIN.test(head)) return NO_HTTP;
  if (text.startsWith(PRIOR_KNOWLEDGE)) return { kind: 'http' };
  if (line < 0) return 'more';
  const [, method = '', target = ''] = REQUEST.exec(head) ?? [];
  if (method === '') {
    const simple = SIMPLE.exec(head)?.[1];
    return simple === undefined ? NO_HTTP : named(authorityOf(simple));
  }
  const rest = text.slice(line);
  const end = /\n\r?\n/.exec(rest);
  if (end === null) return 'more';
  const fields = rest.slice(0, end.index);
  if (AMBIGUOUS.test(fields)) return { kind: 'http' };
  const hosts = fields
    .split('\n')
    .map((field) => /^host[ \t]*:[ \t]*(.*?)[ \t\r]*$/i.exec(field)?.[1])
    .filter((host) => host !== undefined);
  const authority = method === 'CONNECT' ? target : authorityOf(target);
  // RFC 9112 §3.2: with none, or with more than one, nobody can say which it is.
  if (authority === undefined && hosts.length !== 1) return { kind: 'http' };
  return named(authority ?? hosts[0]);
}

/** Of an absolute target. RFC 9112 §3.2.2. */
const authorityOf = (target: string): string | undefined =>
  /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1];

function named(authority: string | undefined): Said {
  const name = hostOnly(authority ?? '');
  return name === undefined ? { kind: 'http' } : { kind: 'http', name };
}

/** Without credentials, port, and the brackets of an address of IPv6 (RFC 3986 §3.2.2), in small letters. */
function hostOnly(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const plain = /^\[(.*)\]/.exec(host)?.[1] ?? host.replace(/:.*$/, '').replace(/\.+$/, '');
  return plain === '' ? undefined : plain.toLowerCase();
}
