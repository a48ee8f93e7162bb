/**
 * `node scripts/conformance.mjs`: write docs/conformance.md, which holds every requirement of RFC 9293,
 * appendix B, beside the tests that hold it or the reason why none does, then the tests of the other RFCs, and
 * what RFC 8504 asks of IPv6. The names of the tests in test/rfc are where it all comes from.
 *
 * With `--check` it writes nothing, and fails if the page is not what it would write.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { NODE } from './conformance-8504.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const FOLDER = 'test/rfc';
export const PAGE = join(root, 'docs/conformance.md');

/** Appendix B: label, section, and the feature in a few words, by group. */
const REQUIREMENTS = {
  'PUSH flag': [
    ['MAY-16', '3.9.1.2', 'aggregate text that was not pushed'],
    ['SHLD-27', '3.9.1.2', 'collapse successive PSH bits'],
    ['MAY-15', '3.9.1.2', 'a SEND call with PUSH'],
    ['MUST-60', '3.9.1.2', 'without it: no text is held back for ever'],
    ['MUST-61', '3.9.1.2', 'without it: PSH on the last segment'],
    ['MAY-17', '3.9.1.3', 'tell the application of PSH'],
    ['SHLD-28', '3.9.1.2', 'segments of maximum size when possible'],
  ],
  Window: [
    ['MUST-1', '3.1', 'an unsigned number'],
    ['REC-1', '3.1', 'kept in 32 bits'],
    ['SHLD-14', '3.8.6', 'not shrunk from the right'],
    ['SHLD-15', '3.8.6', 'when the peer shrinks it: no new text'],
    ['SHLD-16', '3.8.6', 'when the peer shrinks it: old text inside is sent again'],
    ['SHLD-17', '3.8.6', 'when the peer shrinks it: no time-out for text beyond it'],
    ['MUST-34', '3.8.6', 'robust against shrinking'],
    ['MAY-8', '3.8.6.1', 'our own may stay closed for ever'],
    ['MUST-35', '3.8.6', 'probe one that shrinks to zero'],
    ['MUST-36', '3.8.6.1', 'probe a zero window'],
    ['SHLD-29', '3.8.6.1', 'first probe after an RTO'],
    ['SHLD-30', '3.8.6.1', 'exponential back-off of probes'],
    ['MUST-37', '3.8.6.1', 'let a window stay zero for ever'],
    ['MAY-7', '3.8.6', 'retransmit text beyond the window'],
    ['MUST-66', '3.4', 'process RST and URG at a zero window'],
  ],
  'Urgent data': [
    ['MUST-30', '3.8.5', 'support the urgent mechanism'],
    ['MUST-62', '3.8.5', 'the pointer points behind the urgent text'],
    ['MUST-31', '3.8.5', 'urgent text of any length'],
    ['MUST-32', '3.8.5', 'tell the application of urgent text'],
    ['MUST-33', '3.8.5', 'tell how much urgent text is left'],
    ['SHLD-13', '3.9.1.2', 'new applications should not use it'],
  ],
  Options: [
    ['MUST-4', '3.1', 'the mandatory options'],
    ['MUST-5', '3.1', 'options in any segment'],
    ['MUST-6', '3.1', 'ignore options that are not supported'],
    ['MUST-68', '3.1', 'a length in all but two of them'],
    ['MUST-7', '3.1', 'cope with an illegal length'],
    ['MUST-64', '3.2', 'whatever their alignment'],
    ['MUST-14', '3.7.1', 'send and receive MSS'],
    ['SHLD-5', '3.7.1', 'send MSS unless 536'],
    ['MAY-3', '3.7.1', 'send MSS always'],
    ['MUST-15', '3.7.1', 'without MSS assume 536'],
    ['MUST-16', '3.7.1', 'the effective segment size'],
    ['SHLD-6', '3.7.3', 'follow an MTU that varies'],
    ['MUST-65', '3.2', 'no MSS but on SYNs'],
    ['MUST-67', '3.7.1', 'MSS from what IP can receive'],
    ['MUST-69', '3.1', 'pad with zeros'],
  ],
  Checksums: [
    ['MUST-2', '3.1', 'the sender computes it'],
    ['MUST-3', '3.1', 'the receiver checks it'],
  ],
  'ISN selection': [
    ['MUST-8', '3.4.1', 'driven by a clock'],
    ['SHLD-1', '3.4.1', 'with a pseudorandom function'],
    ['MUST-9', '3.4.1', 'that nobody outside can compute'],
  ],
  'Opening connections': [
    ['MUST-10', '3.5', 'simultaneous open'],
    ['MUST-11', '3.5', 'SYN-RECEIVED knows where it came from'],
    ['MUST-41', '3.9.1.1', 'a passive OPEN disturbs no other connection'],
    ['MUST-42', '3.9.1.1', 'LISTEN on a port that connections use'],
    ['MUST-44', '3.9.1.1', 'ask IP for the source address'],
    ['MUST-45', '3.9.1.1', 'else use that of the connection'],
    ['MUST-46', '3.9.1.1', 'no OPEN to a broadcast, multicast or invalid address'],
    ['MUST-57', '3.9.2.3', 'discard silently what came to a broadcast or multicast address'],
  ],
  'Closing connections': [
    ['SHLD-2', '3.5.3', 'a RST may carry text'],
    ['MUST-12', '3.6', 'tell the application of an aborted connection'],
    ['MAY-1', '3.6.1', 'half-duplex close'],
    ['SHLD-3', '3.6.1', 'RST to show that text was lost'],
    ['MUST-13', '3.6.1', 'TIME-WAIT for 2 MSL'],
    ['MAY-2', '3.6.1', 'accept a SYN in TIME-WAIT'],
    ['SHLD-4', '3.6.1', 'timestamps shorten TIME-WAIT'],
  ],
  Retransmissions: [
    ['MUST-19', '3.8.2', 'back-off, slow start, congestion avoidance'],
    ['MAY-4', '3.8.1', 'the same IP identification'],
    ['MUST-18', '3.8.1', "Karn's algorithm"],
  ],
  'Generating ACKs': [
    ['MUST-58', '3.10.7.4', 'aggregate them'],
    ['SHLD-31', '3.10.7.4', 'hold segments that come early'],
    ['MUST-59', '3.10.7.4', 'process all that is held before the ACK'],
    ['MAY-13', '3.10.7.4', 'ACK a segment that came early'],
    ['SHLD-18', '3.8.6.3', 'delayed ACKs'],
    ['MUST-40', '3.8.6.3', 'delayed by less than 0.5 s'],
    ['SHLD-19', '3.8.6.3', 'at least every second full segment'],
    ['MUST-39', '3.8.6.2.2', 'silly-window avoidance of the receiver'],
  ],
  'Sending data': [
    ['MUST-49', '3.9.2', 'a TTL that can be set'],
    ['MUST-38', '3.8.6.2.1', 'silly-window avoidance of the sender'],
    ['SHLD-7', '3.7.4', "Nagle's algorithm"],
    ['MUST-17', '3.7.4', "Nagle's algorithm can be disabled"],
  ],
  'Connection failures': [
    ['MUST-20', '3.8.3', 'negative advice to IP at R1, the end at R2'],
    ['MUST-21', '3.8.3', 'the application can set R2'],
    ['SHLD-9', '3.8.3', 'tell the application between R1 and R2'],
    ['SHLD-10', '3.8.3', 'R1 is 3 retransmissions at least'],
    ['SHLD-11', '3.8.3', 'R2 is 100 s at least'],
    ['MUST-22', '3.8.3', 'the same for SYNs'],
    ['MUST-23', '3.8.3', 'R2 is 3 minutes at least for a SYN'],
  ],
  'Keep-alives': [
    ['MAY-5', '3.8.4', 'there are keep-alives'],
    ['MUST-24', '3.8.4', 'the application can switch them'],
    ['MUST-25', '3.8.4', 'off unless asked for'],
    ['MUST-26', '3.8.4', 'only after an idle interval'],
    ['MUST-27', '3.8.4', 'the interval can be set'],
    ['MUST-28', '3.8.4', 'two hours at least unless set'],
    ['MUST-29', '3.8.4', 'one lost answer is not the end'],
    ['SHLD-12', '3.8.4', 'without text'],
    ['MAY-6', '3.8.4', 'with a garbage octet, if so configured'],
  ],
  'IP options': [
    ['MUST-50', '3.9.2', 'ignore those that TCP does not understand'],
    ['MAY-10', '3.9.2', 'support timestamp'],
    ['MAY-11', '3.9.2', 'support record route'],
    ['MUST-51', '3.9.2.1', 'the application can give a source route'],
    ['MUST-52', '3.9.2.1', 'which goes before one that was received'],
    ['MUST-53', '3.9.2.1', 'return by the source route that was received'],
    ['SHLD-24', '3.9.2.1', 'a later source route goes before an earlier one'],
  ],
  'ICMP messages': [
    ['MUST-54', '3.9.2.2', 'act on errors that IP passes up'],
    ['SHLD-25', '3.9.2.2', 'tell the application of soft errors'],
    ['MUST-56', '3.9.2.2', 'do not abort for a soft error'],
    ['SHLD-26', '3.9.2.2', 'abort for a hard error'],
    ['MUST-55', '3.9.2.2', 'discard source quench silently'],
  ],
  'Address validation': [['MUST-63', '3.9.2.3', 'ignore a SYN from an invalid address']],
  'Interface to the application': [
    ['MUST-47', '3.9.1.8', 'soft errors are reported'],
    ['SHLD-20', '3.9.1.8', 'reports can be disabled'],
    ['MUST-48', '3.9.1.9', 'the Diffserv field can be set'],
    ['SHLD-22', '3.9.1.9', 'and passes unchanged to IP'],
    ['SHLD-21', '3.9.1.9', 'and can be changed later'],
    ['SHLD-23', '3.9.2', 'though applications should not'],
    ['MAY-9', '3.9.1.9', 'pass a received Diffserv field up'],
    ['MAY-14', '3.9.1.7', 'a FLUSH call'],
    ['MUST-43', '3.9.1.1', 'an optional local address in OPEN'],
  ],
  'RFC 5961, ECN, congestion control': [
    ['MAY-12', '3.10.7.4', 'protection from injected text'],
    ['SHLD-8', '3.8.2', 'ECN'],
    ['MAY-18', '3.8.2', 'other conformant congestion control'],
  ],
};

