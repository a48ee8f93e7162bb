/**
 * The greeting of HyperKit and VPNKit, after which frames follow in a stream with two bytes of length before
 * each. gvproxy `pkg/virtualnetwork/vpnkit.go`; VPNKit `src/hostnet/vmnet.ml`.
 *
 * The machine begins: 49 bytes of greeting, which are sent back as they are; 41 bytes of what it wants, its
 * UUID among them; and is told in 258 bytes its MTU, the longest frame and its hardware address.
 * @module
 */
import type { Duplex } from 'node:stream';
import { DeviceError } from '../errors.ts';

const GREETING = 49;
const COMMAND = 41;
const ANSWER = 258;
/** `VMN3T`, version 22 and the commit of a program, in hexadecimal. */
const MAGIC = 'VMN3T';
const VERSION = 22;
/** The command: plug me in; and its answer. */
const ETHERNET = 1;
const GRANTED = 1;
const FRAME_HEADER = 14;
/** How long a machine may take over its greeting, in ms. */
const PATIENCE = 10_000;

/** What a machine is told, or what we were told as one. */
export interface VpnkitTerms {
  readonly mtu: number;
  /** Its hardware address, six octets. */
  readonly mac: Uint8Array;
}

/** Greet the machine that has connected, and give it `terms`. Rejects if it speaks otherwise. */
export async function greetMachine(duplex: Duplex, terms: VpnkitTerms): Promise<void> {
  const greeting = await take(duplex, GREETING);
  if (greeting.toString('latin1', 0, MAGIC.length) !== MAGIC) throw strange('a greeting');
  duplex.write(greeting);
  const command = await take(duplex, COMMAND);
  if (command[0] !== ETHERNET) throw strange('a command');
  const answer = Buffer.alloc(ANSWER);
  answer[0] = GRANTED;
  answer.writeUInt16LE(terms.mtu, 1);
  answer.writeUInt16LE(terms.mtu + FRAME_HEADER, 3);
  answer.set(terms.mac.subarray(0, 6), 5);
  duplex.write(answer);
}

/** Be the machine: greet a VPNKit or gvproxy, name ourselves by `uuid`, and learn the terms. */
export async function greetNetwork(duplex: Duplex, uuid: string): Promise<VpnkitTerms> {
  const greeting = Buffer.alloc(GREETING, '0');
  greeting.write(MAGIC, 'latin1');
  greeting.writeUInt32LE(VERSION, MAGIC.length);
  duplex.write(greeting);
  const echoed = await take(duplex, GREETING);
  if (echoed.toString('latin1', 0, MAGIC.length) !== MAGIC) throw strange('a greeting');
  const command = Buffer.alloc(COMMAND);
  command[0] = ETHERNET;
  command.write(uuid, 1, 36, 'latin1');
  duplex.write(command);
  const answer = await take(duplex, ANSWER);
  if (answer[0] !== GRANTED) throw strange('an answer');
  return { mtu: answer.readUInt16LE(1), mac: new Uint8Array(answer.subarray(5, 11)) };
}

/** Exactly so many bytes; what follows stays in the stream. */
function take(duplex: Duplex, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(strange('nothing')), PATIENCE).unref();
    const end = (result: Buffer | Error): void => {
      clearTimeout(timer);
      duplex.off('readable', look);
      duplex.off('error', end);
      duplex.off('close', closed);
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const closed = (): void => end(strange('an end'));
    const look = (): void => {
      const bytes = duplex.read(length) as Buffer | null;
      // Of a stream that has ended less may come than was asked for.
      if (bytes !== null) end(bytes.length === length ? bytes : strange('an end'));
    };
    duplex.on('readable', look);
    duplex.on('error', end);
    duplex.on('close', closed);
    look();
  });
}

const strange = (what: string): DeviceError =>
  new DeviceError('EPROTO', `${what} came that VPNKit's protocol does not know`);
