/**
 * Whether a way to a cipher can be trusted: it must give the vector of RFC 8439 §2.8.2 and open it, and
 * refuse what was changed.
 * @module
 */
import type { AeadMaker } from './aead.ts';

const TEXT =
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
  'sunscreen would be it.';
const AAD = '50515253c0c1c2c3c4c5c6c7';
const NONCE = '070000004041424344454647';
const SEALED =
  'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
  '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
  '3ff4def08e4b7a9de576d26586cec64b6116' +
  '1ae10b594f09e26a7e902ecbd0600691';

/** True if what `make` makes gives and takes the vector, and nothing else. */
export function agrees(make: AeadMaker): boolean {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const bytes = new Uint8Array(512);
  bytes.set(Buffer.from(AAD, 'hex'));
  const at = 16;
  const { length } = TEXT;
  const expected = Buffer.from(SEALED, 'hex');
  const sealer = make('chacha20-poly1305', key, 'seal');
  const opener = make('chacha20-poly1305', key, 'open');
  try {
    sealer.nonce.set(Buffer.from(NONCE, 'hex'));
    opener.nonce.set(Buffer.from(NONCE, 'hex'));
    bytes.set(Buffer.from(TEXT), at);
    sealer.seal(bytes, at, length, bytes, at, at + length, 0, AAD.length / 2);
    const isSealed = expected.equals(bytes.subarray(at, at + length + 16));
    const isOpened = opener.open(bytes, at, length, at + length, 0, AAD.length / 2);
    const found = Buffer.from(bytes.subarray(at, at + length)).toString();
    bytes.set(expected, at);
    bytes[0] = 0;
    const isFooled = opener.open(bytes, at, length, at + length, 0, AAD.length / 2);
    return isSealed && isOpened && found === TEXT && !isFooled;
  } finally {
    sealer.close();
    opener.close();
  }
}
