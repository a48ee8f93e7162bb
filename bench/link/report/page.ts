/**
 * One page of HTML with everything in it, for people who would rather look than read.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { type Spread, spread } from '../../support/spread.ts';
import type { Results } from '../results.ts';
import { escapeHtml, figure, withSpread } from './figures.ts';
import { type Standing, standings } from './goals.ts';
import { type Section, sections } from './sections.ts';
import { STYLE } from './style.ts';

export function writePage(results: Results, path: string): void {
  writeFileSync(path, page(results));
}

/** The page of these results. */
export function page(results: Results): string {
  const body = [
    header(results),
    goals(results),
    ...sections(results).map(sectionOf),
    noise(results),
    numbers(results),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tunstack, measured</title>
<style>${STYLE}</style>
<main>
${body.join('\n')}
</main>
</html>
`;
}

function header({ machine, noise: { verdict }, runs, seconds, started, command }: Results): string {
  const facts = [
    machine.cpu,
    `${machine.cores} cores, ${machine.memoryGiB} GiB`,
    machine.system,
    `Node ${machine.node}`,
    `tunstack ${machine.tunstack}`,
    started.slice(0, 16).replace('T', ' '),
    `the machine was ${verdict}`,
  ];
  return `<h1>tunstack, measured</h1>
<p>A TCP/IP stack in TypeScript on a TUN device, against the fastest that one thread of C can do on
the same device, against Node’s own sockets on the kernel, and against the peers that were installed.
${runs} runs of ${seconds} s each, in turn: A B A B. Figures are medians.</p>
<p><code>${escapeHtml(command)}</code></p>
<ul class="facts">${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join('')}</ul>`;
}

function goals(results: Results): string {
  const all = standings(results);
  if (all.every(({ value }) => value === undefined)) return '';
  const rows: string[] = [];
  for (let i = 0; i < all.length; i += 2) {
    const [callback, net] = all.slice(i, i + 2) as [Standing, Standing]; // they come in pairs
    if (callback.value === undefined && net.value === undefined) continue;
    const name = escapeHtml(callback.goal.name);
    rows.push(`<tr><td>${name}</td>${cell(callback)}${cell(net)}</tr>`);
  }
  const judged = all.filter(({ met }) => met !== undefined);
  const met = judged.filter((standing) => standing.met === true).length;
  return `<h2>Goals</h2>
<p>${met} of ${judged.length} reached. Ratios are taken within one run, and the median counts; the mark is
the goal.</p>
<figure class="scroll"><table><tr><th>goal</th><th>callback interface</th><th>net.Socket</th></tr>
${rows.join('\n')}</table></figure>`;
}

function cell({ goal, target, value, met }: Standing): string {
  if (value === undefined) return '<td class="none">–</td>';
  const unit = goal.unit === '' ? '' : ` ${goal.unit}`;
  const words = `${withSpread(value)}${unit}`;
  if (target === undefined || met === undefined) return `<td>${words}</td>`;
  const sign = goal.atLeast ? '≥' : '≤';
  const most = Math.max(value.median, target) * 1.15;
  const part = (x: number): string => `${((x / most) * 100).toFixed(1)}%`;
  return `<td class="${met ? 'met' : 'missed'}">${met ? '✓' : '✗'} ${words}
<span class="goal">goal ${sign} ${figure(target)}</span>
<span class="meter"><b style="width:${part(value.median)}"></b><u style="left:${part(target)}"></u></span></td>`;
}

function sectionOf({ title, about, plots }: Section): string {
  const figures = plots.map(
    ({ title: name, svg, caption }) =>
      `<figure><h3>${escapeHtml(name)}</h3>${svg}` +
      `${caption === '' ? '' : `<figcaption>${escapeHtml(caption)}</figcaption>`}</figure>`,
  );
  return `<h2>${escapeHtml(title)}</h2><p class="soft">${escapeHtml(about)}</p>${figures.join('')}`;
}

function noise({
  noise: { verdict, work, p95, steal, loadBefore, loadAfter },
  skipped,
}: Results): string {
  const loads = [...loadBefore, ...loadAfter].map((load) => load.toFixed(2));
  const list = skipped.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('');
  return `<h2>How quiet the machine was</h2>
<p>It was <b>${verdict}</b>. One fixed piece of work, done before each sample, took
${withSpread(work)} ms; its 95th percentile was ${figure(p95)} times its best. The hypervisor gave
${(steal * 100).toFixed(1)} % of the time to others. Load averages: ${loads.slice(0, 3).join(', ')} before,
${loads.slice(3).join(', ')} after.</p>${list === '' ? '' : `<p>Not measured:</p><ul>${list}</ul>`}`;
}

/** Every metric of every cell. */
function numbers(results: Results): string {
  const groups = new Map<
    string,
    { row: string[]; metrics: Map<string, number[]>; failed: number }
  >();
  const labels = new Map(results.subjects.map(({ key, label }) => [key, label]));
  for (const { measure, variant, subject, metrics, error } of results.samples) {
    const words = Object.entries(variant).map(([name, value]) => `${name} ${value}`);
    const row = [measure, words.join(', '), labels.get(subject) ?? subject];
    const key = row.join('|');
    const group = groups.get(key) ?? { row, metrics: new Map(), failed: 0 };
    groups.set(key, group);
    if (error !== undefined) group.failed++;
    for (const [name, value] of Object.entries(metrics)) {
      group.metrics.set(name, [...(group.metrics.get(name) ?? []), value]);
    }
  }
  const rows = [...groups.values()].map(({ row, metrics, failed }) => {
    const figures = [...metrics].map(([name, values]) => {
      const value: Spread | undefined = spread(values);
      return `${escapeHtml(name)}&nbsp;<b>${withSpread(value)}</b>`;
    });
    if (failed > 0) figures.push(`<span class="missed">${failed} failed</span>`);
    const cells = row.map((text) => `<td style="text-align:left">${escapeHtml(text)}</td>`);
    return `<tr>${cells.join('')}<td style="text-align:left">${figures.join(', ')}</td></tr>`;
  });
  return `<h2>All figures</h2><details><summary>${rows.length} rows: medians, and from the lowest to the highest
run</summary><div class="scroll"><table>${rows.join('\n')}</table></div></details>`;
}
