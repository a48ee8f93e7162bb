/**
 * A sandbox that may reach one domain and nothing else: names other than its own are not resolved, addresses that it
 * was told no name of are refused, and a flow that says another name is cut before a byte of it has left.
 *
 *     node dist/examples/sandbox.js registry.npmjs.org /tmp/sandbox.sock
 *
 * Then give QEMU the option that is printed, or plug in any device of frames.
 * @module
 */
import { listenForMachines } from 'tunstack';
import {
  type AuditLine,
  createNetwork,
  type Network,
  type NetworkOptions,
} from 'tunstack/services';

/** A network whose machines reach `domain`, and what is below it, by HTTP and HTTPS. */
export function makeSandbox(
  domain: string,
  decided: (line: AuditLine) => void,
  options: NetworkOptions = {},
): Network {
  const rules = [domain, `*.${domain}`].flatMap((name) => [
    `allow ${name}:80/tcp`,
    `allow ${name}:443/tcp`,
  ]);
  return createNetwork({
    policy: { default: 'deny', rules, close: ['private'] },
    isolated: true, // machines do not reach each other either
    audit: (line) => {
      decided(line);
      return true;
    },
    ...options,
  });
}

if (process.argv[1] === import.meta.filename) {
  const [, , domain = 'example.org', path = '/tmp/sandbox.sock'] = process.argv;
  const network = makeSandbox(domain, (line) => console.log(JSON.stringify(line)));
  await network.ready;
  await listenForMachines({ path }, (device) => network.plug(device));
  console.log(
    `-netdev stream,id=net0,server=off,addr.type=unix,addr.path=${path} -device virtio-net-pci,netdev=net0`,
  );
}
