/**
 * A device ends with the environment that opened it: a worker that is terminated, exits or throws
 * leaves no interface behind. Documentation/networking/tuntap.rst: a network device that is not
 * persistent is gone when its last descriptor is closed.
 * @module
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Iff, LinkControl, TunControl } from '../../src/device/linux/ioctl.ts';
import { loadLibc, O } from '../../src/device/linux/libc.ts';
import { moduleUrl, settle } from '../device/support.ts';
import { tunTest } from './namespace.ts';

const USER = '{ memory: new Uint8Array(65536), readable() {}, writable() {}, closed() {} }';

/** A worker that opens a device by `opening`, has it started, and says so. */
async function workerWith(opening: string): Promise<Worker> {
  const source = `
    const { parentPort } = require('node:worker_threads');
    (async () => {
      const { openTun } = await import(${moduleUrl('linux/tun')});
      const { openFd } = await import(${moduleUrl('linux/fd')});
      const tun = await ${opening};
      tun.start(${USER});
      parentPort.postMessage('open');
      parentPort.on('message', (end) => {
        if (end === 'exit') process.exit(3);
        if (end === 'throw') throw new Error('thrown on purpose');
      });
    })();
  `;
  const worker = new Worker(source, { eval: true, stderr: true });
  worker.on('error', () => {}); // what it throws is asked for here
  await once(worker, 'message');
  return worker;
}

async function exists(name: string): Promise<boolean> {
  const link = new LinkControl(await loadLibc());
  try {
    return link.exists(name);
  } finally {
    link.close();
  }
}

const ENDS: Readonly<Record<string, (worker: Worker) => void>> = {
  terminated: (worker) => void worker.terminate(),
  exited: (worker) => worker.postMessage('exit'),
  thrown: (worker) => worker.postMessage('throw'),
};

for (const [how, end] of Object.entries(ENDS)) {
  tunTest(`worker: its TUN is gone when it is ${how}`, async (t) => {
    const worker = await workerWith("openTun({ name: 'work0', multiQueue: true })");
    t.true(await exists('work0'));
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    end(worker);
    await exit;
    t.false(await exists('work0'));
  });
}

tunTest('worker: a descriptor that it adopted is closed when it is terminated', async (t) => {
  const libc = await loadLibc();
  const fd = libc.open('/dev/net/tun', O.RDWR | O.CLOEXEC);
  new TunControl(libc).attach(fd, 'work1', Iff.TUN | Iff.NO_PI);
  const worker = await workerWith(`openFd(${fd})`);
  t.true(await exists('work1'));
  await worker.terminate();
  t.false(await exists('work1'));
  t.is(libc.fcntl(fd, 1, 0), -1, 'the number that was given is free');
});

tunTest('worker: a device that is closed there is closed for Node too', async (t) => {
  const worker = await workerWith(
    '(async () => { const one = await openTun(); await one.close(); return openTun(); })()',
  );
  let warnings = '';
  worker.stderr.setEncoding('utf8').on('data', (text: string) => {
    warnings += text;
  });
  await worker.terminate();
  await settle();
  t.is(warnings, '', 'Node warns of a descriptor that it finds opened or closed twice');
});
