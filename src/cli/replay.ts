/**
 * `tunstack replay`: what `network --record` wrote, played against the gateway again, and held against what was
 * recorded.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { type Replayed, replay } from '../services.ts';
import { withProgress } from './progress.ts';
import type { Screen } from './screen.ts';
import { plural } from './words.ts';

/** What came of it, in lines. */
export function replayedLines(result: Replayed): string[] {
  const { same, seconds, sent, got, alike, decisions, difference, surprises } = result;
  return [
    `${same ? 'the same' : 'NOT the same'}: ${decisions.played} of ${plural(decisions.recorded, 'decision')} in ${seconds.toFixed(3)} s`,
    `guests sent ${plural(sent, 'frame')}, got ${got.recorded} as recorded and ${got.played} now, ${alike} of them alike`,
    ...(difference === undefined
      ? []
      : [
          `recorded ${difference.recorded ?? 'nothing'}`,
          `played   ${difference.played ?? 'nothing'}`,
        ]),
    ...surprises.slice(0, 10).map((what) => `not in the recording: ${what}`),
  ];
}

/** Gives the exit code: 1 if it was not the same. */
export async function runReplay(file: string, json: boolean, screen: Screen): Promise<number> {
  const text = await readFile(file, 'utf8');
  const result = await withProgress({ what: `replay of ${file}`, unit: 's' }, () => replay(text));
  if (json) screen.line(JSON.stringify({ event: 'replayed', ...result }));
  else for (const line of replayedLines(result)) screen.line(line);
  return result.same ? 0 : 1;
}
