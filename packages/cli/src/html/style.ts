/**
 * The look of all pages: one column of sections on a quiet ground, system fonts, colours as properties with a value each
 * for light and dark. The series colours keep their order and stay apart for colour-blind readers in both.
 */
export const PAGE_CSS = `
:root {
  color-scheme: light dark;
  --ground: #f7f7f5; --surface: #ffffff; --ink: #16181d; --ink-2: #4d525c; --ink-3: #767b86;
  --line: #e3e3df; --line-2: #cfcfca; --focus: #2a6fd6;
  --series-1: #2a6fd6; --series-2: #d9622b; --series-3: #1a9a72; --series-4: #8a5bd1;
  --faint-1: #b3cdf2;
  --warm: 217 98 43; --cool: 42 111 214; --good: #1a7f5a; --bad: #b3261e;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace;
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131416; --surface: #1b1d20; --ink: #eceef1; --ink-2: #b3b8c1; --ink-3: #868c97;
    --line: #2c2f34; --line-2: #3d4148; --focus: #7db0ff;
    --series-1: #5b9bf5; --series-2: #f0864f; --series-3: #35bb90; --series-4: #ab86ea;
    --faint-1: #2c4468;
    --warm: 240 134 79; --cool: 91 155 245; --good: #4cc596; --bad: #ff8a80;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.55 var(--sans); }
main, header.page { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header.page { padding-top: 2.5rem; padding-bottom: .5rem; }
h1 { font-size: 1.65rem; line-height: 1.25; font-weight: 650; letter-spacing: -.01em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; font-weight: 650; margin: 0 0 .25rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 0 0 .35rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
p.lead, header.page p { color: var(--ink-2); }
header.page p { margin: .35rem 0 0; overflow-wrap: anywhere; }
main > section { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem 1.4rem; margin: 1rem 0; }
main > section.plain { background: none; border: 0; padding: 0; }
footer { max-width: 76rem; margin: 0 auto; padding: .5rem 1.25rem 2.5rem; color: var(--ink-3); font-size: .85rem; }
a { color: var(--focus); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
code, pre, .mono { font-family: var(--mono); font-size: .92em; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; unicode-bidi: plaintext; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--ink-2); padding-bottom: .4rem; }
th, td { padding: .32rem .9rem .32rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--line); }
thead th { color: var(--ink-2); font-weight: 600; font-size: .87rem; border-bottom-color: var(--line-2); }
tbody tr:last-child > * { border-bottom: 0; }
th.number, td.number { text-align: right; }
tbody th { font-weight: 500; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem; margin: 0; }
.tiles > div { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem; min-width: 0; }
.tiles dt { color: var(--ink-2); font-size: .85rem; }
.tiles dd { margin: 0; }
.tiles .value { font-size: 1.45rem; line-height: 1.35; font-weight: 600; letter-spacing: -.01em; overflow-wrap: anywhere; }
.tiles .note { color: var(--ink-3); font-size: .82rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, max(18rem, (100% - (var(--most) - 1) * 1.75rem) / var(--most))), 1fr)); gap: 1.25rem 1.75rem; }
.columns > div { min-width: 0; }
.more-charts { margin-top: 1.5rem; }
.samples { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; }
.samples li { border-left: 3px solid var(--line-2); padding-left: 1rem; min-width: 0; }
.samples .lead { font-weight: 400; color: var(--ink-3); margin-left: .5rem; }
details > summary { cursor: pointer; color: var(--ink-2); }
details[open] > summary { margin-bottom: .5rem; }
@media print { body { background: none; } main > section { break-inside: avoid; } }
`;
