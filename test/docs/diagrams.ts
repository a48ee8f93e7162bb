/**
 * The pictures in docs/diagrams, drawn from what they show: the states from the stack's own table of edges, the rooms
 * from the table in docs/architecture.md.
 * @module
 */
import { isEdge, State, stateName } from '../../src/stack/tcp/tcb/state.ts';
import { readPage } from './pages.ts';
import { arrow, type Box, box, join, label, picture } from './svg.ts';

/** Where each state stands: opening at the top, closing first on the left, second on the right. */
const PLACES: Readonly<Record<State, readonly [column: number, row: number]>> = {
  [State.CLOSED]: [1, 0],
  [State.LISTEN]: [0, 1],
  [State.SYN_SENT]: [2, 1],
  [State.SYN_RECEIVED]: [0, 2],
  [State.ESTABLISHED]: [1.75, 2.6],
  [State.FIN_WAIT_1]: [0.5, 4],
  [State.CLOSE_WAIT]: [2.3, 4],
  [State.FIN_WAIT_2]: [0, 5],
  [State.CLOSING]: [1.15, 5],
  [State.LAST_ACK]: [2.3, 5],
  [State.TIME_WAIT]: [0.5, 6],
};

/** RFC 9293 §3.3.2, figure 5, as this stack has it. */
function tcpStates(): string {
  const all = Object.values(State);
  const place = (state: State): Box => {
    const [column, row] = PLACES[state];
    return { x: 20 + column * 190, y: 50 + row * 80, width: 130, height: 34 };
  };
  const ends: readonly State[] = [State.TIME_WAIT, State.LAST_ACK];
  const edges = all.flatMap((from) =>
    all
      .filter((to) => from !== to && to !== State.CLOSED && isEdge(from, to))
      .map((to) => [from, to]),
  ) as [State, State][];
  const kind = (state: State): string => (state === State.ESTABLISHED ? 'core' : '');
  const bottom = 50 + 7 * 80;
  return picture(640, 660, 'The states of a TCP connection', [
    label(320, 24, 'from every state a reset, a time-out or an abort leads to CLOSED'),
    ...edges.map(([from, to]) => join(place(from), place(to))),
    ...all.map((state) => box(place(state), [stateName(state)], kind(state))),
    ...ends.map((state) => {
      const { x, y, width, height } = place(state);
      return arrow([x + width / 2, y + height], [x + width / 2, bottom]);
    }),
    label(180, bottom + 18, 'CLOSED, after 2 MSL'),
    label(522, bottom + 18, 'CLOSED, when the FIN is acknowledged'),
    label(180, bottom + 36, 'who closes first'),
    label(522, bottom + 36, 'who closes second'),
  ]);
}

interface Room {
  readonly rank: string;
  readonly name: string;
}

/** The rooms of the table, in its order. */
export function rooms(): Room[] {
  const rows = readPage('docs/architecture.md').matchAll(/^\| ([\d.]+|–) \| `src\/([^`]+)` \|/gm);
  return [...rows].map(([, rank = '', name = '']) => ({ rank, name }));
}

const FLOORS: Readonly<Record<string, string>> = {
  '–': 'beside',
  6: 'faces',
  5: 'host',
  4: 'core',
  3: 'transports',
  2: 'network',
  1: 'headers',
  0: 'base',
};

/** The floors, the highest on top; imports point down. */
function roomsAndRanks(): string {
  const width = 860;
  const parts: string[] = [];
  let y = 44;
  for (const [floor, title] of Object.entries(FLOORS).sort(([a], [b]) =>
    b.localeCompare(a, 'en'),
  )) {
    const here = rooms().filter(
      ({ rank }) => (rank === '–' ? '–' : `${Math.floor(Number(rank))}`) === floor,
    );
    here.sort((a, b) => Number(b.rank) - Number(a.rank) || 0);
    const top = y;
    let x = 130;
    for (const { rank, name } of here) {
      const text = name.replace(/^stack\//, '');
      const wide = Math.max(64, Math.ceil(text.length * 7.6 + 22));
      if (x + wide > width - 16) {
        x = 130;
        y += 44;
      }
      const lines = rank.includes('.') ? [text, `rank ${rank}`] : [text];
      const kind = floor === '–' ? '' : Number(floor) >= 5 ? 'host' : 'core';
      parts.push(box({ x, y, width: wide, height: 36 }, lines, kind));
      x += wide + 10;
    }
    const name = floor === '–' ? title : `${floor}  ${title}`;
    parts.push(label(14, top + 22, name, 'left'));
    y += 62;
  }
  const head = label(width / 2, 24, 'imports point down, never up and never sideways');
  return picture(width, y, 'The rooms of the house and their ranks', [head, ...parts]);
}

/** What a packet meets on its way up, and what a byte meets on its way down: by name, and what happens there. */
const IN: readonly (readonly [string, string, string])[] = [
  ['device/', 'reads a packet into a slot', 'host'],
  ['host/host', 'a turn drains the device', 'host'],
  ['link/', 'out of its frame, or ARP (TAP only)', 'core'],
  ['ip/internet/input', 'valid? for us? whole?', 'core'],
  ['tcp/arrive', 'the checks of RFC 9293, in their order', 'core'],
  ['tcp/receive', 'text in order, to its owner', 'core'],
  ['api/', 'data, message: what a program hears', 'host'],
];
const OUT: readonly (readonly [string, string, string])[] = [
  ['device/', 'writes it; one flush a batch', 'host'],
  ['host/host', 'one flush after the turn', 'host'],
  ['link/', 'into a frame, or it waits for one', 'core'],
  ['ip/internet/output', 'route, queue, pieces', 'core'],
  ['tcp/emit', 'header and text into a slot', 'core'],
  ['tcp/send', 'what may go now?', 'core'],
  ['api/', 'write: into the send buffer', 'host'],
];

function path(): string {
  const rows = IN.length;
  const place = (column: number, row: number): Box => ({
    x: 40 + column * 300,
    y: 50 + (rows - 1 - row) * 66,
    width: 250,
    height: 46,
  });
  const column = (steps: typeof IN, at: number): string[] =>
    steps.map(([name, what, kind], row) => box(place(at, row), [name, what], kind));
  const bottom = 50 + rows * 66;
  const up = Array.from({ length: rows - 1 }, (_, row) => join(place(0, row), place(0, row + 1)));
  const down = Array.from({ length: rows - 1 }, (_, row) => join(place(1, row + 1), place(1, row)));
  return picture(630, bottom + 50, 'The path of a packet through the stack', [
    label(165, 26, 'a packet comes in'),
    label(465, 26, 'bytes go out'),
    ...column(IN, 0),
    ...column(OUT, 1),
    ...up,
    ...down,
    arrow([165, bottom + 16], [165, bottom - 20]),
    arrow([465, bottom - 20], [465, bottom + 16]),
    label(315, bottom + 34, 'the kernel, a virtual machine, another stack'),
  ]);
}

/** All of them, by the names of their files in docs/diagrams. */
export const diagrams: Readonly<Record<string, () => string>> = {
  'path.svg': path,
  'rooms.svg': roomsAndRanks,
  'tcp-states.svg': tcpStates,
};
