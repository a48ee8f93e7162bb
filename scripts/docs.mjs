/**
 * `npm run docs`: build the site of the documentation into dist/site, and look for dead links in it. With `--serve` it is
 * then to be read at a port of this host.
 *
 * What builds it (VitePress, typedoc with the TypeScript that it takes) is in site/package.json, with a lock file of its
 * own: who works on the stack installs none of it.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { root } from './build.mjs';
import { deadLinks, pagesOf } from './links.mjs';
import { readWords } from './words.mjs';

const { serve, port } = readWords('docs', {
  serve: { type: 'boolean', default: false },
  port: { type: 'string', default: '4173' },
});
const site = join(root, 'site');
const pages = join(site, 'pages');
const out = join(root, 'dist/site');

function run(what, program, words) {
  console.error(`docs: ${what} ...`);
  const { status } = spawnSync(program, words, { cwd: site, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  console.error(`docs: ${what} failed, see above`);
  process.exit(1);
}

const tool = (name) => join(site, 'node_modules/.bin', name);

/** True if what builds the site is there, in the versions of its lock file. */
function isInstalled() {
  const { packages } = JSON.parse(readFileSync(join(site, 'package-lock.json'), 'utf8'));
  return Object.keys(packages[''].devDependencies).every((name) => {
    const found = join(site, 'node_modules', name, 'package.json');
    if (!existsSync(found)) return false;
    return (
      JSON.parse(readFileSync(found, 'utf8')).version === packages[`node_modules/${name}`].version
    );
  });
}

/** A page as the site has it: links to what stands outside of docs lead to its page here. */
const page = (text) =>
  text
    .replace(/\]\((?:\.\.\/)+examples\/([\w-]+)\.ts\)/g, '](/examples/$1.md)')
    .replace(/\[([^\]]+)\]\((?:\.\.\/)+src\/[^)]+\)/g, '$1')
    .replace(/\]\((?:\.\.\/)+SECURITY\.md/g, '](/reporting.md')
    .replace(/^<!--.*-->$/gm, '');

/** An example as a page: what it is, and its code. */
function example(name) {
  const text = readFileSync(join(root, 'examples', name), 'utf8');
  const title = name.replace(/\.ts$/, '').replaceAll('-', ' ');
  return `# ${title[0].toUpperCase()}${title.slice(1)}\n\n\`examples/${name}\`\n\n\`\`\`ts\n${text}\`\`\`\n`;
}

/** Lay the pages out: those of docs, the examples, and two that stand at the top. */
function layOut() {
  rmSync(pages, { recursive: true, force: true });
  cpSync(join(root, 'docs'), pages, { recursive: true });
  for (const name of pagesOf(pages, '.md')) {
    writeFileSync(join(pages, name), page(readFileSync(join(pages, name), 'utf8')));
  }
  cpSync(join(pages, 'README.md'), join(pages, 'index.md'));
  rmSync(join(pages, 'README.md'));
  for (const name of pagesOf(pages, '.md')) {
    const text = readFileSync(join(pages, name), 'utf8');
    writeFileSync(join(pages, name), text.replace(/\]\(((?:\.\.\/)*)README\.md/g, ']($1index.md'));
  }
  // Names that differ by their case alone are one file in some places.
  for (const [name, as] of Object.entries({
    'SECURITY.md': 'reporting.md',
    'CHANGELOG.md': 'changes.md',
  })) {
    const text = readFileSync(join(root, name), 'utf8');
    writeFileSync(join(pages, as), page(text.replaceAll('](docs/', '](/')));
  }
  mkdirSync(join(pages, 'public'));
  cpSync(join(pages, 'grafana.json'), join(pages, 'public/grafana.json'));
  mkdirSync(join(pages, 'examples'));
  for (const name of readdirSync(join(root, 'examples'))) {
    writeFileSync(join(pages, 'examples', name.replace(/\.ts$/, '.md')), example(name));
  }
}

if (!isInstalled()) {
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  run('installing what builds the site (npm ci in site/)', 'npm', words);
}
layOut();
run('building the pages', tool('vitepress'), ['build']);
run('building the types', tool('typedoc'), []);
const dead = deadLinks(out);
for (const line of dead) console.error(`docs: dead link: ${line}`);
if (dead.length > 0) process.exit(1);
const count = pagesOf(out, '.html').length;
console.log(`dist/site: ${count} pages, no dead link. To read them: npm run docs -- --serve`);
if (serve) {
  console.log(`http://localhost:${port}/`);
  spawnSync(tool('vitepress'), ['preview', '--port', port], { cwd: site, stdio: 'inherit' });
}
