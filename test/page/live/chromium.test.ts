/**
 * The live page in a real browser: what is wrong is found with it alone, and it holds for many connections, small
 * screens, keyboards and strangers' names. docs/page.md.
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { violations } from '../../support/axe.ts';
import { Browser, type Looks, type Page, whyNoBrowser } from '../../support/chromium.ts';
import { CASES } from './cases.ts';
import { type Stage, type StageOptions, stage } from './stage.ts';

const inBrowser = whyNoBrowser === '' ? test.serial : test.serial.skip;
/** Those that mostly wait, all at a time. */
const beside = whyNoBrowser === '' ? test : test.skip;
if (whyNoBrowser !== '') console.log(`the page is not tested in a browser: ${whyNoBrowser}`);

let browser: Promise<Browser> | undefined;
test.after.always(async () => (await browser)?.close());

interface Shown extends Stage {
  readonly page: Page;
}

/** A stage, with its page in a browser. Nothing may be said on its console, whatever happens. */
async function shown(
  t: ExecutionContext,
  options: StageOptions = {},
  looks: Looks = {},
): Promise<Shown> {
  t.timeout(60_000);
  browser ??= Browser.launch();
  const made = await stage(t, options);
  const page = await (await browser).page(looks);
  t.teardown(async () => {
    await page.close();
    // An assertion comes too late here: what is thrown fails the test.
    if (page.errors.length > 0) throw new Error(`on its console: ${page.errors.join('\n')}`);
  });
  await page.goto(made.url);
  await page.until('document.querySelector("#state").dataset.state === "live"');
  return { ...made, page };
}

/** Connections that echo, so many. */
async function connections({ stack, far }: Stage, count: number): Promise<void> {
  const server = stack.net.createServer((socket) => socket.on('error', () => {}).resume());
  server.listen({ port: 7, backlog: 4096 });
  for (let i = 0; i < count; i += 500) {
    const batch = Array.from({ length: Math.min(500, count - i) }, () => {
      const socket = far.net.connect(7, '10.9.0.2').on('error', () => {});
      return once(socket, 'connect');
    });
    await Promise.all(batch);
  }
}

// Issue: "someone who has never read the code finds with the page alone ... what is wrong".
for (const [name, { kind, title, evidence, link, play }] of Object.entries(CASES)) {
  beside(`page: a person finds the ${name}`, async (t) => {
    const { stack, far, page } = await shown(t, link ? { link } : {});
    t.teardown(play(stack, far));
    await page.until(`document.querySelector('.finding[data-kind="${kind}"]')`, 30_000);
    const first = '#findings .finding:first-child';
    await page.until(`document.querySelector('${first}').dataset.kind === '${kind}'`);
    t.regex(await page.text(`${first} h3`), title);
    await page.until(`${evidence}.test(document.querySelector('${first} .evidence').innerText)`);
    // It is read out, too.
    t.regex(await page.evaluate('document.querySelector("#spoken").textContent'), title);
    if (kind === 'syn-flood') return;
    await page.until(`document.querySelector('${first} .who button')`);
    await page.click(`${first} .who button`);
    await page.until('document.querySelector("#life").open');
    await page.until('document.querySelector("#life-head").innerText.includes("10.9.0.1:9")');
    if (kind === 'lossy')
      await page.until('Number(document.querySelector("#life").dataset.resent) > 2');
    if (kind === 'peer-stopped') {
      await page.until(
        'document.querySelector("#life-words").innerText.includes("window is shut")',
      );
    }
    if (kind === 'writer') {
      await page.until(
        'document.querySelector("#life-words").innerText.includes("Its program sets the pace")',
      );
    }
    if (kind === 'peer-slow') {
      await page.until('/window/.test(document.querySelector("#life-words").innerText)');
    }
  });
}

