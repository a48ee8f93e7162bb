/**
 * A real machine: a Debian kernel with busybox, booted by QEMU, whose network card is plugged into a socket of
 * ours. Its serial line is a shell that does what it is told, line by line.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import { qemuOption } from '../../src/cli/network/network.ts';
import type { ListenPlace } from '../../src/cli/network/options.ts';
import { cpio, type Entry } from './cpio.ts';

const QEMU = '/usr/bin/qemu-system-x86_64';
const BUSYBOX = '/bin/busybox';
const READY = '@ready';
const DONE = '@done ';

/** What a virtio network card needs, in the order in which it is loaded. */
const MODULES = [
  ...[
    'drivers/virtio/virtio_ring',
    'drivers/virtio/virtio',
    'drivers/virtio/virtio_pci_modern_dev',
  ],
  ...['drivers/virtio/virtio_pci_legacy_dev', 'drivers/virtio/virtio_pci', 'net/core/failover'],
  ...['drivers/net/net_failover', 'drivers/net/virtio_net'],
].map((name) => `kernel/${name}.ko`);

/** `no_timer_check`: emulated on a busy host the timer may seem broken, for which the kernel would panic. */
const KERNEL = 'console=ttyS0 quiet panic=-1 mitigations=off no_timer_check';

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /etc /www
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox --install -s /bin
export PATH=/bin
stty -echo
dmesg -n 1
for module in $(cat /modules/order); do insmod /modules/$module; done
ip link set lo up
ip link set eth0 up
echo '${READY}'
while read -r line; do
  eval "$line" 2>&1
  printf '\\n${DONE}%s\\n' $?
done
poweroff -f
`;

/** What udhcpc calls with what it was told. */
const DHCP = `#!/bin/sh
case "$1" in
deconfig) ip addr flush dev "$interface" ;;
bound|renew)
  ip addr flush dev "$interface"
  ip addr add "$ip/$mask" dev "$interface"
  [ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
  for r in $router; do ip route replace default via "$r"; done
  : > /etc/resolv.conf
  [ -n "$search" ] && echo "search $search" >> /etc/resolv.conf
  for d in $dns; do echo "nameserver $d" >> /etc/resolv.conf; done
  echo "lease $ip/$mask by $router" ;;
esac
`;

interface Kernel {
  readonly image: string;
  readonly modules: string;
}

/** The newest kernel of Debian's for clouds that is here with its modules. */
function findKernel(): Kernel | undefined {
  if (!existsSync('/usr/lib/modules')) return undefined;
  return readdirSync('/usr/lib/modules')
    .filter((name) => name.includes('cloud-amd64'))
    .sort()
    .reverse()
    .map((name) => ({ image: `/boot/vmlinuz-${name}`, modules: `/usr/lib/modules/${name}` }))
    .find(
      ({ image, modules }) => canRead(image) && existsSync(join(modules, MODULES[0] as string)),
    );
}

function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why no machine can be booted here; undefined if one can. */
export function whyNoMachines(): string | undefined {
  if (process.arch !== 'x64') return `machines of x86-64 are booted, and this is ${process.arch}`;
  const missing = [
    ...(existsSync(QEMU) ? [] : ['qemu-system-x86']),
    ...(findKernel() ? [] : ['linux-image-cloud-amd64']),
    ...(existsSync(BUSYBOX) ? [] : ['busybox-static']),
  ];
  return missing.length === 0
    ? undefined
    : `no ${missing.join(', ')}: npm run machines installs it`;
}

/** Write the first file system of the machines to `path`. */
export function writeInitramfs(path: string): void {
  const { modules } = findKernel() as Kernel; // `whyNoMachines` has said that there is one
  const files = MODULES.map((name) => ({
    path: `modules/${name.replace(/.*\//, '')}`,
    bytes: readFileSync(join(modules, name)),
  }));
  const order = files.map((file) => file.path.replace('modules/', '')).join(' ');
  const entries: Entry[] = [
    ...['bin', 'modules', 'etc', 'etc/udhcpc'].map((folder) => ({
      path: folder,
    })),
    { path: 'bin/busybox', bytes: readFileSync(BUSYBOX) },
    { path: 'init', bytes: Buffer.from(INIT) },
    { path: 'etc/udhcpc/default.script', bytes: Buffer.from(DHCP) },
    { path: 'modules/order', bytes: Buffer.from(order) },
    ...files,
  ];
  writeFileSync(path, gzipSync(cpio(entries), { level: 1 }));
}

