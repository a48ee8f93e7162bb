/**
 * What a hook of a switch is shown of each frame, and what it says of it.
 * @module
 */
import type { Frame } from './frame.ts';
import type { SwitchPort } from './plug.ts';

/** What a hook says of a frame. */
export type FrameVerdict = 'pass' | 'drop';

/** A frame that a hook is shown; one object for all, filled again for each. */
export interface SwitchFrame {
  /** Where it came from. */
  readonly port: SwitchPort;
  /** Its VLAN, 1 to 4094. */
  readonly vlan: number;
  /** The memory that it lies in: for the accessors of `tunstack/wire`, and to change it. */
  readonly view: DataView;
  /** Where its Ethernet header begins. */
  readonly at: number;
  /** Bytes from there to its end. */
  readonly length: number;
}

/** The frame that a switch is handing on, as a hook sees it. */
export class Shown implements SwitchFrame {
  vlan = 0;
  at = 0;
  length = 0;
  readonly #frame: Frame;
  #port: SwitchPort | undefined;

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  get port(): SwitchPort {
    return this.#port as SwitchPort; // it is shown only once it has one
  }

  /** Who asks for it looks into the frame, which must be in one place then. */
  get view(): DataView {
    this.#frame.whole();
    return this.#frame.view;
  }

  fill(port: SwitchPort): void {
    const { vlan, start, length, headerLength } = this.#frame;
    this.#port = port;
    this.vlan = vlan;
    this.at = start;
    this.length = length - headerLength;
  }
}
