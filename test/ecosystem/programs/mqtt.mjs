/** mqtt, of mosquitto: each quality of service, retained and large messages. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import mqtt from 'mqtt';

export async function call(host, port, stack) {
  const make = () =>
    stack
      ? new mqtt.MqttClient(() => stack.net.connect({ port, host }), { reconnectPeriod: 0 })
      : mqtt.connect({ host, port, reconnectPeriod: 0 });
  const [sender, receiver] = [make(), make()];
  await Promise.all([once(sender, 'connect'), once(receiver, 'connect')]);
  for (const qos of [0, 1, 2]) {
    await receiver.subscribeAsync(`topic/${qos}`, { qos });
    const texts = [];
    const all = new Promise((done) => {
      receiver.on('message', (_topic, payload) => {
        if (texts.push(String(payload)) === 100) done();
      });
    });
    for (let i = 0; i < 100; i++) await sender.publishAsync(`topic/${qos}`, `text ${i}`, { qos });
    await all;
    assert.deepEqual(
      texts,
      Array.from({ length: 100 }, (_, i) => `text ${i}`),
    );
    receiver.removeAllListeners('message');
  }
  const large = Buffer.alloc(1_000_000, 'large ');
  await sender.publishAsync('kept', large, { retain: true, qos: 1 });
  const heard = once(receiver, 'message');
  await receiver.subscribeAsync('kept');
  assert.ok(large.equals((await heard)[1]));
  await Promise.all([sender.endAsync(), receiver.endAsync()]);
}
