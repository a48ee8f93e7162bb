/**
 * `npm run stage -- --name 'lossy link'`: a network in which something is wrong, with its live page on 127.0.0.1:8080, for a
 * person to find out what. docs/page.md has the five of them; the tests play the same.
 */
import { build } from './build.mjs';
import { readWords } from './words.mjs';

const { port, name } = readWords('stage', {
  port: { type: 'string', default: '8080' },
  name: { type: 'string', default: 'lossy link' },
});
build();
const { CASES } = await import('../dist/test/page/live/cases.js');
const { stage } = await import('../dist/test/page/live/stage.js');
const played = CASES[name];
if (played === undefined) {
  console.error(`--name ${name}: there are ${Object.keys(CASES).join(', ')}`);
  process.exit(1);
}
const { stack, far, url, close } = await stage(
  { teardown: () => {} },
  { link: played.link, capture: true, port: Number(port) },
);
const end = played.play(stack, far);
stack.ref();
console.log(`${name}: ${url}`);
process.once('SIGINT', async () => {
  end();
  await close();
  process.exit();
});
