/** The page of `tunstack lab` in a real browser: it shows a run, its keys and sliders move it, and a phone holds it. */
import test from 'ava';
import { runLab } from '../../../src/cli/lab/lab.ts';
import { Screen } from '../../../src/cli/screen.ts';
import { violations } from '../../support/axe.ts';
import { Browser, whyNoBrowser } from '../../support/chromium.ts';

const inBrowser = whyNoBrowser === '' ? test : test.skip;
if (whyNoBrowser !== '') console.log(`skipped: the lab in a browser: ${whyNoBrowser}`);

inBrowser('lab page: a run is shown, moved by key and slider, and told as a command', async (t) => {
  t.timeout(90_000);
  const lines: string[] = [];
  const out = { write: (text: string) => lines.push(text) };
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const lab = { preset: 'fast-recovery', seed: 4 };
  const options = { lab, speed: Number.POSITIVE_INFINITY, seconds: 5, json: false };
  const place = { address: '127.0.0.1', port: 0 };
  const running = runLab({ ...options, ...place }, new Screen(out, out), stopped);
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const url = /http:\S+/.exec(lines[0] ?? '')?.[0] ?? '';
  const browser = await Browser.launch();
  try {
    const page = await browser.page({ width: 390, height: 844, isPhone: true, isDark: true });
    await page.goto(url);
    const text = (id: string) => `document.getElementById('${id}').textContent`;
    await page.until(`${text('mode')} === 'paused'`);
    await page.until(`/sent again/.test(${text('a')}) && /Recovery|Open/.test(${text('numbers')})`);
    t.regex(String(await page.evaluate(text('title'))), /Fast recovery/);
    const described = `document.querySelector('#sequence-a .plot').getAttribute('aria-label')`;
    t.regex(String(await page.evaluate(described)), /segments sent, \d+ sent again/);
    t.true((await page.ink('#sequence-a canvas', 'in')) > 200, 'strokes of what was sent');
    t.true((await page.ink('#sequence-a canvas', 'bad')) > 20, 'crosses of what was sent again');
    t.true((await page.ink('#sequence-a canvas', 'good')) > 100, 'the line of acknowledgements');
    t.true(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'));
    t.deepEqual(await violations(page), []);
    await page.evaluate(
      `document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '.', bubbles: true }))`,
    );
    await page.until(`parseFloat(${text('clock')}) > 5`);
    await page.evaluate(
      `(() => { const s = document.getElementById('set-loss'); s.value = 100; s.dispatchEvent(new Event('input')); })()`,
    );
    await page.until(`/--at [\\d.]+:loss=1$/.test(${text('command')})`);
    t.deepEqual(page.errors, []);
  } finally {
    await browser.close();
    stop();
    await running;
  }
  t.regex(lines.at(-1) ?? '', /to play it again: tunstack lab fast-recovery --seed 4 --at /);
});