inBrowser(
  'page: ten thousand connections are sorted, filtered and scrolled, few of them in the page',
  async (t) => {
    const made = await shown(t);
    t.timeout(180_000); // on a machine that has much else to do
    const { page } = made;
    await connections(made, 10_000);
    await page.until(
      'document.querySelector("#matching").innerText === "10,000 connections"',
      60_000,
    );
    const ports =
      '[...document.querySelectorAll("#rows .peer")].map((cell) => Number(cell.innerText.split(":")[1]))';
    t.true((await page.evaluate<number>('document.querySelectorAll("#rows tr").length')) < 120);
    t.is(
      await page.evaluate('document.querySelector("#table").getAttribute("aria-rowcount")'),
      '10001',
    );
    await page.click('th[data-order="peer"] button');
    await page.until(`document.querySelector('th[data-order="peer"]').ariaSort === 'ascending'`);
    const known = made.stack.connections().map(({ remotePort }) => remotePort);
    const [lowest, highest] = [Math.min(...known), Math.max(...known)];
    await page.until(`(${ports})[0] === ${lowest}`);
    t.true(await page.evaluate(`(${ports}).every((port, i, all) => i === 0 || all[i - 1] < port)`));
    await page.click('th[data-order="peer"] button');
    await page.until(`(${ports})[0] === ${highest}`);
    // To the end of it.
    await page.evaluate('document.querySelector("#window").scrollTop = 1e9');
    await page.until(`(${ports}).at(-1) === ${lowest}`);
    t.is(
      await page.evaluate('document.querySelector("#rows tr:nth-last-child(2)").ariaRowIndex'),
      '10001',
    );
    await page.evaluate('document.querySelector("#filter").focus()');
    await page.type(`:${lowest}`);
    await page.until('document.querySelector("#matching").innerText === "1 of 10,000 connections"');
    t.deepEqual(await page.evaluate<number[]>(ports), [lowest]);
    await page.type(' rtt>x');
    await page.until(
      'document.querySelector("#filter-wrong").innerText.includes("compared with a number")',
    );
  },
);

inBrowser('page: by keyboard a connection is found, opened and left', async (t) => {
  const made = await shown(t, {}, { isReduced: true });
  const { page, device } = made;
  await connections(made, 3);
  await page.until('document.querySelectorAll("#rows .peer button").length >= 3');
  await page.evaluate('document.querySelector("#filter").focus()');
  await page.type('10.9.0.1');
  await page.press('Tab'); // what scrolls
  await page.press('Tab');
  t.is(await page.evaluate('document.activeElement.closest("th")?.dataset.order'), 'peer');
  await page.press('Enter');
  await page.until(`document.querySelector('th[data-order="peer"]').ariaSort === 'ascending'`);
  for (let i = 0; i < 10; i++) await page.press('Tab');
  t.is(await page.evaluate('document.activeElement.closest("td")?.className'), 'peer');
  t.is(device.watchers, 0, 'nobody looks at packets before');
  await page.press('Enter');
  await page.until('document.querySelector("#life-state").innerText === "established"');
  t.is(device.watchers, 1);
  await page.press('Escape');
  await page.until('!document.querySelector("#life").open');
  t.is(await page.evaluate('document.activeElement.closest("td")?.className'), 'peer');
  while (device.watchers > 0) await new Promise((again) => setTimeout(again, 10));
  t.pass('and nobody afterwards');
});

for (const isDark of [false, true]) {
  inBrowser(`page: a telephone shows all of it${isDark ? ', in the dark' : ''}`, async (t) => {
    const made = await shown(
      t,
      { capture: true },
      { width: 390, height: 844, isPhone: true, isDark },
    );
    const { page } = made;
    await connections(made, 20);
    await page.until('document.querySelectorAll("#rows .peer button").length >= 20');
    const wide = 'document.documentElement.scrollWidth';
    t.true((await page.evaluate<number>(wide)) <= 390);
    t.is(await page.evaluate('matchMedia("(prefers-color-scheme: dark)").matches'), isDark);
    const light =
      '(() => { const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g); return +r + +g + +b; })()';
    t.is((await page.evaluate<number>(light)) < 200, isDark);
    await page.click('#rows .peer button');
    await page.until('document.querySelector("#life-facts").children.length > 10');
    t.true((await page.evaluate<number>(wide)) <= 390);
    const inner =
      'document.querySelector("#life").scrollWidth <= document.querySelector("#life").clientWidth';
    t.true(await page.evaluate(inner));
  });
}

for (const isDark of [false, true]) {
  const where = isDark ? 'in the dark' : 'by day';
  inBrowser(
    `page: axe finds nothing wrong with it ${where}, nor with a connection's life`,
    async (t) => {
      const facts = () => [{ title: 'Leases', columns: ['name', 'address'], rows: [['a', 1]] }];
      const made = await shown(t, { capture: true, facts }, { isDark });
      const { page, stack, far } = made;
      t.teardown(CASES['slow receiver']?.play(stack, far) ?? (() => {}));
      await page.until(
        `document.querySelector('.finding[data-kind="peer-slow"] .who button')`,
        30_000,
      );
      t.deepEqual(await violations(page), []);
      await page.click('.finding .who button');
      await page.until('document.querySelector("#life-facts").children.length > 10');
      t.deepEqual(await violations(page), []);
    },
  );
}

