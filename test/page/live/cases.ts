/**
 * Networks in which something is wrong, or seems to be, staged with the simulator's link: docs/page.md tells where the page says
 * what. `npm run stage -- NAME` serves one of them to a person.
 */
import type { LinkImpairment, Stack } from '../../../src/index.ts';
import { ip } from '../../support/packets.ts';
import { flagBits, optionBytes, tcpPacket } from '../../support/segments.ts';

/** One of them. */
export interface Case {
  /** What the page must say: the finding's kind, and its title. */
  readonly kind: string;
  readonly title: RegExp;
  /** Text of the finding's line of numbers. */
  readonly evidence: RegExp;
  readonly link?: LinkImpairment;
  /** Begin; what is given ends it. `stack` is looked at, `far` is at 10.9.0.1. */
  play(stack: Stack, far: Stack): () => void;
}

const SINK = 9;

/** Write 20 kB ten times a second, whatever the network would take. */
function drip(stack: Stack): () => void {
  const socket = stack.net.connect(SINK, '10.9.0.1').on('error', () => {});
  const timer = setInterval(() => socket.write(Buffer.alloc(20_000)), 100);
  return () => {
    clearInterval(timer);
    socket.destroy();
  };
}

/** Write without end, as fast as it is taken. */
function pour(stack: Stack): () => void {
  const socket = stack.net.connect(SINK, '10.9.0.1');
  const piece = Buffer.alloc(65_536);
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more).on('error', () => {});
  socket.on('connect', more);
  return () => socket.destroy();
}

export const CASES: Readonly<Record<string, Case>> = {
  'lossy link': {
    kind: 'lossy',
    title: /^Lossy link/,
    evidence: /% of its segments are sent again/,
    link: { both: { delay: 5_000 }, out: { loss: 0.02, rate: 20e6 } },
    play: (stack, far) => {
      far.net.createServer((socket) => socket.resume()).listen(SINK);
      return pour(stack);
    },
  },
  'zero window': {
    kind: 'peer-stopped',
    title: /^Zero window: the other end has stopped reading/,
    evidence: /its window is 0 bytes, \d+ bytes wait here/,
    play: (stack, far) => {
      far.net.createServer((socket) => socket.pause()).listen(SINK);
      return pour(stack);
    },
  },
  'path MTU black hole': {
    kind: 'black-hole',
    title: /^Path MTU black hole/,
    evidence: /to 10\.9\.0\.1 packets of \d+ bytes pass and longer ones are lost without a word/,
    link: { both: { delay: 5_000 }, out: { rate: 50e6 } },
    play: (stack, far) => {
      far.net.createServer((socket) => socket.resume()).listen(SINK);
      // A router that takes 1300 bytes and sends no ICMP.
      const hook = far.hook('input', ({ length }) => (length > 1300 ? 'drop' : undefined));
      const end = pour(stack);
      return () => {
        end();
        hook.remove();
      };
    },
  },
  'SYN flood': {
    kind: 'syn-flood',
    title: /^SYN flood/,
    evidence: /\d+ half-open; [\d.]+ SYN cookies sent a second/,
    play: (stack, far) => {
      stack.net.createServer((socket) => socket.resume()).listen({ port: 8080, backlog: 64 });
      const [device] = stack.devices;
      if (device) stack.addRoute('198.18.0.0/15', { device: device.name });
      const raw = far.raw();
      let turn = 0;
      const timer = setInterval(() => {
        for (let i = 0; i < 20; i++) {
          turn++;
          raw.send(
            tcpPacket({
              source: ip(`198.18.${(turn >> 8) & 255}.${turn & 255 || 1}`),
              ...{ sourcePort: 1024 + (turn % 60_000), destination: ip('10.9.0.2'), port: 8080 },
              ...{ seq: turn, ack: 0, flags: flagBits('S'), window: 1024 },
              options: optionBytes({ mss: 1460 }),
            }),
          );
        }
      }, 20);
      return () => {
        clearInterval(timer);
        raw.close();
      };
    },
  },
  'slow receiver': {
    kind: 'peer-slow',
    title: /^Slow receiver at the other end/,
    evidence: /its window is \d+ bytes where the network would take \d+/,
    link: { both: { delay: 2_000 } },
    play: (stack, far) => {
      far.net
        .createServer((socket) => {
          socket.pause();
          // 100 kB a second, in sips.
          const timer = setInterval(() => socket.read(5000), 50);
          socket.on('close', () => clearInterval(timer)).on('error', () => {});
        })
        .listen(SINK);
      return pour(stack);
    },
  },
  'slow program': {
    kind: 'writer',
    title: /^A program of this host sets the pace/,
    evidence: /kB a second; for [\d.]+ % of the time anything but the program held text back/,
    link: { both: { delay: 5_000 }, out: { rate: 100e6 } },
    play: (stack, far) => {
      far.net.createServer((socket) => socket.resume()).listen(SINK);
      return drip(stack);
    },
  },
};
