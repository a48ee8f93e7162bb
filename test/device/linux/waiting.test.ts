/** How the event loop is kept turning. @module */
import test from 'ava';
import { Spinner } from '../../../src/device/linux/waiting.ts';

/** How often each of the next `rounds` of the event loop asks. */
async function asked(
  spinner: Spinner,
  counter: { asks: number },
  rounds: number,
): Promise<number[]> {
  const found: number[] = [];
  spinner.touch();
  for (let i = 0; i < rounds; i++) {
    counter.asks = 0;
    await new Promise((resolve) => setImmediate(resolve));
    found.push(counter.asks);
  }
  return found;
}

test('waiting: a turn right after traffic asks less often than those that follow', async (t) => {
  const counter = { asks: 0 };
  const spinner = new Spinner({ waiting: 'busy' }, () => {
    counter.asks++;
    return false;
  });
  spinner.start();
  const [first = 0, ...rest] = await asked(spinner, counter, 6);
  t.true(first > 0);
  t.deepEqual(rest, [2 * first, 4 * first, 6 * first, 6 * first, 6 * first]);
  t.deepEqual(await asked(spinner, counter, 2), [first, 2 * first]);
  spinner.stop();
});

test('waiting: a packet that was found ends the asking of its turn', async (t) => {
  const counter = { asks: 0 };
  const spinner = new Spinner({ waiting: 'busy' }, () => ++counter.asks === 2);
  spinner.start();
  t.deepEqual(await asked(spinner, counter, 1), [2]);
  spinner.stop();
});

test('waiting: who only sleeps is never asked', async (t) => {
  const counter = { asks: 0 };
  const spinner = new Spinner({ waiting: 'event' }, () => ++counter.asks > 0);
  spinner.start();
  t.deepEqual(await asked(spinner, counter, 2), [0, 0]);
  spinner.stop();
});

test('waiting: what was found is told before the next turn asks', async (t) => {
  const order: string[] = [];
  const spinner = new Spinner({ waiting: 'busy' }, () => {
    order.push('asked');
    setImmediate(() => order.push('told'));
    return true;
  });
  spinner.start();
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  spinner.stop();
  t.deepEqual(order.slice(0, 4), ['asked', 'told', 'asked', 'told']);
});

test('waiting: a look that throws ends only its own turn', (t) => {
  const queue: (() => void)[] = [];
  const { setImmediate } = globalThis;
  globalThis.setImmediate = ((turn: () => void) => queue.push(turn)) as never;
  try {
    const spinner = new Spinner({ waiting: 'busy' }, () => {
      throw new Error('of a look');
    });
    spinner.start();
    t.throws(() => queue.shift()?.(), { message: 'of a look' });
  } finally {
    globalThis.setImmediate = setImmediate;
  }
  t.is(queue.length, 1);
});
