/**
 * TLS as the control channel uses it: a box that is handed bytes and gives bytes, whoever is in it.
 *
 * It is given from outside, because `node:tls` answers in later turns of the event loop (`node-tls.ts`), and so that a
 * simulation may have another. What a box calls must only be noted: the work is done when the session is called next.
 * @module
 */

/** What a box tells. */
export interface TlsUser {
  /** Records that are to be sent to the other end. */
  ciphertext(bytes: Uint8Array): void;
  /** What the other end has said. Not before `ready`. */
  plaintext(bytes: Uint8Array): void;
  /** The handshake is done, and the other end is who it must be. */
  ready(peer: TlsPeer): void;
  /** It is over, with the reason in one line. Alerts may have been given before. */
  failed(reason: string): void;
}

/** Who is at the other end. */
export interface TlsPeer {
  /** Common name of the certificate; undefined where none was shown. */
  readonly name: string | undefined;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`, for people. */
  readonly suite: string;
}

/** One handshake and the stream after it. */
export interface TlsBox {
  /** Records that came, in order. */
  receive(bytes: Uint8Array): void;
  /** Say `bytes`, in one record; not before `ready`. */
  write(bytes: Uint8Array): void;
  /** RFC 5705 and RFC 8446 §7.5, without a context. Not before `ready`. */
  exportKeys(label: string, length: number): Uint8Array;
  close(): void;
}

export type TlsMaker = (user: TlsUser) => TlsBox;