/** What a command has printed, and how it ended. */
export interface Said {
  readonly code: number;
  readonly out: string;
}

/** What stands behind `-netdev` where a card is plugged into a socket of ours; the first two as `tunstack network` says. */
export const cable = {
  stream: (path: string): string => pasted({ path, text: path }),
  datagrams: (path: string): string => pasted({ path, datagrams: true, text: path }),
  udp: (own: number, ours: number): string =>
    `dgram,local.type=inet,local.host=127.0.0.1,local.port=${own},remote.type=inet,remote.host=127.0.0.1,remote.port=${ours}`,
};

const pasted = (place: ListenPlace): string =>
  (qemuOption(place).split(' ')[1] as string).replace('id=net0,', '');

/** A machine that runs. */
export class Guest {
  readonly name: string;
  readonly mac: string;
  readonly #child: ChildProcess;
  /** All that it has printed, for whoever asks why it does not answer. */
  log = '';
  #lines: string[] = [];
  #waiting: ((line: string | undefined) => void) | undefined;
  #ended = false;

  /** Boot one with a card for each cable, the first of address `mac`; `initramfs` was written before. */
  constructor(name: string, mac: string, cables: readonly string[], initramfs: string) {
    this.name = name;
    this.mac = mac;
    const cards = cables.flatMap((plug, i) => [
      ...['-netdev', `${plug},id=n${i}`],
      ...['-device', `virtio-net-pci,netdev=n${i},romfile=${i === 0 ? `,mac=${mac}` : ''}`],
    ]);
    const { image } = findKernel() as Kernel;
    const kvm = canRead('/dev/kvm');
    this.#child = spawn(
      QEMU,
      [
        ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-m', '192'],
        ...['-accel', kvm ? 'kvm' : 'tcg', '-serial', 'stdio', '-kernel', image],
        ...['-initrd', initramfs, '-append', KERNEL],
        ...cards,
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.log += `${line}\n`;
      this.#tell(line.replace(/\r$/, ''));
    });
    this.#child.on('close', () => {
      this.#ended = true;
      this.#tell(undefined);
    });
  }

  /** Settles when its shell listens. */
  async booted(): Promise<void> {
    for (;;) {
      const line = await this.#line();
      if (line.endsWith(READY)) return;
    }
  }

  /** Let it do a line of shell. */
  async sh(command: string): Promise<Said> {
    this.#child.stdin?.write(`${command}\n`);
    const lines: string[] = [];
    for (;;) {
      const line = await this.#line();
      if (line.startsWith(DONE)) {
        if (lines.at(-1) === '') lines.pop(); // what ends without a newline is ended
        return { code: Number(line.slice(DONE.length)), out: lines.join('\n') };
      }
      lines.push(line);
    }
  }

  /** End it. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #tell(line: string | undefined): void {
    if (this.#waiting === undefined) {
      if (line !== undefined) this.#lines.push(line);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting(line);
  }

  async #line(): Promise<string> {
    const here = this.#lines.shift();
    if (here !== undefined) return here;
    if (this.#ended) throw new Error(`${this.name} has ended:\n${this.log.slice(-2000)}`);
    const line = await new Promise<string | undefined>((resolve) => {
      this.#waiting = resolve;
    });
    if (line === undefined) throw new Error(`${this.name} has ended:\n${this.log.slice(-2000)}`);
    return line;
  }
}
