/**
 * A captured packet on one line, with the time of day and its direction.
 * @module
 */
import { describe } from '../../wire.ts';
import type { CapturedPacket } from './pcapng-reader.ts';

const DIRECTIONS = ['  ', 'In', 'Out'] as const;
const ETHERNET_HEADER = 14;
const TYPES: Readonly<Record<number, string>> = { 2054: 'ARP', 33024: '802.1Q', 34984: '802.1ad' };
const IP_TYPES: readonly number[] = [0x0800, 0x86dd];

/** `12:00:00.123456 In  10.83.0.1.4711 > 10.83.0.2.7: TCP S seq ...`. */
export function dumpLine({ bytes, micros, direction, isFrame }: CapturedPacket): string {
  const head = `${timeOfDay(micros)} ${(DIRECTIONS[direction] ?? '').padEnd(3)} `;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isFrame) return head + describe(view, 0, bytes.length);
  if (bytes.length < ETHERNET_HEADER) return `${head}frame of ${bytes.length} bytes`;
  const type = view.getUint16(ETHERNET_HEADER - 2);
  if (IP_TYPES.includes(type)) {
    return head + describe(view, ETHERNET_HEADER, bytes.length - ETHERNET_HEADER);
  }
  const name = TYPES[type] ?? `type 0x${type.toString(16).padStart(4, '0')}`;
  return `${head}${station(bytes, 6)} > ${station(bytes, 0)}: ${name} len ${bytes.length}`;
}

const station = (bytes: Uint8Array, at: number): string =>
  [...bytes.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

function timeOfDay(micros: number): string {
  const date = new Date(micros / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const fraction = String(Math.floor(micros % 1e6)).padStart(6, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${fraction}`;
}
