/**
 * What is known of the MTU of paths: learnt from ICMP or by probes, forgotten after ten minutes.
 * RFC 1191 §6.3, RFC 4821 §5.2.
 *
 * There are two: one of those who have checked that the message is about a packet in flight (RFC 5927 §7),
 * one of those who cannot.
 * @module
 */
import { type Address, drop, hold } from '../base/address.ts';
import { MINUTE, type Micros, NEVER } from '../base/clock.ts';
import { leastMtu } from './family.ts';
import type { Route } from './route.ts';

/** RFC 1191 §6.3: after this long the path may have become wider. */
export const PATH_MTU_LIFETIME: Micros = 10 * MINUTE;
/**
 * We believe no path to be narrower: a forged message must not make us send crumbs. Where one is,
 * DF is left off instead, so that routers fragment. RFC 5927 §7.2; Linux's `min_pmtu`.
 */
export const PATH_MTU_FLOOR = 552;
/** The most paths that are remembered; the one learnt first is forgotten first. */
const LIMIT = 4096;

/** RFC 1191 §7.1: the MTUs there are, for routers that do not say theirs. */
const PLATEAUS = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68] as const;

/** The MTU to try after a packet of `length` bytes did not pass and nobody says why. */
export function plateauBelow(length: number): number {
  for (const plateau of PLATEAUS) if (plateau < length) return plateau;
  return 68;
}

/** What is known of one path. */
export interface PathMtu {
  readonly mtu: number;
  readonly until: Micros;
  /** Found by probes: no router says so when the path is wider again, or when it is not. */
  readonly probed: boolean;
  /** Longer packets may pass: who can probe should. */
  readonly raisable: boolean;
}

export class PathMtus {
  readonly #paths: Map<Address, PathMtu> = new Map(); // oldest first, as all live equally long
  readonly #changed: () => void;

  /** `changed` is called when routes have to be looked up again. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Packets to `destination` must not be longer than `mtu`. False if that is known already. */
  reduce(destination: Address, mtu: number, now: Micros): boolean {
    const known = this.#paths.get(destination);
    if (known !== undefined && known.mtu <= mtu) return false;
    this.#set(destination, mtu, false, false, now);
    return true;
  }

  /**
   * Packets of `mtu` bytes to `destination` passed, and longer ones did not, or (`raisable`) are still
   * to be tried; infinity: nothing limits them. RFC 4821 §5.2.
   */
  probed(destination: Address, mtu: number, raisable: boolean, now: Micros): void {
    if (mtu !== Number.POSITIVE_INFINITY) this.#set(destination, mtu, true, raisable, now);
    else if (this.#forget(destination)) this.#changed();
  }

  #set(destination: Address, mtu: number, probed: boolean, raisable: boolean, now: Micros): void {
    hold(destination);
    this.#forget(destination);
    if (this.#paths.size >= LIMIT) {
      for (const oldest of this.#paths.keys()) {
        this.#forget(oldest);
        break;
      }
    }
    this.#paths.set(destination, { mtu, until: now + PATH_MTU_LIFETIME, probed, raisable });
    this.#changed();
  }

  #forget(destination: Address): boolean {
    if (!this.#paths.delete(destination)) return false;
    drop(destination);
    return true;
  }

  /** Put what is known into a route that was just made. */
  apply(route: Route): void {
    const path = this.#paths.get(route.destination);
    if (path === undefined || path.mtu >= route.mtu) return;
    route.raisable = path.raisable;
    const floor = leastMtu(route.destination, PATH_MTU_FLOOR);
    route.fragmentable = path.mtu < floor;
    route.mtu = Math.min(route.mtu, Math.max(path.mtu, floor));
  }

  /**
   * Forget what is too old. What was found by probes may be looked for again first: to forget it at once
   * would lose a flight in the same black hole.
   */
  expire(now: Micros): void {
    let forgotten = false;
    for (const [destination, path] of this.#paths) {
      if (path.until > now) break;
      forgotten = true;
      this.#paths.delete(destination);
      if (!path.probed || path.raisable) {
        drop(destination);
        continue;
      }
      const until = now + PATH_MTU_LIFETIME;
      this.#paths.set(destination, { ...path, until, raisable: true });
    }
    if (forgotten) this.#changed();
  }

  /** All that are known, by destination, the oldest first. */
  all(): Iterable<readonly [Address, PathMtu]> {
    return this.#paths;
  }

  /** When `expire` has something to do. */
  deadline(): Micros {
    for (const path of this.#paths.values()) return path.until;
    return NEVER;
  }
}
