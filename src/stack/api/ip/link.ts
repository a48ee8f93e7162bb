/**
 * Links that carry frames, as a stack's user sees them: our hardware address, and whether an address is anybody's
 * before it is used. RFC 5227 §2.1.
 * @module
 */

import { isIPv6 } from '../../base/address.ts';
import type { Host } from '../../host/host.ts';
import { EthernetLink } from '../../link/ethernet.ts';
import type { Core } from '../../stack.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { argValueError, systemError } from '../door/errors.ts';
import { checkAddress } from '../door/lookup.ts';

/** The link of a device, by its name; of the first that has one, without. */
function linkOf(core: Core, device: string | undefined): EthernetLink | undefined {
  for (const { link, name } of core.ip.interfaces) {
    if (link instanceof EthernetLink && (device === undefined || name === device)) return link;
  }
  return undefined;
}

/** See `Stack.hardwareAddress`. */
export function hardwareAddress(core: Core, device: string | undefined): string | undefined {
  const link = linkOf(core, device);
  return link && ethernet.format(link.hi, link.lo);
}

/** See `Stack.probe`. */
export function probe(
  host: Host,
  text: string,
  device: string | undefined,
): Promise<string | undefined> {
  const address = checkAddress(text, 'address');
  if (isIPv6(address)) throw argValueError('address', text, 'must be an address of IPv4');
  const link = linkOf(host.core, device);
  if (link === undefined) throw systemError('ENODEV', 'probe', { address: device ?? text });
  return new Promise((resolve, reject) => {
    host.hold();
    const begun = link.arp.probes.start(address, host.clock.now(), (holder) => {
      host.letGo();
      resolve(holder && ethernet.format(holder.hi, holder.lo));
    });
    if (begun) host.flushSoon();
    else {
      host.letGo();
      reject(systemError('ENOBUFS', 'probe', { address: text }));
    }
  });
}
