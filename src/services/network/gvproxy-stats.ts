/**
 * Counters in the shape of gvproxy's `/stats`, of both families together. What is not counted here is 0.
 * @module
 */
import type { StackStats } from '../../index.ts';

const sum = (numbers: Readonly<Record<string, number>>): number =>
  Object.values(numbers).reduce((all, one) => all + one, 0);

/** `carried`: bytes that machines have sent and got. */
export function gvproxyStats(
  carried: { readonly in: number; readonly out: number },
  stats: StackStats,
): Record<string, unknown> {
  const { drops } = stats;
  const dropped = (...names: string[]): number =>
    names.reduce((all, name) => all + (drops[name] ?? 0), 0);
  return {
    BytesSent: carried.out,
    BytesReceived: carried.in,
    UnknownProtocolRcvdPackets: stats.IpInUnknownProtos + stats.Ip6InUnknownProtos,
    MalformedRcvdPackets: dropped('icmpMalformed', 'udpMalformed', 'tcpMalformed'),
    DroppedPackets: sum(drops),
    IP: {
      PacketsReceived: stats.IpInReceives + stats.Ip6InReceives,
      InvalidDestinationAddressesReceived: stats.IpInAddrErrors + stats.Ip6InAddrErrors,
      InvalidSourceAddressesReceived: dropped('ipSource'),
      PacketsDelivered: stats.IpInDelivers + stats.Ip6InDelivers,
      PacketsSent: stats.IpOutRequests + stats.Ip6OutRequests,
      OutgoingPacketErrors:
        stats.IpOutDiscards + stats.IpOutNoRoutes + stats.Ip6OutDiscards + stats.Ip6OutNoRoutes,
      MalformedPacketsReceived: stats.IpInHdrErrors + stats.Ip6InHdrErrors,
      MalformedFragmentsReceived: dropped('ipFragment'),
    },
    TCP: {
      ActiveConnectionOpenings: stats.TcpActiveOpens,
      PassiveConnectionOpenings: stats.TcpPassiveOpens,
      CurrentEstablished: stats.TcpCurrEstab,
      CurrentConnected: stats.connections,
      EstablishedResets: stats.TcpEstabResets,
      EstablishedClosed: 0,
      EstablishedTimedout: stats.TcpExtTCPAbortOnTimeout,
      ListenOverflowSynDrop: stats.TcpExtListenDrops,
      ListenOverflowAckDrop: stats.TcpExtListenOverflows,
      ListenOverflowSynCookieSent: stats.TcpExtSyncookiesSent,
      ListenOverflowSynCookieRcvd: stats.TcpExtSyncookiesRecv,
      ListenOverflowInvalidSynCookieRcvd: stats.TcpExtSyncookiesFailed,
      FailedConnectionAttempts: stats.TcpAttemptFails,
      ValidSegmentsReceived: stats.TcpInSegs - stats.TcpInErrs,
      InvalidSegmentsReceived: stats.TcpInErrs,
      // RFC 4022 counts apart what is sent again.
      SegmentsSent: stats.TcpOutSegs + stats.TcpRetransSegs,
      SegmentSendErrors: 0,
      ResetsSent: stats.TcpOutRsts,
      ResetsReceived: 0,
      Retransmits: stats.TcpRetransSegs,
      FastRecovery: stats.TcpExtTCPRenoRecovery,
      SACKRecovery: stats.TcpExtTCPSackRecovery,
      SlowStartRetransmits: stats.TcpExtTCPSlowStartRetrans,
      FastRetransmit: stats.TcpExtTCPFastRetrans,
      Timeouts: stats.TcpExtTCPTimeouts,
    },
    UDP: {
      PacketsReceived: stats.UdpInDatagrams + stats.Udp6InDatagrams,
      UnknownPortErrors: stats.UdpNoPorts + stats.Udp6NoPorts,
      ReceiveBufferErrors: stats.UdpRcvbufErrors + stats.Udp6RcvbufErrors,
      MalformedPacketsReceived: dropped('udpMalformed'),
      PacketsSent: stats.UdpOutDatagrams + stats.Udp6OutDatagrams,
      PacketSendErrors: 0,
    },
  };
}
