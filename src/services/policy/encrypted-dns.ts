/**
 * Names of resolvers that answer over HTTPS, by which a guest would learn addresses that nobody here has told it;
 * and the questions by which programs ask whether they should use one. The list is of the large public ones: with
 * default deny it is not needed, as none of them is allowed.
 * @module
 */

/** RFC 7858, RFC 9250. */
export const DNS_OVER_TLS = 853;
export const DNS = 53;

const RESOLVERS: ReadonlySet<string> = new Set([
  ...['dns.google', 'dns.google.com', 'dns64.dns.google', '8888.google'],
  ...[
    'cloudflare-dns.com',
    'one.one.one.one',
    'mozilla.cloudflare-dns.com',
    '1dot1dot1dot1.cloudflare-dns.com',
  ],
  ...['security.cloudflare-dns.com', 'family.cloudflare-dns.com', 'chrome.cloudflare-dns.com'],
  ...[
    'dns.quad9.net',
    'dns9.quad9.net',
    'dns10.quad9.net',
    'dns11.quad9.net',
    'dns.adguard-dns.com',
  ],
  ...[
    'dns.adguard.com',
    'dns.nextdns.io',
    'firefox.dns.nextdns.io',
    'doh.opendns.com',
    'doh.dns.sb',
  ],
  ...[
    'doh.familyshield.opendns.com',
    'doh.cleanbrowsing.org',
    'dns.mullvad.net',
    'doh.mullvad.net',
  ],
  ...[
    'dns.controld.com',
    'freedns.controld.com',
    'doh.pub',
    'dns.alidns.com',
    'doh.360.cn',
    'dns0.eu',
  ],
  ...[
    'doh.applied-privacy.net',
    'dns.digitale-gesellschaft.ch',
    'doh.libredns.gr',
    'dns.switch.ch',
  ],
  ...[
    'doh.xfinity.com',
    'dns.comss.one',
    'doh.sandbox.opendns.com',
    'wikimedia-dns.org',
    'dns.dnsguard.pub',
  ],
]);

/** Firefox asks the first, and RFC 9462 §4 the second, before they turn to another resolver. */
const CANARIES: readonly string[] = ['use-application-dns.net', 'resolver.arpa'];

export const isResolver = (name: string): boolean => RESOLVERS.has(name);

export const isCanary = (name: string): boolean =>
  CANARIES.some((canary) => name === canary || name.endsWith(`.${canary}`));
