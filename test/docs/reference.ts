/**
 * What the package exports, read from the declarations that the compiler has made of it: names, doc
 * comments, and members. For docs/api.md, and for the test that holds it to what there is.
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../support/root.ts';

/** A member of a class or an interface. */
export interface Member {
  readonly name: string;
  /** As declared, on one line. */
  readonly text: string;
  readonly comment: string;
  /** Declared by the class that this one extends. */
  readonly inherited?: boolean;
}

/** An export of src/index.ts. */
export interface Entry {
  /** As users import it. */
  readonly name: string;
  /** The heading it stands under in src/index.ts. */
  readonly group: string;
  readonly kind: 'class' | 'interface' | 'function' | 'type' | 'value';
  readonly text: string;
  readonly comment: string;
  readonly members: readonly Member[];
}

const readText = (path: string): string => readFileSync(join(root, path), 'utf8');

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** The words of a doc comment. */
const wordsOf = (comment: string): string =>
  oneLine(
    comment
      .replace(/^\s*\/\*\*|\*\/\s*$/g, '')
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, ''))
      .join('\n'),
  );

/** From `at`, to the end of the statement: a `;` or a closing brace that is in no bracket. */
function endOf(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const c = text[i] ?? '';
    if (text.startsWith('/**', i)) {
      i = text.indexOf('*/', i) + 1;
      continue;
    }
    if (text.startsWith('=>', i)) i++;
    else if ('([{<'.includes(c)) depth++;
    else if (')]}>'.includes(c)) {
      depth--;
      if (depth === 0 && c === '}' && !/^\s*[;,[|&)]/.test(text.slice(i + 1))) return i + 1;
    } else if (c === ';' && depth === 0) return i + 1;
  }
  return text.length;
}

