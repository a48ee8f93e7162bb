/** Scratch: pictures. */
import { Browser } from '../../support/chromium.ts';
import { stage } from './stage.ts';

const ends: (() => unknown)[] = [];
const t = { teardown: (end: () => unknown) => void ends.push(end) };
const { stack, far, url } = await stage(t, {
  capture: true,
  link: { both: { delay: 20 }, out: { loss: 0.02, rate: 20e6 } },
});
far.net.createServer((socket) => socket.resume()).listen(9);
far.net.createServer((socket) => socket.pipe(socket)).listen(7);
const big = stack.net.connect(9, '10.9.0.1');
const pump = () => {
  while (big.write(Buffer.alloc(65536)));
  big.once('drain', pump);
};
pump();
for (let i = 0; i < 60; i++) {
  const s = stack.net.connect(7, i % 2 ? '10.9.0.1' : 'fd09::1');
  s.resume();
  setInterval(() => s.write('hello'.repeat(20 * (i + 1))), 200).unref();
}
const browser = await Browser.launch();
for (const [name, looks] of Object.entries({
  wide: { width: 1280, height: 900 },
  dark: { width: 1280, height: 900, isDark: true },
  phone: { width: 390, height: 844, isPhone: true },
  phonedark: { width: 390, height: 844, isPhone: true, isDark: true },
})) {
  const page = await browser.page(looks);
  await page.goto(url);
  await page
    .until('document.querySelectorAll("#rows tr").length > 10')
    .catch((e) => console.log(String(e)));
  await new Promise((r) => setTimeout(r, 9000));
  await page.screenshot(`/tmp/shot-${name}.png`, true);
  await page.click('#rows .peer button').catch((e) => console.log(String(e)));
  await new Promise((r) => setTimeout(r, 4000));
  await page.screenshot(`/tmp/shot-${name}-life.png`);
  console.log(name, page.errors, await page.evaluate('document.documentElement.scrollWidth'));
  await page.close();
}
await browser.close();
for (const end of ends) await end();
process.exit(0);