const URGENT = '[No urgent data](deviations.md#no-urgent-data): the octets arrive in their place.';
const SOURCE_ROUTE =
  '[No source routes](deviations.md#no-source-routes): such packets are dropped.';

/** Why there is no test. */
const REASONS = {
  'MAY-15': 'Not offered: every write is pushed (MUST-60, MUST-61).',
  'MAY-17': 'Not offered: text is handed over as it comes.',
  'MUST-30': URGENT,
  'MUST-31': URGENT,
  'MUST-32': URGENT,
  'MUST-33': URGENT,
  'MUST-62': 'No segment of ours has URG, so there is no pointer.',
  'SHLD-13': 'Holds by itself: there is no way to send urgent data.',
  'MAY-6': 'Not offered: the peers that needed it are gone.',
  'MAY-10': 'Not used: TCP neither sends nor reads IP options.',
  'MAY-11': 'Not used: TCP neither sends nor reads IP options.',
  'MUST-51': SOURCE_ROUTE,
  'MUST-52': SOURCE_ROUTE,
  'MUST-53': SOURCE_ROUTE,
  'SHLD-24': SOURCE_ROUTE,
  'SHLD-23': 'Advice to applications.',
  'MAY-9': 'Not offered.',
  'MAY-14': 'Not offered.',
};

