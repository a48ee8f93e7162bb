/**
 * What is known of a connection, its ends as people write them: a link-local one with its device.
 * @module
 */
import { info, type TcpInfo } from '../../tcp/info.ts';
import type { Tcb } from '../../tcp/tcb/tcb.ts';
import { type Interfaces, textOf } from '../door/text.ts';

/** A snapshot; allocates. */
export const infoOf = (ip: Interfaces, tcb: Tcb): TcpInfo => ({
  ...info(tcb),
  localAddress: textOf(ip, tcb.localAddress),
  remoteAddress: textOf(ip, tcb.remoteAddress),
});