/** The members in the body of a class or an interface. */
function membersOf(body: string): Member[] {
  const members = new Map<string, Member>();
  let at = 0;
  for (;;) {
    const rest = body.slice(at);
    const comment = /^\s*(\/\*\*[\s\S]*?\*\/)?\s*/.exec(rest);
    const start = at + (comment?.[0].length ?? 0);
    if (start >= body.length) return [...members.values()];
    const semicolon = body.slice(start).search(/;\s*(\n|$)/);
    const end = semicolon < 0 ? body.length : endOfMember(body, start);
    const text = oneLine(body.slice(start, end)).replace(/;$/, '');
    at = end;
    const bare = text.replace(/^(static |readonly |abstract |declare |get |set )+/, '');
    const name = /^(\[[\w.]+\]|#?[\w$]+|\(|new \()/.exec(bare)?.[0] ?? '';
    const words = wordsOf(comment?.[1] ?? '');
    const hidden = /^(private|protected|#)/.test(text) || name.startsWith('_') || name === '';
    if (hidden || name === 'constructor' || words.includes('@internal')) continue;
    const before = members.get(name);
    // Overloads and pairs of accessors are one member, with the first comment.
    if (before) members.set(name, { ...before, comment: before.comment || words });
    else members.set(name, { name, text, comment: words });
  }
}

/** From a member's start to behind its `;`. */
function endOfMember(body: string, start: number): number {
  let depth = 0;
  for (let i = start; i < body.length; i++) {
    const c = body[i] ?? '';
    if (body.startsWith('=>', i)) i++;
    else if ('([{<'.includes(c)) depth++;
    else if (')]}>'.includes(c)) depth--;
    else if (c === ';' && depth === 0) return i + 1;
  }
  return body.length;
}

const KINDS = {
  class: 'class',
  interface: 'interface',
  function: 'function',
  type: 'type',
} as const;

/** The declaration of `name` in a file of declarations. */
function entryOf(path: string, name: string, as: string, group: string): Entry {
  const text = readText(path);
  const found = new RegExp(
    `(/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\s*)?export (?:declare )?(?:abstract )?(class|interface|function|const|type) ${name}\\b`,
  ).exec(text);
  if (!found) throw new Error(`${path} does not declare ${name}`);
  const start = found.index + (found[1]?.length ?? 0);
  const declared = text.slice(start, endOf(text, start));
  const kind = KINDS[found[2] as keyof typeof KINDS] ?? 'value';
  const hasMembers = kind === 'class' || kind === 'interface';
  const open = declared.indexOf('{');
  const own = hasMembers ? membersOf(declared.slice(open + 1, declared.lastIndexOf('}'))) : [];
  const named = declared.replace(new RegExp(`\\b${name}\\b`), as);
  const head = oneLine(hasMembers ? named.slice(0, named.indexOf('{')) : named);
  const base = kind === 'class' ? baseOf(path, text, head) : undefined;
  const inherited = (base?.members ?? [])
    .filter(({ name }) => own.every((one) => one.name !== name))
    .map((member) => ({ ...member, inherited: true }));
  return {
    name: as,
    group,
    kind,
    // With what its base implements: comments are taken from there.
    text: `${head.replace(/^export (declare )?|;$/g, '')} ${base?.text ?? ''}`.trimEnd(),
    comment: wordsOf(found[1] ?? ''),
    members: [...inherited, ...own],
  };
}

/** The class of ours that this one extends, if it does. */
function baseOf(path: string, text: string, head: string): Entry | undefined {
  const base = /\bextends (\w+)/.exec(head)?.[1];
  const imported = new RegExp(`import (?:type )?\\{[^}]*\\b${base}\\b[^}]*\\} from '(\\.[^']+)'`);
  const from = imported.exec(text)?.[1];
  if (base === undefined || from === undefined) return undefined;
  return entryOf(join(dirname(path), from.replace(/\.[jt]s$/, '.d.ts')), base, base, '');
}

/** What users import from, and the page that tells of it. */
export const DOORS: Readonly<Record<string, string>> = {
  index: 'docs/api.md',
  services: 'docs/api-services.md',
  tunnel: 'docs/api-tunnel.md',
  metrics: 'docs/api-metrics.md',
  lab: 'docs/api-lab.md',
  wire: 'docs/api-wire.md',
};

/** A file of declarations that is exported by one name: its functions and values are the members. */
function namespaceOf(path: string, name: string): Entry {
  const text = readText(path);
  const members = [
    ...text.matchAll(
      /^(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export declare (?:const|function) (\w+)/gm,
    ),
  ].map(([all, comment = '', member = ''], i, { [i]: found }) => {
    const start = (found?.index ?? 0) + all.length - member.length;
    const declared = oneLine(text.slice(start, endOf(text, start))).replace(/;$/, '');
    return { name: member, text: declared, comment: wordsOf(comment) };
  });
  const comment = wordsOf(/^\/\*\*(?:(?!\*\/)[\s\S])*\*\//.exec(text)?.[0] ?? '').replace(
    / ?@module$/,
    '',
  );
  return { name, group: 'Headers', kind: 'class', text: '', comment, members };
}

/** What the rooms are called, whose door has no headings of its own. */
const TITLES: Readonly<Record<string, string>> = {
  base: 'Addresses',
  crypto: 'Ciphers',
  dhcp: 'DHCP',
  dns: 'DNS',
  door: 'Addresses',
  gateway: 'The way out',
  lab: 'The lab',
  metrics: 'Metrics',
  network: 'The network',
  openvpn: 'OpenVPN',
  policy: 'The policy',
  profile: 'OpenVPN',
  replay: 'Sessions played again',
  sequence: 'Connections of captures',
  server: 'OpenVPN',
  socks: 'Proxies and published ports',
  tunnel: 'Tunnels',
  udp: 'Datagrams',
  wire: 'Headers',
  wireguard: 'WireGuard',
};

/** The room that a file is in. */
const roomOf = (from: string): string => /^\.\/(?:\w+\/)*(\w+)\//.exec(from)?.[1] ?? '';

/** All exports of a door, in its order. */
export function readExports(door = 'index'): Entry[] {
  const index = readText(`src/${door}.ts`);
  const entries: Entry[] = [];
  let group = '';
  for (const [, heading, names = '', all, from = ''] of index.matchAll(
    /^\/\/ (.*)$|^export (?:type )?(?:\{([^}]*)\}|\* as (\w+)) from '([^']+)';/gm,
  )) {
    if (heading !== undefined) {
      group = heading.replace(/[.:].*$/, '');
      continue;
    }
    if (door !== 'index') group = TITLES[roomOf(from)] ?? '';
    const path = join('dist/src', from.replace(/\.ts$/, '.d.ts'));
    if (all !== undefined) entries.push(namespaceOf(path, all));
    for (const item of names.split(',').map((one) => one.trim().replace(/^type /, ''))) {
      if (item === '') continue;
      const [name = '', as = name] = item.split(' as ');
      entries.push(entryOf(path, name, as, group));
    }
  }
  return entries.map((entry) => withInherited(entry, entries));
}

