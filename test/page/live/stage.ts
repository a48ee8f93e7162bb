/**
 * A stage: two stacks with a link of the simulator between them, the live page on the first of them and on a port of
 * this host.
 */
import type { ExecutionContext } from 'ava';
import {
  createPipe,
  createStack,
  impair,
  type LinkImpairment,
  type Stack,
  type StackOptions,
  type TapDevice,
  tap,
} from '../../../src/index.ts';
import { type LiveOptions, liveServer } from '../../../src/page/live/live.ts';
import type { Watched } from '../../../src/page/live/watched.ts';

export interface Stage {
  readonly stack: Stack;
  readonly far: Stack;
  readonly device: TapDevice;
  /** Of the page on this host. */
  readonly url: string;
  /** End the stack that is looked at, and its page, before the test does. */
  close(): Promise<void>;
}

export interface StageOptions extends LiveOptions {
  readonly link?: LinkImpairment;
  readonly mtu?: number;
  readonly tcp?: StackOptions['tcp'];
  readonly facts?: Watched['facts'];
  /** Of the page; default one that is free. */
  readonly port?: number;
}

/** Set it up, and take it away when the test is over. */
export async function stage(
  t: Pick<ExecutionContext, 'teardown'>,
  options: StageOptions = {},
): Promise<Stage> {
  const { link, mtu = 1500, tcp, facts, port: wished = 0, ...live } = options;
  const [left, right] = createPipe({ mtu });
  const device = tap(link === undefined ? left : impair(left, { seed: 7, ...link }));
  const stack = createStack({
    device,
    address: ['10.9.0.2/24', 'fd09::2/64'],
    ...(tcp && { tcp }),
  });
  const far = createStack({ device: right, address: ['10.9.0.1/24', 'fd09::1/64'] });
  const began = performance.now();
  const page = liveServer(
    {
      ...{ stack, device },
      about: () => ({
        ...{ command: 'stage', device: 'pipe', medium: 'ip', addresses: stack.addresses },
        uptime: (performance.now() - began) / 1000,
      }),
      ...(facts && { facts }),
    },
    live,
  );
  const port = await page.listen(wished, '127.0.0.1');
  stack.net.createServer(page.connected).listen(80);
  let closed: Promise<unknown> | undefined;
  const close = async (): Promise<void> => {
    closed ??= page
      .close()
      .then(() => Promise.all([stack.close({ linger: 0 }), far.close({ linger: 0 })]));
    await closed;
  };
  t.teardown(close);
  return { stack, far, device, url: `http://127.0.0.1:${port}/`, close };
}