inBrowser(
  'page: what moves by itself is stopped by a button, and goes on (WCAG 2.2.2)',
  async (t) => {
    const made = await shown(t);
    const { page } = made;
    await connections(made, 3);
    await page.until('document.querySelectorAll("#rows .peer button").length === 3');
    await page.click('#pause');
    t.regex(await page.text('#state'), /^paused at \d\d:\d\d:\d\d$/);
    t.is(await page.evaluate('document.querySelector("#pause").ariaPressed'), 'true');
    const label = 'document.querySelector("#throughput .plot").ariaLabel';
    const before = await page.evaluate(label);
    for (let i = 0; i < 2; i++) {
      await once(
        made.far.net.connect(7, '10.9.0.2').on('error', () => {}),
        'connect',
      );
    }
    await new Promise((later) => setTimeout(later, 2200));
    t.is(await page.evaluate(label), before);
    t.is(await page.text('#matching'), '3 connections');
    await page.click('th[data-order="peer"] button'); // who asks is answered
    await page.until('document.querySelector("#matching").innerText === "5 connections"');
    await page.click('#pause');
    await page.until('document.querySelector("#state").dataset.state === "live"');
  },
);

inBrowser('page: its graphs are drawn, and not only said', async (t) => {
  const { page, stack, far } = await shown(t, { link: CASES['lossy link']?.link ?? {} });
  const nothing = await page.ink('#throughput canvas', 'out');
  t.teardown(CASES['lossy link']?.play(stack, far) ?? (() => {}));
  await page.until('document.querySelector("#rows .peer button")');
  await page.click('#rows .peer button');
  await page.until('Number(document.querySelector("#life").dataset.resent) > 5', 30_000);
  t.true((await page.ink('#life-out canvas', 'in')) > 200, 'strokes of what was sent');
  t.true((await page.ink('#life-out canvas', 'bad')) > 20, 'crosses of what was sent again');
  t.true((await page.ink('#life-out canvas', 'good')) > 100, 'the line of acknowledgements');
  await page.press('Escape');
  t.true((await page.ink('#throughput canvas', 'out')) > nothing + 30);
});

inBrowser('page: what strangers call themselves is text and never markup', async (t) => {
  const name = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const facts = () => [{ title: 'Leases', columns: ['name', name], rows: [[name, 1]] }];
  const { page } = await shown(t, { facts });
  await page.until('document.querySelector("#facts td")');
  t.is(await page.text('#facts td'), name);
  t.is(await page.evaluate('document.querySelectorAll("#facts img, #facts script").length'), 0);
  t.is(await page.evaluate('document.title'), 'tunstack stage pipe');
});

inBrowser('page: each graph says in words what it shows', async (t) => {
  const { page } = await shown(t);
  const labels = '[...document.querySelectorAll(".plot")].map((plot) => plot.ariaLabel)';
  await page.until(`(${labels}).every((label) => /now|nothing yet/.test(label))`);
  t.is((await page.evaluate<string[]>(labels)).length, 4);
  t.is(
    await page.evaluate(
      '[...document.querySelectorAll(".plot")].every((plot) => plot.role === "img")',
    ),
    true,
  );
});

inBrowser('page: a capture is begun, ended and taken home', async (t) => {
  const { page, far, url } = await shown(t, { capture: true });
  await page.evaluate('document.querySelector("#capture-filter").focus()');
  await page.type('port http');
  await page.click('#capture-button');
  await page.until('document.querySelector("#capture-wrong").innerText.includes("not a port")');
  await page.evaluate('document.querySelector("#capture-filter").value = "icmp"');
  await page.click('#capture-button');
  await page.until('document.querySelector("#capture-button").innerText === "Stop"');
  await far.ping('10.9.0.2');
  await page.click('#capture-button');
  await page.until('document.querySelector("#capture-state").innerText.startsWith("2 packets")');
  t.false(await page.evaluate('document.querySelector("#capture-file").hidden'));
  const file = Buffer.from(await (await fetch(`${url}v1/capture.pcapng`)).arrayBuffer());
  t.is(file.readUInt32BE(0), 0x0a0d0d0a); // pcapng, section header block
});

inBrowser('page: a stack that ends while it is looked at is one clear line', async (t) => {
  const { page, close } = await shown(t);
  await close();
  await page.until('document.querySelector("#state").dataset.state === "ended"');
  t.regex(await page.text('#state'), /^It has ended\. What is shown is of \d\d:\d\d:\d\d\.$/);
});

inBrowser('page: the stack serves it over itself', async (t) => {
  const { stack, far } = await shown(t);
  const page = await new Promise<string>((resolve, reject) => {
    const socket = far.net.connect(80, '10.9.0.2');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.on('end', () => resolve(text)).on('error', reject);
    socket.write('GET / HTTP/1.1\r\nHost: 10.9.0.2\r\nConnection: close\r\n\r\n');
  });
  t.regex(
    page,
    /^HTTP\/1\.1 200 OK[\s\S]*content-security-policy: default-src 'none'[\s\S]*<\/html>/,
  );
  t.true(stack.stats().TcpPassiveOpens > 0);
});
