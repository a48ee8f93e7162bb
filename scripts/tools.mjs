/**
 * Programs of the system that tests and measurements talk to: looked for, and installed where that may
 * be done.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs, and Debian's package of each. */
const PACKAGES = {
  ping: 'iputils-ping',
  curl: 'curl',
  dig: 'bind9-dnsutils',
  tshark: 'tshark',
  ip: 'iproute2',
  openssl: 'openssl',
  wrk: 'wrk',
  nmap: 'nmap',
  hping3: 'hping3',
  scapy: 'python3-scapy',
  radvd: 'radvd',
  rdisc6: 'ndisc6',
  udhcpc: 'udhcpc',
  tcpdump: 'tcpdump',
  'wireguard-go': 'wireguard-go',
  wg: 'wireguard-tools',
  openvpn: 'openvpn',
  iperf3: 'iperf3',
  'redis-server': 'redis-server',
  mosquitto: 'mosquitto',
  sshd: 'openssh-server',
  vde_switch: 'vde2',
  pg_ctlcluster: 'postgresql',
};

const isThere = (program) =>
  `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`
    .split(delimiter)
    .some((folder) => existsSync(join(folder, program)));

const missingOf = (programs) => programs.filter((program) => !isThere(program));

function apt(...words) {
  return spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
  });
}

/**
 * Install Debian's packages of those `programs` that are missing, if we are root on a Debian and
 * `mayInstall`; gives those that are missing still.
 */
export function installTools(programs, mayInstall) {
  const missing = missingOf(programs);
  const isRoot = process.getuid?.() === 0;
  if (missing.length === 0 || !mayInstall || !isRoot || !isThere('apt-get')) return missing;
  const names = missing.map((program) => PACKAGES[program]);
  console.error(`installing: ${names.join(' ')} ...`);
  const install = () => apt('install', '-y', '--no-install-recommends', ...names);
  // The lists may be missing or old: fetch them only if it does not go without.
  if (install().status !== 0) {
    apt('update');
    const second = install();
    if (second.status !== 0) console.error(second.stderr.trim().split('\n').slice(-3).join('\n'));
  }
  return missingOf(programs);
}

/** The same for packages of Debian's whose programs are not looked for: a kernel is none. */
export function installPackages(packages, mayInstall) {
  const isInstalled = (name) => {
    const asked = spawnSync('dpkg-query', ['-s', name], { encoding: 'utf8' });
    return /^Status: install ok installed$/m.test(asked.stdout ?? '');
  };
  const missing = packages.filter((name) => !isInstalled(name));
  const isRoot = process.getuid?.() === 0;
  if (missing.length === 0 || !mayInstall || !isRoot || !isThere('apt-get')) return missing;
  console.error(`installing: ${missing.join(' ')} ...`);
  const install = () => apt('install', '-y', '--no-install-recommends', ...missing);
  if (install().status !== 0) {
    apt('update');
    install();
  }
  return missing.filter((name) => !isInstalled(name));
}

/** What to type to have them. */
export const installLine = (programs) =>
  `sudo apt-get install ${programs.map((program) => PACKAGES[program]).join(' ')}`;
