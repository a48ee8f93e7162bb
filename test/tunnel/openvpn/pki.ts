/**
 * Certificates for tests, by the `openssl` command, in a folder of their own: a CA, a server, a client, and such as must
 * not be taken.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Pki {
  readonly folder: string;
  /** The text of a file: `ca.crt`, `server.key`, `ta.key`. */
  read(name: string): string;
  /** The path of a file. */
  path(name: string): string;
  /** `<ca>`, `<cert>` and `<key>` of `who`, as blocks of a profile. */
  blocks(who: string): string;
  remove(): void;
}

/** Why there can be none; undefined if there can. */
export const noOpenssl: string | undefined =
  spawnSync('openssl', ['version']).status === 0 ? undefined : 'skipped, no openssl command';

export function makePki(): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-pki-'));
  const openssl = (...words: string[]): void => {
    const { status, stderr } = spawnSync('openssl', words, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${words.join(' ')}: ${stderr}`);
  };
  const ca = (name: string): void =>
    openssl(
      'req',
      '-x509',
      ...CURVE,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-days',
      '30',
      '-subj',
      `/CN=${name}`,
      ...[
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-addext',
        'keyUsage=critical,keyCertSign,cRLSign',
      ],
    );
  const sign = (who: string, by: string, usage: string, end: string): void => {
    openssl('req', ...CURVE, '-keyout', `${who}.key`, '-out', `${who}.csr`, '-subj', `/CN=${who}`);
    const extensions = `[ext]\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=${usage}\n`;
    const policy =
      '[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index\nserial=serial\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n';
    writeFileSync(join(folder, 'sign.cnf'), policy + extensions);
    writeFileSync(join(folder, 'index'), '');
    writeFileSync(join(folder, 'serial'), `${Date.now().toString(16).padStart(12, '0')}\n`);
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'sign.cnf',
      '-extensions',
      'ext',
      '-cert',
      `${by}.crt`,
      '-keyfile',
      `${by}.key`,
      ...[
        '-startdate',
        '20200101000000Z',
        '-enddate',
        end,
        '-in',
        `${who}.csr`,
        '-out',
        `${who}.crt`,
      ],
    );
  };
  ca('ca');
  ca('other');
  sign('server', 'ca', 'serverAuth', '20991231000000Z');
  sign('client', 'ca', 'clientAuth', '20991231000000Z');
  sign('expired', 'ca', 'serverAuth,clientAuth', '20200201000000Z');
  sign('stranger', 'other', 'serverAuth,clientAuth', '20991231000000Z');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return {
    folder,
    read,
    path: (name) => join(folder, name),
    blocks: (who) =>
      `<ca>\n${read('ca.crt')}</ca>\n<cert>\n${read(`${who}.crt`)}</cert>\n<key>\n${read(`${who}.key`)}</key>\n`,
    remove: () => rmSync(folder, { recursive: true }),
  };
}
