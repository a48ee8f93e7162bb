/**
 * An interface that is a VLAN of a device: its frames have the tag, and others' are not its. IEEE 802.1Q §9.6.
 * @module
 */
import test from 'ava';
import { createPipe, createStack, createSwitch, type Stack } from '../../src/index.ts';

/** Three stacks: on a trunk with a foot in each of two VLANs, and one in each. */
function open(offload: boolean): {
  both: Stack;
  ten: Stack;
  twenty: Stack;
  close(): Promise<unknown>;
} {
  const bridge = createSwitch();
  const plug = (options: object): ReturnType<typeof createPipe>[1] => {
    const [near, far] = createPipe({ medium: 'ethernet', offload });
    bridge.plug(near, options);
    return far;
  };
  const device = plug({ trunk: [10, 20], vlan: 1 });
  const both = createStack({
    devices: [
      { device, vlan: 10, address: '10.10.0.1/24' },
      { device, vlan: 20, address: '10.20.0.1/24' },
      { device, address: '10.30.0.1/24' },
    ],
  });
  const ten = createStack({ device: plug({ vlan: 10 }), address: '10.10.0.2/24' });
  const twenty = createStack({ device: plug({ vlan: 20 }), address: '10.20.0.2/24' });
  const close = (): Promise<unknown> =>
    Promise.all([both.close(), ten.close(), twenty.close()]).then(() => bridge.close());
  return { both, ten, twenty, close };
}

for (const offload of [false, true]) {
  const how = offload ? 'with offload' : 'without offload';

  test(`vlan: a stack is on two VLANs of one device, and on what has no tag, ${how}`, async (t) => {
    const { both, ten, twenty, close } = open(offload);
    t.teardown(close);
    t.true((await both.ping('10.10.0.2')).rtt > 0);
    t.true((await twenty.ping('10.20.0.1')).rtt > 0);
    await t.throwsAsync(ten.ping('10.20.0.1', { timeout: 100 }));
    t.deepEqual(
      both.neighbours.map(({ address, device }) => [address, device.replace(/^pipe\d/, '')]).sort(),
      [
        ['10.10.0.2', '.10'],
        ['10.20.0.2', '.20'],
      ],
    );
    // Long text, in segments of 64 KiB where there is offload: the tag is in each.
    const server = both.net.createServer((socket) => socket.pipe(socket)).listen(7);
    t.teardown(() => server.close());
    const socket = ten.net.connect(7, '10.10.0.1');
    const sent = Buffer.alloc(1 << 20, 'vlan');
    socket.end(sent);
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    t.true(Buffer.concat(parts).equals(sent));
  });
}

test('vlan: what cannot be a VLAN is refused', async (t) => {
  const [frames] = createPipe({ medium: 'ethernet' });
  const [packets] = createPipe();
  const address = '10.1.0.1/24';
  t.throws(() => createStack({ device: frames, address, vlan: 4095 }), {
    code: 'ERR_OUT_OF_RANGE',
  });
  t.throws(() => createStack({ device: frames, address, vlan: 0 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => createStack({ device: packets, address, vlan: 5 }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
});
