/**
 * Asking the link whether an address is somebody's before it is used. RFC 5227 §2.1.
 *
 * A probe is a request from nobody (0.0.0.0) for the address. It is taken if anybody says that it has it, or
 * probes for it at the same time: both then look for another one.
 * @module
 */
import type { Address } from '../base/address.ts';
import { type Micros, NEVER, SECOND } from '../base/clock.ts';
import { type Random, unit } from '../base/random.ts';

/** RFC 5227 §1.1: PROBE_WAIT, PROBE_NUM, PROBE_MIN, PROBE_MAX and ANNOUNCE_WAIT. */
const PROBE_WAIT: Micros = SECOND;
const PROBES = 3;
const PROBE_MIN: Micros = SECOND;
const PROBE_MAX: Micros = 2 * SECOND;
const ANNOUNCE_WAIT: Micros = 2 * SECOND;
/** Addresses that are probed for at once. */
const MOST = 64;

/** What became of a probe: whoever has the address is `hi`, `lo`; `undefined`: nobody has said so. */
export type Probed = (holder: { readonly hi: number; readonly lo: number } | undefined) => void;

interface Probe {
  readonly address: Address;
  readonly done: Probed;
  left: number;
  due: Micros;
}

export class Probes {
  readonly #probes: Probe[] = [];
  readonly #random: Random;
  readonly #send: (address: Address) => void;

  /** `send` asks everyone for an address, from 0.0.0.0. */
  constructor(random: Random, send: (address: Address) => void) {
    this.#random = random;
    this.#send = send;
  }

  /** Begin; `done` is called once, some seconds later. False: too many are being probed for. */
  start(address: Address, now: Micros, done: Probed): boolean {
    if (this.#probes.length >= MOST) return false;
    const due = now + Math.floor(unit(this.#random) * PROBE_WAIT);
    this.#probes.push({ address, done, left: PROBES, due });
    return true;
  }

  /**
   * An ARP packet of another station has come. RFC 5227 §2.1.1: any that says that the address is its sender's
   * is a conflict, and any probe for it.
   */
  heard(sender: Address, target: Address, isProbe: boolean, hi: number, lo: number): void {
    if (this.#probes.length === 0) return;
    for (let i = this.#probes.length - 1; i >= 0; i--) {
      const probe = this.#probes[i];
      if (probe === undefined) continue;
      if (probe.address !== sender && !(isProbe && probe.address === target)) continue;
      this.#probes.splice(i, 1);
      probe.done({ hi, lo });
    }
  }

  expire(now: Micros): void {
    for (let i = this.#probes.length - 1; i >= 0; i--) {
      const probe = this.#probes[i];
      if (probe === undefined || probe.due > now) continue;
      if (probe.left === 0) {
        this.#probes.splice(i, 1);
        probe.done(undefined);
        continue;
      }
      probe.left--;
      const next = PROBE_MIN + Math.floor(unit(this.#random) * (PROBE_MAX - PROBE_MIN));
      probe.due = now + (probe.left === 0 ? ANNOUNCE_WAIT : next);
      this.#send(probe.address);
    }
  }

  deadline(): Micros {
    let due: Micros = NEVER;
    for (const probe of this.#probes) due = Math.min(due, probe.due);
    return due;
  }

  /** The link is gone: nobody has answered. */
  close(): void {
    for (const probe of this.#probes.splice(0)) probe.done(undefined);
  }
}
