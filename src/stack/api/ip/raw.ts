/**
 * Raw IP: every packet that comes in, as it is, and packets of one's own making sent as they are.
 * RFC 791.
 * @module
 */
import { type Failure, failureCode } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import { isWhole, sendRaw } from '../../ip/internet/raw.ts';
import { checkBytes, checkFunction } from '../door/checks.ts';
import { argValueError, systemError } from '../door/errors.ts';
import type { Hook, Hooks } from './hooks.ts';

/** A whole packet, header and options included; yours to keep. */
export type RawIpHandler = (packet: Buffer, device: string) => void;

/** A view on all packets, and a way to send any, until `close`. */
export class RawIp {
  readonly #host: Host;
  readonly #hook: Hook | undefined;
  #closed = false;

  /** Not for use from outside: `stack.raw` makes these. */
  constructor(host: Host, hooks: Hooks, handler: RawIpHandler | undefined) {
    this.#host = host;
    if (handler !== undefined) {
      checkFunction(handler, 'handler');
      this.#hook = hooks.add('input', ({ bytes, at, length, device }) => {
        handler(Buffer.from(bytes.subarray(at, at + length)), device);
      });
    }
    host.hold();
    host.open.add(this);
  }

  /**
   * Send a packet that begins with a header of IPv4 or IPv6, up to the device's MTU. Its length and IPv4's header
   * checksum are written here; so is the source if it is 0.0.0.0 or `::`, and the identification if it is 0.
   * Checksums of what the packet carries are the caller's.
   */
  send(packet: Uint8Array): void {
    checkBytes(packet, 'packet');
    const bytes = Uint8Array.from(packet); // whose length field may be wrong, as it is written here
    if (!isWhole(bytes)) {
      throw argValueError('packet', packet, 'must begin with a header of IPv4 or IPv6');
    }
    const failure: Failure = sendRaw(this.#host.core.ip, bytes);
    const code = failureCode(failure);
    if (code) throw systemError(code, 'send');
  }

  /** See and send no more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#hook?.remove();
    this.#host.open.delete(this);
    this.#host.letGo();
  }
}
