/**
 * tunstack: a TCP/IP stack that you can import.
 *
 * Open a device (`openTun`, `openFd`, `createPipe`, `fromDuplex`), put a stack on it (`createStack`), and
 * use `stack.net`, `stack.dgram`, `stack.tcp`, `stack.udp`, `stack.ping` and `stack.protocol`.
 * @module
 */

// Devices: where packets come from and go to.

export type { Device, DeviceOffload, DeviceUser } from './device/device.ts';
export { DeviceError } from './device/errors.ts';
export type { LinkClock } from './device/impair/clock.ts';
export {
  type ImpairedDevice,
  type ImpairOptions,
  impair,
  type LinkImpairment,
} from './device/impair/impair.ts';
export type { Burst, Impairment, PathCounters } from './device/impair/impairment.ts';
export type { RandomBits } from './device/impair/random.ts';
export type { DescriptorCounters, TunDevice } from './device/linux/descriptor.ts';
export { type FdOptions, openFd } from './device/linux/fd.ts';
export type { TapOptions, TunOptions } from './device/linux/interface.ts';
export { openTap } from './device/linux/tap.ts';
export { openTun } from './device/linux/tun.ts';
export type { Waiting, WaitOptions } from './device/linux/waiting.ts';
export {
  type DatagramOptions,
  type MachineDatagrams,
  openDatagrams,
} from './device/machine/datagrams.ts';
export type { FrameCounters, FrameStream } from './device/machine/frame-stream.ts';
export {
  connectMachine,
  type Framing,
  fromFrames,
  listenForMachines,
  type MachineConnectOptions,
  type MachineListenOptions,
  type MachineOptions,
  type MachinePlace,
  type MachineServer,
} from './device/machine/machine.ts';
export {
  fromMessages,
  type MessageDevice,
  type MessageOptions,
  type MessageSocket,
} from './device/machine/messages.ts';
export { openUdpFrames, type UdpFrameOptions } from './device/machine/udp-frames.ts';
export { openVde, type VdeOptions, type VdePlug } from './device/machine/vde.ts';
export { createPipe, type PipeEnd, type PipeOptions } from './device/pipe.ts';
export { type DuplexOptions, fromDuplex, type StreamDevice } from './device/stream.ts';
export { type CaptureDevice, capture } from './device/wrap/capture.ts';
export { type Joint, joinDevices } from './device/wrap/join.ts';
export { type CaptureOptions, Recorder } from './device/wrap/recorder.ts';
export { type TapDevice, tap, type Watcher, type WatchOptions } from './device/wrap/tap.ts';

// Packets that are meant.

export { type PacketFilter, packetFilter } from './filter/filter.ts';

// The stack.

