/**
 * One HTML document with all that it needs inside: styles, scripts, uPlot. No build step, no request to anywhere else.
 *
 * Its Content-Security-Policy names the hash of each script and style that stands in it, and lets nothing else run; with
 * `require-trusted-types-for` a text can never become markup, whoever chose it. W3C CSP Level 3 §2.3.1, §6.7; Trusted Types §4.
 * @module
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What a document is made of. Files are names in `src/page/assets`. */
export interface DocumentParts {
  readonly title: string;
  /** Markup between `<body>` and its end. */
  readonly body: string;
  /** Style sheets, in their order, after those of the shell. */
  readonly styles?: readonly string[];
  /**
   * Modules of JavaScript, each after those that it imports: `import { a, b } from './x.js'` and `export` before a
   * declaration are what they may say of each other.
   */
  readonly scripts: readonly string[];
}

/** Made once, served often. */
export interface PageDocument {
  readonly html: string;
  /** The value of the header `content-security-policy`. */
  readonly policy: string;
}

// The sources stand beside the compiled code in the package: dist/src/page and src/page.
const ASSETS = new URL('../../../src/page/assets/', import.meta.url);
const { resolve } = createRequire(import.meta.url);

/** A file of `src/page/assets`. */
export const asset = (name: string): string => readFileSync(new URL(name, ASSETS), 'utf8');

const IMPORT = /^import\s+\{([^}]*)\}\s+from\s+'\.\/([\w-]+)\.js';\n/gm;
const EXPORT = /^export (?=(?:async )?(?:const|let|function|class) (\w+))/gm;

/** Modules one behind the other as one, each in a function of its own, so that their names do not meet. */
export function joinModules(modules: readonly (readonly [name: string, text: string])[]): string {
  const variable = (name: string): string => `module_${name.replace(/\W/g, '_')}`;
  return modules
    .map(([name, text]) => {
      const given = [...text.matchAll(EXPORT)].map(([, exported]) => exported);
      const inner = text
        .replace(IMPORT, (_, names: string, from: string) => {
          return `const {${names}} = ${variable(from)};\n`;
        })
        .replace(EXPORT, '');
      const own = variable(name.replace(/\.js$/, ''));
      return `const ${own} = (() => {\n${inner}\nreturn { ${given.join(', ')} };\n})();`;
    })
    .join('\n');
}

/** Put a document together. Throws where a script or style would end its own element. */
export function makeDocument({ title, body, styles = [], scripts }: DocumentParts): PageDocument {
  const uplot = (file: string): string => readFileSync(resolve(`uplot/dist/${file}`), 'utf8');
  const style = [uplot('uPlot.min.css'), ...['shell.css', ...styles].map(asset)].join('\n');
  const library = uplot('uPlot.iife.min.js');
  const program = joinModules(scripts.map((name) => [name, asset(name)]));
  for (const text of [style, library, program]) {
    if (/<\/(script|style)|<!--/i.test(text)) throw new Error('an asset holds markup');
  }
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeMarkup(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${body}
<script>${library}</script>
<script type="module">${program}</script>
</body>
</html>
`;
  return { html, policy: policyOf([library, program], style) };
}

/** What a text must be where it stands in markup. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const policyOf = (scripts: readonly string[], style: string): string =>
  [
    "default-src 'none'",
    `script-src ${scripts.map(hashOf).join(' ')}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
