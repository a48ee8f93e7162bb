/**
 * Links of a site that lead nowhere, and what it asks of other hosts.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** The files below a folder that end so, with slashes, sorted. */
export const pagesOf = (folder, end) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .sort();

const plain = (text) =>
  text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");

/** The file that an address leads to, as a web server of files finds it. */
function fileOf(folder, from, path) {
  const file = path.startsWith('/') ? join(folder, path) : join(dirname(join(folder, from)), path);
  const found = [file, `${file}.html`, join(file, 'index.html')].find(
    (one) => existsSync(one) && statSync(one).isFile(),
  );
  return found && normalize(found);
}

/** What is dead in a folder of HTML: a line each. A script, a style, a font or a picture from another host is, too. */
export function deadLinks(folder) {
  const ids = new Map();
  const idsOf = (file) => {
    if (!ids.has(file)) {
      const found = readFileSync(file, 'utf8').matchAll(/\s(?:id|name)="([^"]*)"/g);
      ids.set(file, new Set([...found].map(([, id]) => plain(id))));
    }
    return ids.get(file);
  };
  const dead = [];
  for (const name of pagesOf(folder, '.html')) {
    const text = readFileSync(join(folder, name), 'utf8').replace(
      /<script\b[^>]*>[\s\S]*?<\/script>/g,
      (all) => all.slice(0, all.indexOf('>') + 1),
    );
    for (const [all, tag, , link] of text.matchAll(/<(\w+)\b[^>]*?\s(href|src)="([^"]*)"/g)) {
      const target = plain(link);
      if (/^[a-z][\w+.-]*:|^\/\//i.test(target)) {
        if (tag !== 'a' && !target.startsWith('data:'))
          dead.push(`${name}: asks another host: ${all}`);
        continue;
      }
      const [path, anchor = ''] = target.split('#');
      const file =
        path === '' ? join(folder, name) : fileOf(folder, name, decodeURI(path.split('?')[0]));
      if (file === undefined) dead.push(`${name}: ${target}`);
      else if (
        anchor !== '' &&
        file.endsWith('.html') &&
        !idsOf(file).has(decodeURIComponent(anchor))
      ) {
        dead.push(`${name}: ${target}, which ${relative(folder, file)} has not`);
      }
    }
  }
  for (const name of pagesOf(folder, '.css')) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [link] of text.matchAll(/(?:url\(|@import\s+)["']?(?:https?:)?\/\/[^)"']+/g))
      dead.push(`${name}: asks another host: ${link}`);
  }
  return dead;
}
