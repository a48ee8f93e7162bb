/**
 * What stays with the kernel in a program that runs on a stack: local sockets (paths), descriptors and
 * handles. These functions read the arguments of `node:net` for whether they name one.
 *
 * Node documentation: "Identifying paths for IPC connections", "net.connect()", "server.listen()".
 * @module
 */

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** As Node: what is no number, not even as text, is a path. */
const isPath = (value: unknown): boolean => typeof value === 'string' && !(Number(value) >= 0);

/** `net.connect(path)`, `net.connect({ path })`. */
export function connectsToPath(args: readonly unknown[]): boolean {
  const [first] = args;
  return isObject(first) ? Boolean(first['path']) : isPath(first);
}

/** `new net.Socket({ fd })`, `new net.Socket({ handle })`, and a descriptor alone. */
export function wrapsHandle(options: unknown): boolean {
  if (typeof options === 'number') return true;
  return isObject(options) && (options['fd'] !== undefined || Boolean(options['handle']));
}

/** `server.listen(path)`, `server.listen({ fd })`, `server.listen(anotherServer)`, ... */
export function listensElsewhere(args: readonly unknown[]): boolean {
  const [first] = args;
  if (!isObject(first)) return isPath(first);
  if (first['_handle'] || first['handle']) return true;
  if (typeof first['fd'] === 'number' && first['fd'] >= 0) return true;
  if (first['port'] !== undefined) return false;
  return Boolean(first['path']) || typeof first['getAsyncId'] === 'function';
}

/**
 * Whether a server is being made to listen by `node:cluster`, on behalf of a worker. It hands what it
 * accepts to another process, which only descriptors of the kernel can be. Nothing else tells.
 */
export const listensForWorker = (): boolean =>
  new Error().stack?.includes('node:internal/cluster/') ?? false;

/** `::` is all addresses, those of IPv4 included, which are all that a stack has that has none of IPv6. */
export function withoutIPv6(args: readonly unknown[]): unknown[] {
  const [first, second, ...rest] = args;
  if (isObject(first)) {
    const { host, ipv6Only } = first;
    return host === '::' && !ipv6Only
      ? [{ ...first, host: '0.0.0.0' }, ...args.slice(1)]
      : [...args];
  }
  return second === '::' ? [first, '0.0.0.0', ...rest] : [...args];
}
