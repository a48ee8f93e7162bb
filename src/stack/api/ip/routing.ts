/**
 * Addresses and routes of a stack, as its user names them. RFC 1122 §3.3.1.
 * @module
 */
import { format, inZone, zoneOf } from '../../base/address.ts';
import type { Interface } from '../../ip/interface.ts';
import type { Core } from '../../stack.ts';
import { systemError } from '../door/errors.ts';
import { checkCidr } from '../door/lookup.ts';
import { checkOurs } from '../door/options.ts';
import { checkText, textOf } from '../door/text.ts';

/** Which way packets go. */
export interface RouteOptions {
  /** A router on a network of ours. */
  readonly gateway?: string;
  /** The device, by name, where there is no gateway. */
  readonly device?: string;
  /** An address of ours to send from. */
  readonly source?: string;
  /** Of several routes to one network the one with the lowest metric is used; default 0. */
  readonly metric?: number;
}

/** A route that was added. */
export interface AddedRoute {
  /** Take it back. May be called again. */
  remove(): void;
}

/** A line of the routing table. */
export interface RouteLine {
  /** `10.83.0.0/24` */
  readonly network: string;
  /** Its name. */
  readonly device: string;
  /** Undefined: straight to the destination. */
  readonly gateway: string | undefined;
  /** Undefined: an address of the device's. */
  readonly source: string | undefined;
  /** Of routes to the same network the lowest is taken. */
  readonly metric: number;
}

/** The interface of a device, by its name; of the only one, without. */
function interfaceOf(core: Core, device: string | undefined, syscall: string): Interface {
  const [first, ...others] = core.ip.interfaces.filter((iface) => !iface.isLoopback);
  const found =
    device === undefined
      ? others.length === 0 && first
      : core.ip.interfaces.find((one) => one.name === device);
  if (found) return found;
  throw systemError('ENODEV', syscall, { address: device ?? 'name the device' });
}

/** See `Stack.addRoute`. */
export function addRoute(core: Core, network: string, options: RouteOptions): AddedRoute {
  const { address, bits } = checkCidr(network, 'network', true);
  const { gateway, device, source, metric } = options;
  const { routes } = core.ip;
  const entry = routes.add(address, bits, {
    ...(gateway !== undefined && { gateway: checkText(core.ip, gateway, 'options.gateway') }),
    ...(source !== undefined && { source: checkText(core.ip, source, 'options.source') }),
    ...(metric !== undefined && { metric }),
    ...((device !== undefined || gateway === undefined) && {
      iface: interfaceOf(core, device, 'addRoute'),
    }),
  });
  return { remove: () => void routes.remove(entry) };
}

/** See `Stack.addAddress`. */
export function addAddress(core: Core, text: string, device: string | undefined): void {
  const prefix = checkCidr(text, 'address');
  checkOurs(prefix, text);
  const iface = interfaceOf(core, device, 'addAddress');
  core.ip.discovery.addAddress(iface, prefix.address, prefix.bits);
}

/** See `Stack.removeAddress`. */
export function removeAddress(core: Core, text: string): void {
  const address = checkText(core.ip, text, 'address');
  const zone = zoneOf(address);
  const removed = core.ip.interfaces
    .filter((iface) => !iface.isLoopback && (zone === 0 || zone === iface.index))
    .some((iface) => core.ip.discovery.removeAddress(iface, inZone(address, iface.index)));
  if (!removed) throw systemError('EADDRNOTAVAIL', 'removeAddress', { address: text });
}

/** See `Stack.routes`. */
export const readRoutes = (core: Core): RouteLine[] =>
  core.ip.routes.entries.map(({ net, bits, iface, gateway, source, metric }) => ({
    network: `${format(net)}/${bits}`,
    device: iface.name,
    gateway: gateway === 0 ? undefined : textOf(core.ip, gateway),
    source: source === 0 ? undefined : textOf(core.ip, source),
    metric,
  }));
