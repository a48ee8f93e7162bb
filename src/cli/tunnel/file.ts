/**
 * A file made a tunnel: what kind it is, and how one of that kind is opened. This is the one place where the command
 * knows of a protocol; another kind adds a line to `KINDS`.
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Kind, TunnelFile } from './kind.ts';
import { openvpnFile } from './openvpn.ts';
import { wireguardFile } from './wireguard.ts';

const KINDS: readonly Kind[] = [wireguardFile, openvpnFile];

/** Longer than any profile, certificates and all. */
const LONGEST = 4 << 20;

/** Read a file. Throws in words for people, the file and the line first. */
export function readTunnelFile(path: string): TunnelFile {
  let text: string;
  try {
    if (statSync(path).size > LONGEST) throw new Error('it is far too long');
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`);
  }
  const kind = KINDS.find((each) => each.matches(text));
  if (kind === undefined) {
    const names = KINDS.map(({ name }) => name).join(', ');
    throw new Error(`${path} is no file of a tunnel that is known here (${names})`);
  }
  try {
    return kind.read(text, path);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

/** What an interface is called that a file makes: as `wg-quick` has it, the file's name without its end. */
export const nameFor = (path: string): string =>
  basename(path)
    .replace(/\.[^.]*$/, '')
    .replace(/[^\w=+.-]/g, '')
    .slice(0, 15) || 'tunnel';
