/**
 * OpenVPN packets: the first byte, session ids, acknowledgments and packet ids. All big-endian.
 *
 * Source: the protocol as OpenVPN 2.6 speaks it, doc/doxygen/doc_protocol_overview.h and ssl_pkt.c of its tree; there
 * is no RFC. What is read here is what stands under the wrapping of the control channel (`wrap/`).
 * @module
 */

/** The upper five bits of the first byte. 1, 2: key method 1, long gone. */
export const Op = {
  SOFT_RESET: 3,
  CONTROL: 4,
  ACK: 5,
  DATA_V1: 6,
  RESET_CLIENT_V2: 7,
  RESET_SERVER_V2: 8,
  DATA_V2: 9,
  RESET_CLIENT_V3: 10,
  CONTROL_WKC: 11,
} as const;

export const SESSION_ID = 8;
/** First byte and session id: what is clear in every control packet. */
export const HEADER: number = 1 + SESSION_ID;
/** Acknowledgments in one packet at most; more is a malformed packet. */
export const MAX_ACKS = 8;

export const opcode = (first: number): number => first >> 3;
/** Which key of the session, 0 to 7. */
export const keyId = (first: number): number => first & 7;
export const firstByte = (op: number, key: number): number => (op << 3) | key;

/** True for what belongs to the control channel and to no extension that is unknown here. */
export const isControl = (op: number): boolean =>
  op === Op.CONTROL ||
  op === Op.ACK ||
  op === Op.SOFT_RESET ||
  op === Op.CONTROL_WKC ||
  isReset(op);

export const isReset = (op: number): boolean =>
  op === Op.RESET_CLIENT_V2 || op === Op.RESET_SERVER_V2 || op === Op.RESET_CLIENT_V3;

/** True if both hold the same bytes. Not for secrets: it stops at the first that differs. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export const sessionId = (packet: Uint8Array): Uint8Array => packet.subarray(1, HEADER);

/** First byte and session id, as they stand before every control packet. */
export function header(op: number, key: number, session: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  bytes[0] = firstByte(op, key);
  bytes.set(session, 1);
  return bytes;
}

/** What a control packet says under its wrapping. */
export interface ControlBody {
  /** Packet ids that the peer has. */
  readonly acks: readonly number[];
  /** The session whose packets these are: ours. Absent where there are none. */
  readonly acked: Uint8Array | undefined;
  /** -1 in a packet of acknowledgments alone. */
  readonly id: number;
  readonly payload: Uint8Array;
}

const u32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);

/** Read the body of a packet with opcode `op`; undefined if it is cut short or has too many acknowledgments. */
export function readBody(op: number, bytes: Uint8Array): ControlBody | undefined {
  const count = bytes[0];
  if (count === undefined || count > MAX_ACKS) return undefined;
  let at = 1;
  const acks: number[] = [];
  if (bytes.length < at + count * 4 + (count > 0 ? SESSION_ID : 0)) return undefined;
  for (let i = 0; i < count; i++, at += 4) acks.push(u32(bytes, at));
  let acked: Uint8Array | undefined;
  if (count > 0) {
    acked = bytes.subarray(at, at + SESSION_ID);
    at += SESSION_ID;
  }
  if (op === Op.ACK) return { acks, acked, id: -1, payload: bytes.subarray(bytes.length) };
  if (bytes.length < at + 4) return undefined;
  return { acks, acked, id: u32(bytes, at), payload: bytes.subarray(at + 4) };
}

const NOTHING = new Uint8Array(0);

/** Bytes that `writeBody` puts before the payload. */
export const bodyOverhead = (acks: number): number =>
  1 + acks * 4 + (acks > 0 ? SESSION_ID : 0) + 4;

/** The body of a packet; `id` -1 makes one of acknowledgments alone, which has neither id nor payload. */
export function writeBody(
  acks: readonly number[],
  acked: Uint8Array,
  id: number,
  payload: Uint8Array = NOTHING,
): Uint8Array {
  const length = bodyOverhead(acks.length) + payload.length - (id < 0 ? 4 : 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes[0] = acks.length;
  let at = 1;
  for (const ack of acks) {
    view.setUint32(at, ack);
    at += 4;
  }
  if (acks.length > 0) {
    bytes.set(acked, at);
    at += SESSION_ID;
  }
  if (id >= 0) {
    view.setUint32(at, id);
    bytes.set(payload, at + 4);
  }
  return bytes;
}
