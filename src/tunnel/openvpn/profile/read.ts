/**
 * An OpenVPN profile, read: `.ovpn` or `.conf`, with blocks in it or files beside it. The same file that `openvpn` takes.
 *
 * What it asks that is not there is an error where the tunnel would not be what was asked for, and a line of `notes`
 * where it would; nothing is ignored without a word.
 * @module
 */
import type { ReadFile } from './asked.ts';
import { DIRECTIVES } from './directives.ts';
import { type Directive, ProfileError, readLines } from './lines.ts';
import { emptyProfile, type Profile, type Remote } from './profile.ts';
import { REFUSED, WITHOUT_EFFECT } from './refused.ts';

/** Blocks that hold options of their own. */
const NESTED = 'connection';

/** Read a profile. `read` reads the files that it names. Throws a `ProfileError` with line and reason. */
export function readProfile(text: string, read: ReadFile): Profile {
  const profile = emptyProfile();
  const directives = readLines(text);
  const optional = new Set(
    directives.filter(({ name }) => name === 'ignore-unknown-option').flatMap(({ words }) => words),
  );
  const idle: Directive[] = [];
  for (const directive of directives) {
    if (directive.name === NESTED && directive.block !== undefined) {
      for (const inner of readLines(directive.block)) {
        apply(profile, { ...inner, line: directive.line + inner.line }, read, optional, idle);
      }
    } else apply(profile, directive, read, optional, idle);
  }
  if (idle.length > 0) {
    const names = idle.map(({ name, line }) => `${name} (line ${line})`).join(', ');
    profile.notes.push(`without effect here: ${names}`);
  }
  check(profile);
  return profile;
}

function apply(
  profile: Profile,
  asked: Directive,
  read: ReadFile,
  optional: ReadonlySet<string>,
  idle: Directive[],
): void {
  const { name, words, line } = asked;
  if (name === 'ignore-unknown-option') return;
  if (name === 'setenv' && words[0] === 'opt') {
    // Options that an older OpenVPN may not know: what is not there is left out, and said.
    const [, inner = '', ...rest] = words;
    const isKnown = DIRECTIVES[inner] !== undefined;
    if (isKnown)
      apply(profile, { name: inner, words: rest, block: undefined, line }, read, optional, idle);
    else
      profile.notes.push(
        `line ${line}: «${words.slice(1).join(' ')}» is not there, without effect`,
      );
    return;
  }
  // Its own word for «no compression»: nothing is asked.
  if (name === 'compress' && words[0] === 'migrate') return;
  if (name === 'allow-compression' && words[0] !== 'no') {
    throw new ProfileError(
      line,
      `«allow-compression ${words[0] ?? ''}»: ${REFUSED['compress'] ?? ''}`,
    );
  }
  const why = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
  if (why !== undefined) throw new ProfileError(line, `«${[name, ...words].join(' ')}»: ${why}`);
  const handler = Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined;
  if (handler !== undefined) handler(profile, { ...asked, read });
  else if (WITHOUT_EFFECT.has(name)) idle.push(asked);
  else if (optional.has(name))
    profile.notes.push(`line ${line}: «${name}» is not known, without effect`);
  else throw new ProfileError(line, `«${name}» is no option of OpenVPN that is known here`);
}

/** What must be there, and what cannot be together. */
function check(profile: Profile): void {
  const { mode, ca, cert, key, pkcs12, rules, asksUser, user, remotes, wrap } = profile;
  const fail = (reason: string): never => {
    throw new ProfileError(0, reason);
  };
  if (mode === undefined)
    fail('neither «client» nor «server»: tunnels between two peers by static keys are not there');
  if (ca === undefined && pkcs12 === undefined && rules.fingerprints === undefined) {
    fail('no «ca»: nothing would say who the other end is');
  }
  if ((cert === undefined) !== (key === undefined))
    fail(
      `«${cert === undefined ? 'key' : 'cert'}» without «${cert === undefined ? 'cert' : 'key'}»`,
    );
  const hasCertificate = cert !== undefined || pkcs12 !== undefined;
  if (mode === 'client') {
    if (remotes.length === 0) fail('no «remote»: there is no server to connect to');
    if (!hasCertificate && !asksUser && user === undefined)
      fail('neither «cert» and «key» nor «auth-user-pass»');
  } else {
    if (profile.network === undefined) fail('no «server»: there are no addresses to give');
    if (!hasCertificate) fail('no «cert» and «key» for the server');
    if (wrap?.kind === 'crypt-v2')
      fail(`line ${wrap.line}: tls-crypt-v2 is there for clients only`);
    if (/^tcp.*-client$/.test(profile.proto)) fail('a server with «proto tcp-client»');
    if (profile.topology !== undefined && profile.topology !== 'subnet') {
      fail(`«topology ${profile.topology}»: a server gives subnets only`);
    }
  }
  remotesOf(profile); // an error in them is one of the file
}

/** The servers of a profile, in its order. */
export function remotesOf(profile: Profile): Remote[] {
  return profile.remotes.map(({ host, port, proto, line }) => {
    const kind = proto ?? profile.proto;
    const found = /^(udp|tcp)([46]?)(-client)?$/.exec(kind);
    if (found === null)
      throw new ProfileError(line, `«remote ${host}»: ${kind} is neither udp nor tcp`);
    const family = found[2] === '4' ? 4 : found[2] === '6' ? 6 : 0;
    return { host, port: port ?? profile.port ?? 1194, isStream: found[1] === 'tcp', family };
  });
}

/** True if `text` is a profile of OpenVPN rather than a file of WireGuard's. */
export function looksLikeProfile(text: string): boolean {
  return (
    /^\s*(--)?(client|server|tls-client|tls-server|remote|dev|proto|mode)\b/m.test(text) &&
    !/^\s*\[Interface\]/m.test(text)
  );
}
