/**
 * The page of the siege: what its tables say, and where they go.
 * @module
 */
import test from 'ava';
import type { Outcome } from './campaign.ts';
import { faults, fill, fillAll, type Report, tables } from './page.ts';
import { floods, scans } from './storms.ts';
import { inboundDrops } from './watch.ts';

const [flood] = floods('10.83.0.2', 5);
const echo = { sent: 200, lost: 0, p50: 0.05, p99: 0.4, max: 1.25 };

function report(wrong: string): Report {
  if (flood === undefined) throw new Error('there is no flood');
  const outcome: Outcome = {
    ...{ storm: flood, seconds: 5, packets: 500_000, overflowed: 1234, looks: 1, wrong },
    ...{ drops: { tcpBadSyn: 3, udpNoPort: 70_000, ipSource: 1 }, resident: 80 << 20 },
    during: { ...echo, lost: 7 },
    after: echo,
  };
  const campaign = { outcomes: [outcome], sizes: [], before: 80 << 20, after: 81 << 20 };
  const finding = { what: 'echo', found: '39 of 40 answered', good: wrong === '' };
  return {
    campaign: { ...campaign, wrong: wrong === '' ? [] : [`SYN: ${wrong}`] },
    sizes: [finding],
    campaign6: undefined,
    ways: [],
    hostile: [],
    ...{ command: 'npm run siege', started: '2026-01-02T03:04:05.000Z', seconds: 90 },
  };
}

test('siege: a line tells packets, drops, echoes in a storm and after it', (t) => {
  const text = tables(report(''));
  t.regex(text, /\| 500 k \| 100 k \| 1234 \| udpNoPort 70 k, tcpBadSyn 3, others 1 \|/);
  t.regex(
    text,
    /\| 0\.05 \/ 0\.40 \/ 1\.3, 7 of 200 lost \| 0\.05 \/ 0\.40 \/ 1\.3 \| 80 MiB \| yes \|/,
  );
  t.regex(text, /`npm run siege` on 2026-01-02, 1\.5 minutes/);
});

test('siege: what is not good is said, and counts', (t) => {
  t.deepEqual(faults(report('')), []);
  t.deepEqual(faults(report('late')), ['SYN: late', 'echo: 39 of 40 answered']);
  t.regex(tables(report('late')), /\*\*late\*\*/);
});

test('siege: tables go between the marks of their part, and nowhere else', (t) => {
  const page = ['a', '<!-- siege:storms -->', 'old', '<!-- /siege:storms -->', 'b'];
  t.is(
    fill(page.join('\n'), 'storms', 'new'),
    ['a', '<!-- siege:storms -->', '', 'new', '', '<!-- /siege:storms -->', 'b'].join('\n'),
  );
  t.throws(() => fill('nothing', 'storms', 'new'), { message: /has no/ });
  const both = [...page, '<!-- siege:bounds -->', 'kept', '<!-- /siege:bounds -->'].join('\n');
  const filled = fillAll(both, report(''));
  t.regex(filled, /\| 500 k \|[\s\S]*39 of 40 answered[\s\S]*`npm run siege` on/);
  t.true(
    filled.endsWith('<!-- siege:bounds -->\nkept\n<!-- /siege:bounds -->'),
    'it was not wanted',
  );
});

test('siege: a scan that finds other ports than are open is not good', (t) => {
  const [syn] = scans('10.83.0.2');
  const line = (port: number): string => `${port}/tcp open  name\n`;
  t.is(syn?.judge([7, 9, 13, 19, 80].map(line).join('')), '');
  t.is(syn?.judge([7, 9, 13, 19].map(line).join('')), 'found 7,9,13,19, not 7,9,13,19,80');
});

test('siege: packets on their way out are none that came in', (t) => {
  t.deepEqual(inboundDrops({ outNoSlot: 1, loopbackFull: 2, ipTtl: 3 }), { ipTtl: 3 });
});
