/**
 * What a server's first packet may ask of a client with tls-crypt-v2: early negotiation (ssl_pkt.h of OpenVPN 2.6).
 * @module
 */

/** The type whose value is a set of flags, and the flag for «show the wrapped key again». */
const EARLY_FLAGS = 1;
const RESEND_KEY = 1;

/** True if a server's reset asks for the wrapped key again: type, length and value, each two bytes. */
export function wantsKey(payload: Uint8Array): boolean {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  for (let at = 0; at + 4 <= payload.length; ) {
    const length = view.getUint16(at + 2);
    if (at + 4 + length > payload.length) return false;
    if (view.getUint16(at) === EARLY_FLAGS && length === 2) {
      return (view.getUint16(at + 4) & RESEND_KEY) !== 0;
    }
    at += 4 + length;
  }
  return false;
}