export type { Dgram, DgramSocket } from './stack/api/dgram/dgram.ts';
export type { DgramLookup, DgramOptions } from './stack/api/dgram/options.ts';
export type { SystemError } from './stack/api/door/errors.ts';
export type { DeviceOptions, StackOptions } from './stack/api/door/options.ts';
export type {
  ConnectionOptions,
  ListenerOptions,
  StackTcp,
  TcpConnectOptions,
  TcpListenOptions,
} from './stack/api/flow/tcp.ts';
export type { TcpAcceptor } from './stack/api/flow/tcp-acceptor.ts';
export type { FlowPlace, TcpFlow } from './stack/api/flow/tcp-flow.ts';
export type {
  TcpFlowHandler,
  TcpInterceptOptions,
  TcpInterceptor,
} from './stack/api/flow/tcp-interceptor.ts';
export type { StackUdp } from './stack/api/flow/udp.ts';
export type { FlowSocket, UdpFlow } from './stack/api/flow/udp-flow.ts';
export type {
  UdpFlowHandler,
  UdpInterceptOptions,
  UdpInterceptor,
} from './stack/api/flow/udp-interceptor.ts';
export type { DnsConfig } from './stack/api/ip/dns-config.ts';
export type { Hook, HookHandler, HookPacket, HookPoint } from './stack/api/ip/hooks.ts';
export type {
  IcmpHandler,
  IcmpMessage,
  IcmpSend,
  StackIcmp,
  StackIcmp6,
} from './stack/api/ip/icmp.ts';
export type { IcmpReport } from './stack/api/ip/icmp-report.ts';
export type { AddressConflict, NeighbourLine } from './stack/api/ip/neighbours.ts';
export type { PathLine } from './stack/api/ip/paths.ts';
export type {
  RawErrorHandler,
  RawPacket,
  RawProtocol,
  RawSendOptions,
  SendOptions,
} from './stack/api/ip/protocol.ts';
export type { QuotedPacket } from './stack/api/ip/quoted-packet.ts';
export type { RawIp, RawIpHandler } from './stack/api/ip/raw.ts';
export type { AddedRoute, RouteLine, RouteOptions } from './stack/api/ip/routing.ts';
export type { Net, ServerClass, SocketClass } from './stack/api/net/net.ts';
export type { KeepAliveOptions, SocketOptions } from './stack/api/net/options.ts';
export type { Server } from './stack/api/net/server.ts';
export type { Socket } from './stack/api/net/socket.ts';
export type {
  Connector,
  ConnectorCall,
  ConnectorOptions,
  DispatcherOptions,
} from './stack/api/node/dispatcher.ts';
export type { Http, Https } from './stack/api/node/http.ts';
export type { Http2 } from './stack/api/node/http2.ts';
export type { Modules } from './stack/api/node/modules.ts';
export type { Tls } from './stack/api/node/tls.ts';
export type { UndiciAgent, UndiciAgentOptions, UndiciDispatcher } from './stack/api/node/undici.ts';
export type { PingOptions, PingReply, PingResult, PingsOptions } from './stack/api/probe/ping.ts';
export type {
  TracerouteHop,
  TracerouteOptions,
  TracerouteProbe,
} from './stack/api/probe/traceroute.ts';
export type { SocketLine, SocketsOptions, SocketTimer } from './stack/api/sockets.ts';
export {
  type CloseOptions,
  createStack,
  type Stack,
} from './stack/api/stack.ts';
export type { StackStats } from './stack/api/stats.ts';
export type { ConnectionView } from './stack/api/survey.ts';
export type { Connection, ConnectionHandler } from './stack/api/tcp/connection.ts';
export type { Accept, Listener } from './stack/api/tcp/listener.ts';
export type {
  ConnectionCloseMessage,
  ConnectionMessage,
  ConnectionResetMessage,
} from './stack/api/tcp/messages.ts';
export type { UdpArrival } from './stack/api/udp/arrival.ts';
export type { UdpSocketOptions } from './stack/api/udp/options.ts';
export type {
  UdpDatagram,
  UdpPort,
  UdpPortOptions,
  UdpSendOptions,
} from './stack/api/udp/port.ts';
export type { UdpHandler, UdpSocket } from './stack/api/udp/socket.ts';
export type { Clock } from './stack/base/clock.ts';
export { type Random, SeededRandom } from './stack/base/random.ts';
export type { PacketDropMessage } from './stack/host/drops.ts';
export type { TcpInfo } from './stack/tcp/info.ts';
export type {
  Limits as TcpLimits,
  Settings as TcpSettings,
} from './stack/tcp/tcb/settings.ts';
export type { FrameVerdict, SwitchFrame } from './switch/hook.ts';
export type { PortCapture, SwitchPort } from './switch/plug.ts';
export type { PortOptions, PortStats } from './switch/port.ts';
export {
  createSwitch,
  type Switch,
  type SwitchOptions,
  type SwitchStation,
} from './switch/switch.ts';
export {
  type Tuntap,
  type TuntapAddOptions,
  type TuntapControl,
  type TuntapDeleteOptions,
  type TuntapProcess,
  tuntap,
} from './tuntap/tuntap.ts';
