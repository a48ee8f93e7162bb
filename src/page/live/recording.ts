/**
 * A capture that is begun and ended from the page: pcapng, in memory, of a bounded size.
 * @module
 */
import { Writable } from 'node:stream';
import { packetFilter, Recorder, type TapDevice } from '../../index.ts';

/** How it stands, for the page. */
export interface RecordingState {
  readonly isRunning: boolean;
  readonly packets: number;
  readonly bytes: number;
  /** Packets that are missing. */
  readonly lost: number;
  /** It ended by itself, since it was as long as it may be. */
  readonly isFull: boolean;
  readonly filter: string;
}

/** The last one, running or ended. One at a time: the next takes the place of the last. */
export class Recording {
  readonly #device: TapDevice;
  readonly #most: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isFull = false;
  #filter = '';
  #recorder: Recorder | undefined;
  #unwatch: (() => void) | undefined;

  /** `most`: bytes of a file. */
  constructor(device: TapDevice, most: number = 32 * 1024 * 1024) {
    this.#device = device;
    this.#most = most;
  }

  get state(): RecordingState | undefined {
    const recorder = this.#recorder;
    if (recorder === undefined) return undefined;
    return {
      ...{ isRunning: this.#unwatch !== undefined, packets: recorder.captured },
      ...{ bytes: this.#bytes, lost: recorder.lost, isFull: this.#isFull, filter: this.#filter },
    };
  }

  /** Begin. Throws what is wrong with the filter, or that one runs. */
  start(filter: string): void {
    if (this.#unwatch !== undefined) throw new Error('a capture runs already');
    const fits = packetFilter(filter);
    this.#chunks = [];
    this.#bytes = 0;
    this.#isFull = false;
    this.#filter = filter;
    const recorder = new Recorder(this.#memory(), this.#device.medium, this.#device.name, {
      filter: fits,
    });
    this.#unwatch = this.#device.watch(recorder.record);
    this.#recorder = recorder;
  }

  #memory(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, written) => {
        // The recorder uses its blocks again.
        this.#chunks.push(Buffer.from(chunk));
        this.#bytes += chunk.length;
        if (this.#bytes >= this.#most && this.#unwatch !== undefined) {
          this.#isFull = true;
          void this.stop();
        }
        written();
      },
    });
  }

  /** End it. */
  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#unwatch = undefined;
    await this.#recorder?.finish();
  }

  /** What was captured, in pieces; undefined while none has ended. */
  file(): readonly Buffer[] | undefined {
    return this.#recorder === undefined || this.#unwatch !== undefined ? undefined : this.#chunks;
  }
}
