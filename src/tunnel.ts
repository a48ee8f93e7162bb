/**
 * `tunstack/tunnel`: devices that encrypt. A tunnel is a device of IP packets like any other: give it to `createStack`,
 * and a program is inside the network; join it to a TUN with `joinDevices`, and the host is.
 * @module
 */
export { systemRandom } from './tunnel/clock.ts';
export type { Aead, AeadMaker, AeadName } from './tunnel/crypto/aead.ts';
export { fastestAead } from './tunnel/crypto/fastest.ts';
export { loadLibcrypto } from './tunnel/crypto/libcrypto.ts';
export { nodeAead } from './tunnel/crypto/node.ts';
export {
  TunnelDevice,
  type TunnelDeviceCounters,
  type TunnelDeviceOptions,
} from './tunnel/device.ts';
export { Endpoint } from './tunnel/endpoint.ts';
export type { ClientState as OpenVpnState } from './tunnel/openvpn/client.ts';
export type { OpenVpnCounters } from './tunnel/openvpn/link.ts';
export {
  type OpenVpnDevice,
  type OpenVpnNetwork,
  type OpenVpnOptions,
  type OpenVpnStatus,
  openOpenVpn,
} from './tunnel/openvpn/open.ts';
export {
  type OpenVpnPeer,
  type OpenVpnServerDevice,
  type OpenVpnServerOptions,
  type OpenVpnServerStatus,
  openOpenVpnServer,
} from './tunnel/openvpn/open-server.ts';
export type { ReadFile } from './tunnel/openvpn/profile/asked.ts';
export { ProfileError } from './tunnel/openvpn/profile/lines.ts';
export type { Profile } from './tunnel/openvpn/profile/profile.ts';
export { looksLikeProfile, readProfile } from './tunnel/openvpn/profile/read.ts';
export type { Route as OpenVpnRoute } from './tunnel/openvpn/push.ts';
export type {
  Candidate as OpenVpnCandidate,
  Verdict as OpenVpnVerdict,
} from './tunnel/openvpn/server/instance.ts';
export { formatAddress, formatPrefix, type Prefix, parsePrefix } from './tunnel/prefix.ts';
export { createTunnelStack, type TunnelPlace } from './tunnel/stack.ts';
export {
  type DatagramOut,
  type DatagramTransport,
  NEVER,
  type RandomBytes,
  type TransportUser,
  type TunnelClock,
  type TunnelOut,
  type TunnelProtocol,
} from './tunnel/tunnel.ts';
export { type BatchOptions, type BatchTransport, openBatch } from './tunnel/udp/batch.ts';
export {
  type DgramMaker,
  type DgramSocket,
  type DgramTransport,
  openDgram,
  type UdpOptions,
} from './tunnel/udp/dgram.ts';
export {
  ConfigError,
  parseConfig,
  type WireGuardCommand,
  type WireGuardConfig,
  type WireGuardPeerConfig,
} from './tunnel/wireguard/config.ts';
export {
  askControl,
  CONTROL_FOLDER,
  type Control,
  controlPath,
  openControl,
} from './tunnel/wireguard/control.ts';
export {
  formatKey,
  makePresharedKey,
  makePrivateKey,
  parseHexKey,
  parseKey,
  publicKeyFrom,
} from './tunnel/wireguard/keys.ts';
export {
  type OpenWireGuardOptions,
  openWireGuard,
  type WireGuardDevice,
  type WireGuardPeerStatus,
  type WireGuardStatus,
} from './tunnel/wireguard/open.ts';
export type { WireGuardDrops } from './tunnel/wireguard/shared.ts';
