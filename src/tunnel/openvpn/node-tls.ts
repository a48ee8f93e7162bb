/**
 * TLS 1.2 and 1.3 by `node:tls`, over a stream of our own whose other side is the control channel.
 * @module
 */
import { Duplex } from 'node:stream';
import {
  type CommonConnectionOptions,
  connect,
  createServer,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import { type CertificateRules, commonName, refusal } from './certificate.ts';
import type { TlsBox, TlsMaker, TlsUser } from './session/tls.ts';

export interface NodeTlsSettings {
  readonly role: 'client' | 'server';
  /** Keys, certificates, versions and ciphers, as `tls.createSecureContext` takes them. */
  readonly context: SecureContextOptions;
  readonly rules: CertificateRules;
  /** Server: whether a client must show a certificate. Default `require`. */
  readonly clientCertificate?: 'require' | 'optional' | 'none' | undefined;
  /** Without a CA: `peer-fingerprint` alone says who is there. */
  readonly withoutCa?: boolean | undefined;
}

/** The side of the stream that TLS reads and writes. */
class Records extends Duplex {
  readonly #user: TlsUser;

  constructor(user: TlsUser) {
    super();
    this.#user = user;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error) => void): void {
    this.#user.ciphertext(chunk);
    done();
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error) => void): void {
    for (const { chunk } of chunks) this.#user.ciphertext(chunk);
    done();
  }
}

/** Makes TLS for each key of a session. What `settings` cannot be used for shows when the first is made. */
export function nodeTls(settings: NodeTlsSettings): TlsMaker {
  return (user) => {
    const records = new Records(user);
    const box = new NodeBox(user, records, settings);
    try {
      if (settings.role === 'client') box.hold(dial(settings, records));
      else answer(settings, records, user, box);
    } catch (error) {
      user.failed(oneLine(error));
    }
    return box;
  };
}

class NodeBox implements TlsBox {
  readonly #user: TlsUser;
  readonly #records: Records;
  readonly #settings: NodeTlsSettings;
  #socket: TLSSocket | undefined;
  #isClosed = false;

  constructor(user: TlsUser, records: Records, settings: NodeTlsSettings) {
    this.#user = user;
    this.#records = records;
    this.#settings = settings;
    records.on('error', () => {}); // the socket over it says it too
  }

  /** `socket` is the one: it is to be checked, and heard. */
  hold(socket: TLSSocket): void {
    this.#socket = socket;
    socket.on('error', (error) => this.#fail(oneLine(error)));
    socket.on('secureConnect', () => this.check(socket));
    socket.on('close', () => this.#fail('the peer has ended TLS'));
  }

  check(socket: TLSSocket): void {
    if (this.#isClosed) return;
    const certificate = socket.getPeerX509Certificate();
    const needed = this.#settings.role === 'client' || this.#settings.clientCertificate !== 'none';
    if (certificate !== undefined && needed) {
      const why = refusal(certificate, this.#settings.rules);
      if (why !== undefined) {
        this.#fail(why);
        socket.destroy();
        return;
      }
    }
    socket.on('data', (chunk: Buffer) => this.#user.plaintext(chunk));
    this.#user.ready({
      name: certificate === undefined ? undefined : commonName(certificate),
      suite: `${socket.getProtocol() ?? ''} ${socket.getCipher().name}`,
    });
  }

  receive(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#records.push(bytes);
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#socket?.write(bytes);
  }

  exportKeys(label: string, length: number): Uint8Array {
    // Without a context: an empty one gives other keys under TLS 1.2 (RFC 5705 §4). Node allows it, its types do not.
    const none = undefined as unknown as Buffer;
    return (this.#socket as TLSSocket).exportKeyingMaterial(length, label, none);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
    this.#records.destroy();
  }

  #fail(reason: string): void {
    if (!this.#isClosed) this.#user.failed(reason);
  }
}

function dial(settings: NodeTlsSettings, socket: Duplex): TLSSocket {
  return connect({
    ...settings.context,
    socket,
    rejectUnauthorized: settings.withoutCa !== true,
    // The name is that of the profile's `verify-x509-name`, not of a host: `check` looks at it.
    checkServerIdentity: () => undefined,
  });
}

function answer(settings: NodeTlsSettings, socket: Duplex, user: TlsUser, box: NodeBox): void {
  const { context, clientCertificate = 'require', withoutCa = false } = settings;
  const request: CommonConnectionOptions = {
    requestCert: clientCertificate !== 'none',
    // Node would hang up without a reason: who may not in is seen below.
    rejectUnauthorized: false,
  };
  // A server of its own for each: a shared one would not say which of its sockets is which session's.
  const server = createServer({ ...context, ...request });
  server.on('secureConnection', (secure) => {
    const shown = secure.getPeerX509Certificate() !== undefined;
    const refused = shown && clientCertificate !== 'none' && !withoutCa && !secure.authorized;
    if (refused) {
      user.failed(`the client's certificate: ${String(secure.authorizationError)}`);
      secure.destroy();
      return;
    }
    if (!shown && clientCertificate === 'require') {
      user.failed('the client has shown no certificate');
      secure.destroy();
      return;
    }
    box.hold(secure);
    box.check(secure);
  });
  server.on('tlsClientError', (error) => user.failed(oneLine(error)));
  server.emit('connection', socket);
}

/** What OpenSSL or Node says, in one printable line. */
function oneLine(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  const text = String(message ?? error)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}
