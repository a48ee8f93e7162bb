/**
 * What a stack has learnt of the world around it, as tables: routes, neighbours, path MTUs, who listens.
 * @module
 */
import type { Stack } from '../../index.ts';
import type { Facts, Watched } from './watched.ts';

/** Rows of a table; of more only the number is told. */
const MOST = 200;

/** All tables that are not empty. */
export function learned({ stack, facts }: Watched): Facts[] {
  const all = [...(facts?.() ?? []), ...(stack === undefined ? [] : ofStack(stack))];
  return all
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, columns, rows }) => ({
      title: rows.length > MOST ? `${title} (the first ${MOST} of ${rows.length})` : title,
      columns,
      rows: rows.slice(0, MOST),
    }));
}

const ofStack = (stack: Stack): Facts[] => [
  {
    title: 'Path MTUs',
    columns: ['to', 'bytes', 'learnt from', 'kept for'],
    rows: stack.paths.map(({ destination, mtu, learnt, left }) => [
      ...[destination, mtu],
      ...[learnt === 'icmp' ? 'a router (ICMP)' : 'probes', `${Math.round(left / 1000)} s`],
    ]),
  },
  {
    title: 'Neighbours',
    columns: ['address', 'hardware address', 'state', 'device'],
    rows: stack.neighbours.map(({ address, mac = '–', state, device }) => [
      ...[address, mac, state.toLowerCase(), device],
    ]),
  },
  {
    title: 'Routes',
    columns: ['to', 'by', 'device', 'from'],
    rows: stack.routes.map(({ network, gateway = 'direct', device, source = '–' }) => [
      ...[network, gateway, device, source],
    ]),
  },
  {
    title: 'Listening',
    columns: ['protocol', 'address', 'port', 'half-open', 'backlog'],
    rows: stack
      .sockets({ most: MOST })
      .filter(({ state }) => state === 'LISTEN' || state === 'UNCONNECTED')
      .map(({ protocol, localAddress, localPort, receiveQueue, sendQueue }) => [
        ...[protocol, localAddress, localPort],
        ...(protocol === 'tcp' ? [receiveQueue, sendQueue] : ['–', '–']),
      ]),
  },
];
