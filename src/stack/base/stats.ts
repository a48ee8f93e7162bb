/**
 * The counters: under the names that Linux's `nstat` prints, RFC 4293, 4022 and 4113 behind them.
 *
 * Indices into one `Float64Array`: a count above 2^31 neither wraps nor allocates.
 * @module
 */

/** Where each counter stands. The key is its public name. */
export const Stat = {
  IpInReceives: 0,
  IpInHdrErrors: 1,
  IpInAddrErrors: 2,
  IpInUnknownProtos: 3,
  IpInDiscards: 4,
  IpInDelivers: 5,
  IpOutRequests: 6,
  IpOutDiscards: 7,
  IpOutNoRoutes: 8,
  IpForwDatagrams: 9,
  IpReasmTimeout: 10,
  IpReasmReqds: 11,
  IpReasmOKs: 12,
  IpReasmFails: 13,
  IpFragOKs: 14,
  IpFragFails: 15,
  IpFragCreates: 16,
  IpInOctets: 17,
  IpOutOctets: 18,
  IcmpInMsgs: 19,
  IcmpInErrors: 20,
  IcmpInCsumErrors: 21,
  IcmpInDestUnreachs: 22,
  IcmpInTimeExcds: 23,
  IcmpInParmProbs: 24,
  IcmpInEchos: 25,
  IcmpInEchoReps: 26,
  IcmpOutMsgs: 27,
  IcmpOutDestUnreachs: 28,
  IcmpOutTimeExcds: 29,
  IcmpOutParmProbs: 30,
  IcmpOutEchos: 31,
  IcmpOutEchoReps: 32,
  IcmpOutRateLimitGlobal: 33,
  UdpInDatagrams: 34,
  UdpNoPorts: 35,
  UdpInErrors: 36,
  UdpOutDatagrams: 37,
  UdpRcvbufErrors: 38,
  UdpInCsumErrors: 39,
  TcpActiveOpens: 40,
  TcpPassiveOpens: 41,
  TcpAttemptFails: 42,
  TcpEstabResets: 43,
  TcpCurrEstab: 44,
  TcpInSegs: 45,
  TcpOutSegs: 46,
  TcpRetransSegs: 47,
  TcpInErrs: 48,
  TcpOutRsts: 49,
  TcpInCsumErrors: 50,
  TcpExtSyncookiesSent: 51,
  TcpExtSyncookiesRecv: 52,
  TcpExtSyncookiesFailed: 53,
  TcpExtListenOverflows: 54,
  TcpExtListenDrops: 55,
  TcpExtTW: 56,
  TcpExtTWRecycled: 57,
  TcpExtPAWSEstab: 58,
  TcpExtDelayedACKs: 59,
  TcpExtTCPChallengeACK: 60,
  TcpExtTCPSYNChallenge: 61,
  TcpExtTCPACKSkippedChallenge: 62,
  TcpExtTCPTimeouts: 63,
  TcpExtTCPSynRetrans: 64,
  TcpExtTCPFastRetrans: 65,
  TcpExtTCPLossProbes: 66,
  TcpExtTCPLossProbeRecovery: 67,
  TcpExtTCPLostRetransmit: 68,
  TcpExtTCPSackRecovery: 69,
  TcpExtTCPRenoRecovery: 70,
  TcpExtTCPSACKReneging: 71,
  TcpExtTCPSACKReorder: 72,
  TcpExtTCPDSACKRecv: 73,
  TcpExtTCPDSACKOldSent: 74,
  TcpExtTCPFullUndo: 75,
  TcpExtTCPLossUndo: 76,
  TcpExtTCPSpuriousRTOs: 77,
  TcpExtTCPOFOQueue: 78,
  TcpExtTCPOFODrop: 79,
  TcpExtTCPKeepAlive: 80,
  TcpExtTCPAbortOnTimeout: 81,
  TcpExtTCPAbortOnClose: 82,
  TcpExtTCPAbortOnMemory: 83,
  TcpExtTCPZeroWindowDrop: 84,
  TcpExtTCPWinProbe: 85,
  TcpExtTCPToZeroWindowAdv: 86,
  TcpExtTCPFromZeroWindowAdv: 87,
  TcpExtTCPPureAcks: 88,
  TcpExtTCPHPHits: 89,
  TcpExtTCPDelivered: 90,
  TcpExtTCPDeliveredCE: 91,
  TcpExtTCPHystartTrainDetect: 92,
  TcpExtTCPTimeWaitOverflow: 93,
  TcpExtTCPMTUPFail: 94,
  TcpExtTCPMTUPSuccess: 95,
} as const;

/** The index of a counter. */
export type Stat = (typeof Stat)[keyof typeof Stat];

/** One stack's counters. */
export type Stats = Float64Array;

export const makeStats = (): Stats => new Float64Array(Object.keys(Stat).length);

/** Add `n` (1 unless told) to a counter. */
export function count(stats: Stats, index: Stat, n = 1): void {
  stats[index] = (stats[index] as number) + n; // `Stat` holds only indices inside the array
}
