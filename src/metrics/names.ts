/**
 * Names of `nstat` as exporters of Prometheus have them: the group of the MIB, then the field.
 * @module
 */

/** Longer ones first, so that `TcpExt` is not taken for `Tcp`. */
const GROUPS = [
  ...['TcpExt', 'IpExt', 'Ip6Ext', 'UdpLite6', 'UdpLite', 'IcmpMsg', 'Icmp6', 'Ip6', 'Udp6'],
  ...['Icmp', 'Tcp', 'Udp', 'Ip'],
];

/** `TcpExtTCPTimeouts` is the field `TCPTimeouts` of `TcpExt`. */
export function familyOf(name: string): { readonly family: string; readonly field: string } {
  const family = GROUPS.find((group) => name.startsWith(group) && name.length > group.length);
  return family === undefined
    ? { family: 'Other', field: name }
    : { family, field: name.slice(family.length) };
}
