/**
 * A device that is plugged into a switch, as whoever plugged it in has it.
 * @module
 */
import type { Writable } from 'node:stream';
import { openCapture } from '../device/wrap/capture-file.ts';
import { type CaptureOptions, checkedLimit, Recorder } from '../device/wrap/recorder.ts';
import type { Port, PortStats } from './port.ts';
import type { Stations } from './stations.ts';

/** What passes at a port, on its way to a file. */
export interface PortCapture {
  /** Frames in the file. */
  readonly captured: number;
  /** Frames that are missing there, since it was too slow or failed. */
  readonly lost: number;
  /** Write what is left, and end. May be called again. */
  close(): Promise<void>;
}

/** A device that is plugged in. */
export class SwitchPort {
  /** Settles when it is out: with the error that ended its device, or with none. */
  readonly unplugged: Promise<Error | undefined>;
  readonly #port: Port;
  readonly #stations: Stations;
  readonly #pull: () => Promise<void>;

  /** Not for use from outside: `Switch.plug` makes these. */
  constructor(
    port: Port,
    stations: Stations,
    unplugged: Promise<Error | undefined>,
    pull: () => Promise<void>,
  ) {
    this.#port = port;
    this.#stations = stations;
    this.unplugged = unplugged;
    this.#pull = pull;
  }

  /** As told, or the device's name. */
  get name(): string {
    return this.#port.name;
  }

  /** Counters, as they are now. */
  stats(): PortStats {
    return this.#port.stats(this.#stations.countAt(this.#port.index));
  }

  /**
   * Write what passes here to a pcapng file or stream, until it is closed, the port is pulled out, or another
   * one is begun: each frame as it came or left, and those that were dropped with the reason in a comment
   * (`dropped: storm`). Throws as `capture` does.
   */
  capture(target: string | Writable, options: CaptureOptions = {}): PortCapture {
    checkedLimit(options);
    const stream = typeof target === 'string' ? openCapture(target) : target;
    const log = new Recorder(stream, 'ethernet', this.name, options);
    void this.#port.log?.finish();
    this.#port.log = log;
    const port = this.#port;
    return {
      get captured() {
        return log.captured;
      },
      get lost() {
        return log.lost;
      },
      close: () => {
        if (port.log === log) port.log = undefined;
        return log.finish();
      },
    };
  }

  /** Pull it out, and close the device. May be called again. */
  unplug(): Promise<void> {
    return this.#pull();
  }
}
