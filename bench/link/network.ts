/**
 * The private network namespace that the bench runs in: set up alike on every machine.
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { run } from './child.ts';

/** Where held connections come from: all of it is local. */
export const SOURCES: Readonly<Record<'ipv4' | 'ipv6', string>> = {
  ipv4: '10.250.0.',
  ipv6: 'fd00:250::',
};

/** Descriptors that a program of ours may want, if the system lets it. */
const FILES = 1_048_576;

/** The words of an `ip route` that keep senders to cubic: the default may be bbr, which paces by timers. */
const CUBIC = ['congctl', 'cubic'];

/** What is not per namespace, or not there in an older kernel, is left as it is. */
const SETTINGS: Readonly<Record<string, string>> = {
  // A run must not learn from the one before.
  'ipv4/tcp_no_metrics_save': '1',
  'ipv4/ip_local_port_range': '1024 65535',
  'ipv4/tcp_max_syn_backlog': '65535',
  'core/somaxconn': '65535',
  'ipv4/conf/all/rp_filter': '0',
  'ipv4/conf/default/rp_filter': '0',
  // Held connections come from addresses that are no interface's.
  'ipv6/ip_nonlocal_bind': '1',
  // No router solicitations between the packets that count, nor a wait for a duplicate.
  'ipv6/conf/default/router_solicitations': '0',
  'ipv6/conf/default/accept_ra': '0',
  'ipv6/conf/default/dad_transmits': '0',
};

/** Make it so, with IPv6 on the interfaces to come or without. Gives what could not be set. */
export function setUpNetwork(ipv6 = false): string[] {
  const foreign = Object.entries(networkInterfaces()).filter(([, list]) =>
    list?.some((address) => !address.internal),
  );
  if (foreign.length > 0) {
    const names = foreign.map(([name]) => name).join(', ');
    throw new Error(`this network has ${names}: the bench wants one of its own (unshare -n)`);
  }
  const refused: string[] = [];
  const settings = { ...SETTINGS, 'ipv6/conf/default/disable_ipv6': ipv6 ? '0' : '1' };
  for (const [name, value] of Object.entries(settings)) {
    const path = `/proc/sys/net/${name}`;
    try {
      if (existsSync(path)) writeFileSync(path, value);
    } catch (error) {
      refused.push(`${name}: ${(error as Error).message}`);
    }
  }
  run('ip', 'link', 'set', 'lo', 'up');
  for (const network of ['127.0.0.0/8', '127.0.0.1']) {
    const words = ['local', network, 'dev', 'lo', 'table', 'local', 'proto', 'kernel'];
    run('ip', 'route', 'replace', ...words, 'scope', 'host', 'src', '127.0.0.1', ...CUBIC);
  }
  run('ip', 'route', 'add', 'local', `${SOURCES.ipv4}0/16`, 'dev', 'lo', ...CUBIC);
  if (ipv6) run('ip', '-6', 'route', 'add', 'local', `${SOURCES.ipv6}/112`, 'dev', 'lo');
  try {
    run('prlimit', '--pid', String(process.pid), `--nofile=${FILES}:${FILES}`);
  } catch {
    // what needs more says so
  }
  return refused;
}

/** Whoever sends to that network does it by cubic. `prefix` runs `ip` somewhere else. */
export function keepToCubic(device: string, address: string, prefix: readonly string[] = []): void {
  if (address.includes(':')) {
    const network = `${address.slice(0, address.lastIndexOf(':'))}:/64`;
    run('ip', '-6', 'route', 'replace', network, 'dev', device, 'proto', 'kernel', ...CUBIC);
    return;
  }
  const network = `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
  const [program = 'ip', ...words] = [...prefix, 'ip', 'route', 'replace', network, 'dev', device];
  run(program, ...words, 'proto', 'kernel', 'scope', 'link', 'src', address, ...CUBIC);
}

/** How many descriptors a program that is started from here may have. */
export function fileLimit(): number {
  const line = readFileSync('/proc/self/limits', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('Max open files'));
  return Number(line?.trim().split(/\s+/)[3] ?? 1024);
}