const TITLES = {
  1122: 'Requirements for Internet Hosts, §4.2',
  1337: 'TIME-WAIT Assassination Hazards',
  2018: 'Selective Acknowledgment',
  2883: 'D-SACK',
  3042: 'Limited Transmit',
  3168: 'Explicit Congestion Notification',
  3522: 'The Eifel Detection Algorithm',
  3708: 'Spurious Retransmissions Told by D-SACK',
  4987: 'SYN Flooding Attacks',
  5482: 'User Timeout',
  5681: 'Congestion Control',
  5682: 'F-RTO',
  5927: 'ICMP Attacks against TCP',
  5961: 'Robustness to Blind In-Window Attacks',
  6056: 'Port Randomization',
  6191: 'Reducing TIME-WAIT with Timestamps',
  6298: 'The Retransmission Timer',
  6429: 'Persist Condition',
  6528: 'Sequence Number Attacks',
  6582: 'NewReno',
  6675: 'SACK-based Loss Recovery',
  6691: 'TCP Options and MSS',
  6928: 'Initial Window of Ten',
  7323: 'Extensions for High Performance',
  8985: 'RACK-TLP',
  9406: 'HyStart++',
  9438: 'CUBIC',
  9937: 'Proportional Rate Reduction',
};

/** Every test in test/rfc: its file, and its name with `…` for what a loop fills in. */
export function readTests() {
  const files = readdirSync(join(root, FOLDER)).filter((name) => name.endsWith('.test.ts'));
  return files.sort().flatMap((file) => {
    const text = readFileSync(join(root, FOLDER, file), 'utf8');
    const found = text.matchAll(/\btest\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)/g);
    return [...found].map((match) => {
      const name = match[1]
        .slice(1, -1)
        .replace(/\$\{[^}]*\}/g, '…')
        .replace(/\\(.)/g, '$1');
      return { file: `${FOLDER}/${file}`, name };
    });
  });
}

/** What a name begins with: `MUST-12`, `RFC 5961`, or nothing for more on RFC 9293 itself. */
function parse({ file, name }) {
  const match = /^(?:((?:MUST|SHLD|MAY|REC)-\d+) |RFC (\d+) )?§([\d.A-Z]+): (.*)$/s.exec(name);
  if (match === null) return { file, name, label: undefined, rfc: undefined, section: undefined };
  const [, label, rfc, section, sentence] = match;
  return { file, name, label, rfc: Number(rfc ?? 9293), section, sentence };
}

