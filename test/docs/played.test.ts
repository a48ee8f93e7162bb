/**
 * How the pages are played: what fits the output that they show.
 * @module
 */
import test from 'ava';
import { patternOf } from '../support/played.ts';

test('docs: a shown time, fraction or port may be any, and all else is as it is shown', (t) => {
  t.regex('10.0.0.1 answered after 12.5 ms\n', patternOf(['10.0.0.1 answered after 0.731 ms']));
  t.notRegex('10.0.0.2 answered after 12.5 ms\n', patternOf(['10.0.0.1 answered after 0.731 ms']));
  t.notRegex('10.0.0.1 answered after 12 ms\n', patternOf(['10.0.0.1 answered after 0.731 ms']));
  const line = '15:48:40.039825 Out 10.0.0.1.59881 > 10.0.0.2.9: TCP S seq 1560685456';
  t.regex('01:02:03.4 Out 10.0.0.1.40001 > 10.0.0.2.9: TCP S seq 77777\n', patternOf([line]));
  t.notRegex('01:02:03.4 Out 10.0.0.1.40001 > 10.0.0.2.7: TCP S seq 77777\n', patternOf([line]));
  t.notRegex('999000 bytes\n', patternOf(['1000000 bytes']));
});

test('docs: three points stand for any text, and a line of them for any lines', (t) => {
  t.regex('a\nb\nc 1 d\n', patternOf(['...', 'c ... d']));
  t.notRegex('a\nb\n', patternOf(['...', 'c']));
  t.notRegex('a\nb\n', patternOf(['a']));
});
