/**
 * A protocol of one's own over IP: short notes that are sent again until they are acknowledged.
 *
 * A note is a kind (0: note, 1: acknowledgement), a number, and its text. Protocol 253 is kept for
 * experiments (RFC 3692). The kernel knows nothing of it, so this runs between two stacks.
 *
 *     node dist/examples/custom-protocol.js
 * @module
 */
import { createPipe, createStack, impair, type Stack } from 'tunstack';

const PROTOCOL = 253;
const NOTE = 0;
const ACKNOWLEDGEMENT = 1;
const PATIENCE = 20; // milliseconds

export class Notes {
  readonly #protocol: ReturnType<Stack['protocol']>;
  readonly #waiting = new Map<number, () => void>();
  readonly #heard = new Set<string>();
  #number = 0;

  constructor(stack: Stack, heard: (text: string, from: string) => void) {
    this.#protocol = stack.protocol(PROTOCOL, ({ source, data }) => {
      if (data.length < 2) return;
      const [kind = 0, number = 0] = data;
      if (kind === ACKNOWLEDGEMENT) {
        this.#waiting.get(number)?.();
        return;
      }
      this.#protocol.send(Uint8Array.of(ACKNOWLEDGEMENT, number), source);
      const key = `${source} ${number}`; // numbers do not come round in so short an example
      if (this.#heard.has(key)) return; // our acknowledgement was lost
      this.#heard.add(key);
      heard(data.toString('utf8', 2), source);
    });
  }

  /** Settles when it has arrived, with how often it was sent. */
  send(text: string, to: string): Promise<number> {
    const number = this.#number++ & 255;
    const note = Buffer.concat([Uint8Array.of(NOTE, number), Buffer.from(text)]);
    return new Promise((done) => {
      let times = 0;
      const again = (): void => {
        times++;
        this.#protocol.send(note, to);
      };
      const timer = setInterval(again, PATIENCE);
      this.#waiting.set(number, () => {
        clearInterval(timer);
        this.#waiting.delete(number);
        done(times);
      });
      again();
    });
  }
}

if (process.argv[1] === import.meta.filename) {
  const [here, there] = createPipe();
  const one = createStack({
    device: impair(here, { seed: 1, out: { loss: 0.3 } }),
    address: '10.0.0.1/24',
  });
  const other = createStack({ device: there, address: '10.0.0.2/24' });
  new Notes(other, (text, from) => console.log(`${from} says: ${text}`));
  const notes = new Notes(one, () => {});
  for (const text of ['hello', 'three in ten of these are lost', 'and none is missing']) {
    const times = await notes.send(text, '10.0.0.2');
    console.log(`  sent ${times === 1 ? 'once' : `${times} times`}`);
  }
  await one.close();
  await other.close();
}