/** What everything has that can be closed or gone through. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  '[Symbol.asyncDispose]': 'For `await using`: as `close`.',
  '[Symbol.asyncIterator]': 'For `for await`.',
};

/** Comments of interfaces of ours stand for the members of who implements them. */
function withInherited(entry: Entry, entries: readonly Entry[]): Entry {
  const bases = entries.filter(
    ({ name }) => name !== entry.name && new RegExp(`\\b${name}\\b`).test(basesOf(entry)),
  );
  const members = entry.members.map((member) => {
    const above = bases.flatMap((base) => base.members).find(({ name }) => name === member.name);
    const comment = member.comment || above?.comment || WELL_KNOWN[member.name] || '';
    return { ...member, comment };
  });
  // What is inherited and says nothing is as Node documents it.
  return { ...entry, members: members.filter((one) => !one.inherited || one.comment !== '') };
}

const basesOf = ({ text }: Entry): string => text.replace(/^.*?\b(extends|implements)\b|^.*$/, '');

const cell = (text: string): string => text.replaceAll('|', '\\|');

const BEGIN = '<!-- reference: made by npm run docs:api -->';
const END = '<!-- end of reference -->';

/** The section of a page, with the lines of code for each entry. */
export function writeReference(
  entries: readonly Entry[],
  code: ReadonlyMap<string, string>,
): string {
  const lines: string[] = [BEGIN, ''];
  let group = '';
  const rank = { value: 0, function: 0, class: 1, interface: 1, type: 1 } as const;
  const sorted = [...entries].sort(
    (a, b) =>
      groupOrder(entries, a) - groupOrder(entries, b) ||
      rank[a.kind] - rank[b.kind] ||
      a.name.localeCompare(b.name, 'en'),
  );
  for (const entry of sorted) {
    if (entry.group !== group) {
      group = entry.group;
      lines.push(`### ${group}`, '');
    }
    lines.push(`#### \`${entry.name}\``, '');
    if (entry.kind !== 'class' && entry.kind !== 'interface') {
      lines.push('```ts', entry.text, '```', '');
    }
    if (entry.comment !== '') lines.push(entry.comment, '');
    const example = code.get(entry.name);
    if (example !== undefined) lines.push('```ts', example, '```', '');
    if (entry.members.length === 0) continue;
    lines.push('| member | |', '|---|---|');
    for (const { text, comment } of entry.members) {
      lines.push(`| \`${cell(text)}\` | ${cell(comment)} |`);
    }
    lines.push('');
  }
  lines.push(END);
  return lines.join('\n');
}

const groupOrder = (entries: readonly Entry[], entry: Entry): number =>
  entries.findIndex((one) => one.group === entry.group);

/** The page with its reference made anew. */
export function renew(
  page: string,
  entries: readonly Entry[],
  code: ReadonlyMap<string, string>,
): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error('the page has lost the marks of its reference');
  return page.slice(0, from) + writeReference(entries, code) + page.slice(to + END.length);
}