const rows = () => Object.values(REQUIREMENTS).flat();

/** What is wrong with the names and the tables: a line each. */
export function problems(tests = readTests().map(parse)) {
  const wrong = [];
  const sections = new Map(rows().map(([label, section]) => [label, section]));
  const tested = new Set(tests.map((test) => test.label));
  for (const { name, label, section, file } of tests) {
    if (section === undefined) {
      if (!file.endsWith('/conformance.test.ts')) wrong.push(`${file}: no section in "${name}"`);
    } else if (label !== undefined && sections.get(label) !== section) {
      wrong.push(`${file}: ${label} is in §${sections.get(label)}, not in §${section}`);
    }
  }
  for (const [label] of rows()) {
    if (!tested.has(label) && REASONS[label] === undefined) wrong.push(`${label} has no test`);
    if (tested.has(label) && REASONS[label] !== undefined)
      wrong.push(`${label} has a test and a reason`);
  }
  for (const [kind, count] of [
    ['MUST', 69],
    ['SHLD', 31],
    ['MAY', 18],
    ['REC', 1],
  ]) {
    for (let i = 1; i <= count; i++) {
      if (!sections.has(`${kind}-${i}`)) wrong.push(`${kind}-${i} is in no group`);
    }
  }
  return [...wrong, ...missingOfNode()];
}

/** Named, not linked: the tests are in the repository, this page is in the package too. */
const link = ({ file, sentence }) => `${sentence} (\`${file.replace('test/rfc/', '')}\`)`;
const bySection = (a, b) => a.section.localeCompare(b.section, 'en', { numeric: true });

/** The page. */
export function render() {
  const tests = readTests()
    .map(parse)
    .filter((test) => test.section !== undefined);
  const lines = [
    '# Conformance',
    '',
    'Written by `node scripts/conformance.mjs` from the names of the tests in `test/rfc`; a test holds it',
    'up to date. What departs from an RFC, and why, is in [deviations.md](deviations.md).',
    '',
    '## RFC 9293, appendix B',
    '',
  ];
  for (const [group, requirements] of Object.entries(REQUIREMENTS)) {
    lines.push(`### ${group}`, '', '| | § | requirement | held by |', '|---|---|---|---|');
    for (const [label, section, feature] of requirements) {
      const held = tests.filter((test) => test.label === label).map(link);
      const by = held.length > 0 ? held.join('<br>') : `*${REASONS[label]}*`;
      lines.push(`| ${label} | ${section} | ${feature} | ${by} |`);
    }
    lines.push('');
  }
  lines.push(
    'Requirements about security compartments are left out: there are none. MUST-46 and MUST-57 stand in two',
    'groups of the appendix, and once here. Of IPv6 see RFC 8504 below.',
    '',
    '## RFC 9293, beyond appendix B',
    '',
  );
  const more = tests.filter((test) => test.rfc === 9293 && test.label === undefined);
  for (const test of more.sort(bySection)) lines.push(`- §${test.section} ${link(test)}`);
  const others = [...new Set(tests.map((test) => test.rfc))].filter((rfc) => rfc !== 9293);
  for (const rfc of others.sort((a, b) => a - b)) {
    lines.push('', `## RFC ${rfc}, ${TITLES[rfc] ?? ''}`.replace(/, $/, ''), '');
    const own = tests.filter((test) => test.rfc === rfc).sort(bySection);
    for (const test of own) lines.push(`- §${test.section} ${link(test)}`);
  }
  lines.push('', '## RFC 8504, what a node of IPv6 must have', '');
  lines.push('| § | | requirement | held by |', '|---|---|---|---|');
  for (const [section, level, what, file, held] of NODE) {
    const by = file === undefined ? `*${held}*` : `${held.join('<br>')} (\`${file.slice(5)}\`)`;
    lines.push(`| ${section} | ${level} | ${what} | ${by} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** A line for each test that RFC 8504's table names and that is not there. */
function missingOfNode() {
  return NODE.filter(([, , , file]) => file !== undefined).flatMap(([section, , , file, held]) => {
    const text = readFileSync(join(root, file), 'utf8');
    return held
      .filter((title) => !text.includes(title))
      .map((title) => `RFC 8504 §${section}: no test "${title}" in ${file}`);
  });
}

function main() {
  const wrong = problems();
  const page = render();
  if (process.argv.includes('--check')) {
    if (readFileSync(PAGE, 'utf8') !== page) wrong.push('docs/conformance.md is not up to date');
  } else {
    writeFileSync(PAGE, page);
  }
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
