/**
 * Users and groups by name or by number: getpwnam(3) and getgrnam(3), by way of getent(1), which asks
 * whatever /etc/nsswitch.conf names; the files of /etc where there is no getent.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Lines of `passwd` and `group` have the number third: `name:x:1000:...`. */
const NUMBER = 2;
/** The last is (uid_t) -1, which says: nobody in particular. */
const LARGEST = 2 ** 32 - 2;

/** The number of a user; undefined if there is none of that name. A number stands for itself. */
export const userId = (user: string | number): number | undefined => idOf('passwd', user);

/** The number of a group, likewise. */
export const groupId = (group: string | number): number | undefined => idOf('group', group);

function idOf(table: 'passwd' | 'group', account: string | number): number | undefined {
  const given = typeof account === 'string' && /^\d+$/.test(account) ? Number(account) : account;
  if (typeof given === 'number') {
    return Number.isInteger(given) && given >= 0 && given <= LARGEST ? given : undefined;
  }
  if (given === '' || given.includes(':') || given.startsWith('-')) return undefined;
  const { status, stdout, error } = spawnSync('getent', [table, given], { encoding: 'utf8' });
  const lines = error === undefined ? (status === 0 ? stdout : '') : inFile(table);
  const line = lines.split('\n').find((entry) => entry.startsWith(`${given}:`));
  return line === undefined ? undefined : Number(line.split(':')[NUMBER]);
}

function inFile(table: string): string {
  try {
    return readFileSync(`/etc/${table}`, 'utf8');
  } catch {
    return '';
  }
}
