/**
 * The options of `tunstack plot`.
 * @module
 */
import { type Command, InvalidArgumentError } from 'commander';
import { numberFrom } from '../values.ts';

export interface PlotOptions {
  /** A capture (pcapng or pcap), or a trace (JSON). */
  readonly file: string;
  /** Which packets of a capture, in the language of tcpdump. */
  readonly filter: string;
  /** Seconds from the beginning. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** The direction that carried less. */
  readonly reverse: boolean;
  /** Say which connections there are, and draw none. */
  readonly list: boolean;
  /** A file to write; standard output unless said. */
  readonly out: string | undefined;
}

const LONGEST = 1e9;

const seconds = (text: string): number => numberFrom(text, 0, LONGEST, false);

/** Add the command; `done` is given what was asked. */
export function withPlot(command: Command, done: (options: PlotOptions) => void): void {
  command
    .description(
      'draw a connection out of a capture: a time-sequence graph, round trips, what is in flight',
    )
    .option('--from <seconds>', 'begin so late after its first packet', seconds)
    .option('--to <seconds>', 'end so late after it', seconds)
    .option('-r, --reverse', 'the direction that carried less')
    .option('-l, --list', 'say which connections there are')
    .option('-o, --out <file>', 'the SVG to write (default: standard output)')
    .argument('<file>', 'a pcapng or pcap file, or a trace of npm run sim')
    .argument('[filter...]', 'which connection: tcp port 80 and host 10.83.0.1')
    .action((file: string, words: string[], read: Partial<PlotOptions>) => {
      const { from, to, reverse = false, list = false, out } = read;
      if (from !== undefined && to !== undefined && from >= to) {
        throw new InvalidArgumentError(
          "option '--from' and option '--to': the first must be less.",
        );
      }
      done({ file, filter: words.join(' '), from, to, reverse, list, out });
    });
}
