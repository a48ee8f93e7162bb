/**
 * A real browser, driven by the Chrome DevTools Protocol: Debian's Chromium, without a head.
 *
 * https://chromedevtools.github.io/devtools-protocol/
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

const PROGRAM = '/usr/bin/chromium';

/** Why there can be no browser; '' if there can. */
export const whyNoBrowser: string = existsSync(PROGRAM) ? '' : `there is no ${PROGRAM}`;

type Parameters = Readonly<Record<string, unknown>>;

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** What a page looks like. */
export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly isDark?: boolean;
  readonly isPhone?: boolean;
  readonly isReduced?: boolean;
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #socket: WebSocket;
  readonly #folder: string;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #pages = new Map<string, Page>();
  #next = 0;

  private constructor(child: ChildProcess, socket: WebSocket, folder: string) {
    this.#child = child;
    this.#socket = socket;
    this.#folder = folder;
    socket.on('message', (data) => this.#take(JSON.parse(String(data)) as Reply));
  }

  /** Begin one. */
  static async launch(): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-chromium-'));
    const child = spawn(
      PROGRAM,
      [
        ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
        ...['--no-first-run', '--disable-extensions', '--disable-background-networking'],
        ...['--disable-component-update', '--mute-audio', '--hide-scrollbars'],
        ...['--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const address = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error('Chromium has ended')));
      createInterface(child.stderr).on('line', (line) => {
        const [, found] = /listening on (ws:\S+)/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    const socket = new WebSocket(address, { perMessageDeflate: false });
    await new Promise((open, failed) => socket.once('open', open).once('error', failed));
    return new Browser(child, socket, folder);
  }

  #take(reply: Reply): void {
    if (reply.id !== undefined) {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    } else if (reply.sessionId !== undefined) this.#pages.get(reply.sessionId)?.told(reply);
  }

  async send(method: string, params: Parameters = {}, sessionId?: string): Promise<Reply> {
    const id = ++this.#next;
    const answered = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) }));
    const reply = await answered;
    if (reply.error) throw new Error(`${method}: ${reply.error.message}`);
    return reply;
  }

  /** A page of its own, with nothing remembered. */
  async page(looks: Looks = {}): Promise<Page> {
    const { width = 1280, height = 900, isDark = false, isPhone = false, isReduced } = looks;
    const made = await this.send('Target.createTarget', { url: 'about:blank' });
    const targetId = made.result?.['targetId'] as string;
    const attached = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const session = attached.result?.['sessionId'] as string;
    const page = new Page(this, session, targetId);
    this.#pages.set(session, page);
    for (const domain of ['Page', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', {
      ...{ width, height, deviceScaleFactor: 1, mobile: isPhone },
    });
    const features = [
      { name: 'prefers-color-scheme', value: isDark ? 'dark' : 'light' },
      { name: 'prefers-reduced-motion', value: isReduced ? 'reduce' : 'no-preference' },
    ];
    await page.send('Emulation.setEmulatedMedia', { features });
    return page;
  }

  async close(): Promise<void> {
    const gone = new Promise((exit) => this.#child.once('exit', exit));
    await this.send('Browser.close'); // its children too, which would still write into the folder
    await gone;
    this.#socket.terminate();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

const KEYS: Readonly<Record<string, readonly [code: number, text?: string]>> = {
  Enter: [13, '\r'],
  Tab: [9],
  Escape: [27],
  ArrowDown: [40],
  End: [35],
  PageDown: [34],
};

export class Page {
  readonly #browser: Browser;
  readonly #session: string;
  readonly #target: string;
  /** What was said on the console as an error, and what was thrown. */
  readonly errors: string[] = [];

  constructor(browser: Browser, session: string, target: string) {
    this.#browser = browser;
    this.#session = session;
    this.#target = target;
  }

  /** An event of the browser's. */
  told({ method, params = {} }: Reply): void {
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded') {
      const { level } = (params['entry'] ?? {}) as { level?: string };
      if (method === 'Runtime.exceptionThrown' || level === 'error' || level === 'warning') {
        this.errors.push(JSON.stringify(params).slice(0, 600));
      }
    } else if (method === 'Runtime.consoleAPICalled') {
      const type = String(params['type']);
      if (type === 'error' || type === 'warning' || type === 'assert') {
        this.errors.push(JSON.stringify(params['args']).slice(0, 600));
      }
    }
  }

  send(method: string, params: Parameters = {}): Promise<Reply> {
    return this.#browser.send(method, params, this.#session);
  }

  async goto(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
    await this.until('document.readyState === "complete"');
  }

  /** What an expression gives, as JSON carries it. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result } = await this.send('Runtime.evaluate', {
      ...{ expression, returnByValue: true, awaitPromise: true },
    });
    const thrown = result?.['exceptionDetails'];
    if (thrown !== undefined) throw new Error(JSON.stringify(thrown).slice(0, 600));
    return (result?.['result'] as { value: T } | undefined)?.value as T;
  }

  /** Wait until an expression is true. */
  async until(expression: string, ms = 15_000): Promise<void> {
    const end = Date.now() + ms;
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (Date.now() > end) throw new Error(`it is not true after ${ms} ms: ${expression}`);
      await new Promise((again) => setTimeout(again, 40));
    }
  }

  /** The text that a person sees there. */
  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
  }

  /** Click in the middle of it, as a mouse does, once it is there: what a page shows live comes and goes. */
  async click(selector: string): Promise<void> {
    const found = JSON.stringify(selector);
    await this.until(`document.querySelector(${found})`);
    const [x, y] = await this.evaluate<[number, number]>(`(() => {
      const element = document.querySelector(${found});
      element.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`);
    for (const type of ['mousePressed', 'mouseReleased']) {
      const button = { button: 'left', clickCount: 1 };
      await this.send('Input.dispatchMouseEvent', { type, x, y, ...button });
    }
  }

  /** How many pixels of a canvas have the colour that a custom property of the style names, as good as. */
  ink(canvas: string, property: string): Promise<number> {
    return this.evaluate(`(() => {
      const copy = (width, height) => {
        const made = Object.assign(document.createElement('canvas'), { width, height });
        return made.getContext('2d', { willReadFrequently: true });
      };
      const swatch = copy(1, 1);
      swatch.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--${property}').trim();
      swatch.fillRect(0, 0, 1, 1);
      const [r, g, b] = swatch.getImageData(0, 0, 1, 1).data;
      const found = document.querySelector(${JSON.stringify(canvas)});
      const drawn = copy(found.width, found.height);
      drawn.drawImage(found, 0, 0);
      const { data } = drawn.getImageData(0, 0, found.width, found.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        const far = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
        if (data[i + 3] > 128 && far < 60) count++;
      }
      return count;
    })()`);
  }

  async press(key: string): Promise<void> {
    const [code = 0, text] = KEYS[key] ?? [];
    const shared = { key, code: key, windowsVirtualKeyCode: code };
    await this.send('Input.dispatchKeyEvent', {
      type: 'keyDown',
      ...shared,
      ...(text && { text }),
    });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...shared });
  }

  /** Type into what has the focus. */
  async type(text: string): Promise<void> {
    await this.send('Input.insertText', { text });
  }

  async screenshot(path: string, isWhole = false): Promise<void> {
    const { result } = await this.send('Page.captureScreenshot', {
      ...{ format: 'png', captureBeyondViewport: isWhole },
    });
    writeFileSync(path, Buffer.from(String(result?.['data']), 'base64'));
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#target });
  }
}
