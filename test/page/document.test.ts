/** One document with all inside, and a policy that lets only that run: W3C CSP Level 3 §2.3.1. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { escapeMarkup, joinModules, makeDocument } from '../../src/page/document.ts';

const scripts = ['format.js', 'dom.js', 'chart.js', 'sequence.js'];

test('page document: its policy holds the hash of each script and style in it, and no unsafe word', (t) => {
  const { html, policy } = makeDocument({ title: 'x', body: '<main></main>', scripts });
  const inline = [...html.matchAll(/<(?:script|style)[^>]*>([\s\S]*?)<\/(?:script|style)>/g)];
  t.is(inline.length, 3);
  for (const [, text = ''] of inline) {
    t.true(policy.includes(createHash('sha256').update(text).digest('base64')));
  }
  t.notRegex(policy, /unsafe|\*/);
  t.regex(policy, /default-src 'none'/);
});

test('page document: asks nobody else for anything', (t) => {
  const { html } = makeDocument({ title: 'x', body: '', scripts });
  t.notRegex(html, /<[^>]*\b(?:src|href)="(?!data:)|@import|url\((?!data:)/);
});

test('page document: a title is text', (t) => {
  const { html } = makeDocument({ title: '</title><script>', body: '', scripts: [] });
  t.true(html.includes('<title>&#60;/title&#62;&#60;script&#62;</title>'));
  t.is(escapeMarkup(`&<>"'`), '&#38;&#60;&#62;&#34;&#39;');
});

test('page document: modules become one, whose names do not meet', (t) => {
  const a =
    "import {\n  x,\n  y,\n} from './b.js';\nconst own = 1;\nglobalThis.found = [x(), y, own];\n";
  const b =
    "const own = 'export const no';\nexport function x() {\n  return own;\n}\nexport const y = 2;\n";
  const scope: { found?: unknown } = {};
  new Function(
    'globalThis',
    joinModules([
      ['b.js', b],
      ['a.js', a],
    ]),
  )(scope);
  t.deepEqual(scope.found, ['export const no', 2, 1]);
});
