/**
 * The site: its order, a search of its own, and nothing from elsewhere. `scripts/docs.mjs` lays its pages out.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pages = fileURLToPath(new URL('../pages', import.meta.url));

/** What a page is called: its first heading. */
const titleOf = (name) =>
  /^# (.+)$/m.exec(readFileSync(`${pages}/${name}.md`, 'utf8'))?.[1].replaceAll('`', '') ?? name;

/** In lower case, without punctuation, with hyphens. */
const slugify = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const item = (name) => ({ text: titleOf(name), link: `/${name}` });

/** All pages of a folder. */
const folder = (name) =>
  readdirSync(`${pages}/${name}`)
    .filter((file) => file !== 'index.md')
    .sort()
    .map((file) => item(`${name}/${file.replace(/\.md$/, '')}`));

const reference = ['commands', 'api', 'api-services', 'api-tunnel', 'api-metrics', 'api-wire'];
const looking = ['drops', 'watch', 'ethernet', 'network', 'forward', 'tunnels', 'openvpn'];
const explanation = ['architecture', 'tcp', 'speed', 'security', 'internet'];

export default {
  title: 'tunstack',
  description: 'A TCP/IP stack that you can import: pure TypeScript on a raw TUN descriptor',
  lang: 'en',
  srcDir: 'pages',
  outDir: '../dist/site',
  cacheDir: '.cache',
  cleanUrls: false,
  // Made by typedoc, beside the pages.
  ignoreDeadLinks: [/^\/typedoc\//],
  // Generics in the references are no markup; headings are called as GitHub calls them.
  markdown: { html: false, anchor: { slugify } },
  vite: { build: { chunkSizeWarningLimit: 4096 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Tutorial', link: '/tutorial/1-ping' },
      { text: 'How to', link: '/howto/http-namespace' },
      { text: 'Reference', link: '/api' },
      { text: 'Explanation', link: '/architecture' },
      { text: 'Types', link: '/typedoc/index.html', target: '_self' },
    ],
    sidebar: [
      { text: 'Tutorial', items: folder('tutorial') },
      { text: 'How to', items: folder('howto') },
      { text: 'Reference', items: [...reference, ...looking].map(item) },
      {
        text: 'Explanation',
        items: [...explanation, 'conformance', 'deviations', 'reporting', 'changes'].map(item),
      },
      { text: 'Examples', collapsed: true, items: folder('examples') },
    ],
  },
};
