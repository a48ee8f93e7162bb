/**
 * The host's side of a tunnel: a TUN with the addresses and routes that its file asks for, set by `ip` as `wg-quick` does,
 * and taken back at the end.
 *
 * An interface goes with the process that has it open, and its addresses and routes with it. What would outlive a crash
 * (rules for a default route, name servers) is undone by a shell that waits for this process to end. A default route goes
 * into a table of its own, which is asked for everything that is not the tunnel's own datagrams: these are marked.
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import type { OpenedTunnel } from './kind.ts';

const run = promisify(execFile);

/** The table of default routes where the file names none, and the mark of what does not go there: wg-quick's number. */
export const DEFAULT_TABLE = 51_820;

/** What was set, and is to be taken back. */
export class HostSide {
  readonly #undo: string[][] = [];
  #watcher: ChildProcess | undefined;

  /**
   * Set addresses and routes on the interface `name`. Rejects with what `ip` says. Gives what people should know, a line
   * each.
   */
  async set(name: string, tunnel: OpenedTunnel): Promise<string[]> {
    const notes: string[] = [];
    for (const address of tunnel.addresses) await ip('addr', 'add', address, 'dev', name);
    if (tunnel.table !== 'off') {
      // The longest first, as wg-quick has them: what is within another that is there already needs none of its own.
      const bits = (route: string): number => Number(route.split('/')[1]);
      for (const route of tunnel.routes.toSorted((a, b) => bits(b) - bits(a))) {
        await this.#route(name, route, tunnel);
      }
    }
    if (tunnel.dns.length > 0) notes.push(...(await this.#names(name, tunnel)));
    this.#watch();
    return notes;
  }

  /** Take back what does not go with the interface. */
  async end(): Promise<void> {
    this.#watcher?.stdin?.end('done\n');
    this.#watcher = undefined;
    for (const [program = '', ...args] of this.#undo.splice(0).reverse()) {
      await run(program, args).catch(() => {}); // gone already
    }
  }

  async #route(name: string, route: string, { table, mark }: OpenedTunnel): Promise<void> {
    const family = route.includes(':') ? '-6' : '-4';
    if (table !== 'auto') {
      await ip(family, 'route', 'add', route, 'dev', name, 'table', `${table}`);
      return;
    }
    if (!route.endsWith('/0')) {
      // An address of ours on the network has made a route already.
      const there = await run('ip', [family, 'route', 'show', 'dev', name, 'match', route]);
      if (there.stdout.trim() === '') await ip(family, 'route', 'add', route, 'dev', name);
      return;
    }
    const own = `${DEFAULT_TABLE}`;
    await ip(family, 'route', 'add', route, 'dev', name, 'table', own);
    await this.#rule(family, 'not', 'fwmark', `${mark}`, 'table', own);
    await this.#rule(family, 'table', 'main', 'suppress_prefixlength', '0');
  }

  async #rule(family: string, ...rule: string[]): Promise<void> {
    await ip(family, 'rule', 'add', ...rule);
    this.#undo.push(['ip', family, 'rule', 'del', ...rule]);
  }

  /** Tell the host's resolver of the tunnel's name servers, where there is a program for it. */
  async #names(name: string, { dns, search }: OpenedTunnel): Promise<string[]> {
    const lines = dns.map((server) => `nameserver ${server}\n`);
    if (search.length > 0) lines.push(`search ${search.join(' ')}\n`);
    try {
      const child = run('resolvconf', ['-a', `tun.${name}`, '-m', '0', '-x']);
      child.child.stdin?.end(lines.join(''));
      await child;
      this.#undo.push(['resolvconf', '-d', `tun.${name}`, '-f']);
      return [];
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'there is no resolvconf here' : message.trim();
      return [`DNS = ${dns.join(', ')} is not set for this host: ${why}`];
    }
  }

  /** A shell that undoes what is left when this process has ended, however that came about. */
  #watch(): void {
    if (this.#undo.length === 0) return;
    const undo = this.#undo.toReversed().map((words) => words.map(quoted).join(' '));
    const script = `read -r word; [ "$word" = done ] || { ${undo.join('; ')}; }`;
    const child = spawn('sh', ['-c', script], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.on('error', () => {});
    child.stdin?.on('error', () => {});
    child.unref();
    (child.stdin as { unref?(): void } | null)?.unref?.();
    this.#watcher = child;
  }
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

async function ip(...args: string[]): Promise<void> {
  try {
    await run('ip', args);
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    throw new Error(`ip ${args.join(' ')}: ${stderr.trim() || message}`);
  }
}

/** Run what a file asks for, `%i` being the interface's name. Rejects with what it says. */
export async function runCommands(
  commands: readonly { readonly when: string; readonly command: string }[],
  when: string,
  name: string,
): Promise<void> {
  for (const { when: moment, command } of commands) {
    if (moment !== when) continue;
    try {
      await run('sh', ['-c', command.replaceAll('%i', name)]);
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string };
      throw new Error(`${when} = ${command}: ${stderr.trim() || message}`);
    }
  }
}
