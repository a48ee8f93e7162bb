/**
 * Whether keyboard and screen reader find their way on a page, as far as axe-core can tell: roles, names, labels, order of
 * headings, contrast. WCAG 2.1, levels A and AA.
 * @module
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from './chromium.ts';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];

/** What is wrong with what is shown, a line each. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(`${source}; true`);
  return page.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(
    ({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(
      ({ target, any, all }) => id + ' at ' + target.join(' ') + ': ' +
        [...any, ...all].map(({ message }) => message).join('; '))))`);
}
