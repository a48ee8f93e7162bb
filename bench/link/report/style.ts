/**
 * How the page looks, in light and in dark.
 * @module
 */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #fbfaf8; --card: #fff; --ink: #1d1f23; --soft: #6b7078; --line: #e6e3dd; --good: #1a7f4b; --bad: #b3402a;
  --c-callback: #2463d1; --c-net: #17a2a8; --c-ceiling: #9a9fa8; --c-node: #e39b22; --c-veth: #c4b04a;
  --c-lwip: #9557c7; --c-gvisor: #d8578c; --c-other: #5f6b7a; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14161a; --card: #1c1f25; --ink: #e9eaec; --soft: #9aa1ab; --line: #2d3139; --good: #4cc38a; --bad: #f0846c;
  --c-callback: #6ea0ff; --c-net: #3fcfd3; --c-ceiling: #7b818b; --c-node: #f2b957; --c-veth: #d9cb77;
  --c-lwip: #b98be0; --c-gvisor: #ef86b1; --c-other: #93a0b1; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 56px 20px 96px; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 8px; }
h2 { font-size: 1.3rem; letter-spacing: -0.01em; margin: 64px 0 4px; }
h3 { font-size: 0.95rem; margin: 0 0 12px; font-weight: 600; }
p { margin: 4px 0 16px; max-width: 68ch; }
.soft, figcaption { color: var(--soft); font-size: 0.9rem; }
code { font: 0.88em ui-monospace, monospace; background: var(--line); padding: 1px 5px; border-radius: 4px; }
figure { margin: 20px 0; padding: 20px 20px 12px; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
figcaption { margin-top: 10px; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .tick { font-size: 11px; fill: var(--soft); } svg .figure { font-variant-numeric: tabular-nums; font-weight: 600; }
svg .grid { stroke: var(--line); stroke-width: 1; } svg .whisker { stroke: var(--ink); fill: none; opacity: 0.6; stroke-width: 1.3; }
svg .tail { fill: var(--card); stroke-width: 2; }
.facts { display: flex; flex-wrap: wrap; gap: 8px; margin: 20px 0 0; padding: 0; list-style: none; }
.facts li { background: var(--card); border: 1px solid var(--line); border-radius: 999px; padding: 3px 12px; font-size: 0.86rem; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 0.86rem; margin: 0 0 8px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
.met { color: var(--good); font-weight: 600; } .missed { color: var(--bad); font-weight: 600; } .none { color: var(--soft); }
.goal { display: block; color: var(--soft); font-weight: 400; font-size: 0.8rem; }
.meter { display: block; position: relative; height: 6px; border-radius: 3px; background: var(--line); margin-top: 5px; min-width: 120px; }
.meter b { position: absolute; inset: 0 auto 0 0; border-radius: 3px; background: currentColor; }
.meter u { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--ink); }
details { margin: 12px 0; } summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; }
.scroll { overflow-x: auto; }
@media (max-width: 640px) {
  main { padding: 28px 14px 64px; } h1 { font-size: 1.6rem; } h2 { margin-top: 44px; }
  figure { padding: 14px 12px 10px; overflow-x: auto; } svg { min-width: 600px; } .meter { min-width: 72px; }
  p, li, h1, h2, h3 { overflow-wrap: anywhere; } }
`;
