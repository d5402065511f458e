import { cssVariables } from './palette.ts';
import { CARD_RULES } from './table-room.ts';

/** The page's style sheet: system fonts, colours of contrast 4.5 or more in both schemes, print rules. */
export const STYLE_SHEET = `:root {
${cssVariables('light')}
}
@media (prefers-color-scheme: dark) {
:root {
${cssVariables('dark')}
}
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.5rem 0 0.75rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--rule); }
p, ul { margin: 0 0 0.9rem; }
ul { padding-left: 1.3rem; }
li { margin: 0.25rem 0; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code, pre { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.875em; }
code { background: var(--tint); border-radius: 3px; padding: 0.1em 0.3em; overflow-wrap: anywhere; }
pre { background: var(--tint); border: 1px solid var(--rule); border-radius: 6px; padding: 0.75rem 1rem; margin: 0 0 0.9rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
pre code { background: none; padding: 0; font-size: inherit; }
header > p:first-of-type { font-size: 1.1rem; }
.callout { border-left: 4px solid var(--warn); background: var(--tint); padding: 0.6rem 0.9rem; border-radius: 0 6px 6px 0; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--paper); padding: 0.4rem 0.8rem; z-index: 1; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.1rem; font-size: 0.95rem; margin: 1.5rem 0 0; }
nav li { margin: 0; }
nav a { display: inline-block; padding: 0.25rem 0; }
.table { overflow-x: auto; margin: 0 0 1rem; container-type: inline-size; }
table { border-collapse: collapse; font-size: 0.925rem; min-width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.9rem 0.35rem 0; border-bottom: 1px solid var(--rule); }
thead th { font-weight: 600; color: var(--muted); vertical-align: bottom; border-bottom-width: 2px; }
tbody th { font-weight: 600; }
td code, th code { white-space: nowrap; }
td:last-child:not(.number) { min-width: 15rem; padding-right: 0; }
th.number, td.number { text-align: right; }
td.number, tbody th.number { white-space: nowrap; }
figure { margin: 1.25rem 0 1.5rem; }
.drawing svg { display: block; max-width: 100%; height: auto; }
.drawing.narrow { display: none; }
figcaption { color: var(--muted); font-size: 0.9rem; margin-top: 0.4rem; }
details { margin: 0 0 0.9rem; }
summary { cursor: pointer; padding: 0.3rem 0; }
details[open] > summary { margin-bottom: 0.5rem; }
.story { border-bottom: 1px solid var(--rule); margin: 0; }
.story > :not(summary) { margin-left: 1.1rem; }
@media (max-width: 36rem) {
  .drawing.wide { display: none; }
  .drawing.narrow { display: block; }
  .story > :not(summary) { margin-left: 0; }
}
${CARD_RULES}
.story > div { scroll-margin-top: 3rem; }
.story:has(:target) { background: var(--tint); }
@media print {
  :root { ${cssVariables('light').replaceAll('\n', ' ')} }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav, .skip { display: none; }
  a { color: inherit; text-decoration: none; }
  h2 { break-after: avoid; }
  figure, tr, .callout { break-inside: avoid; }
  .table, .drawing { overflow: visible; }
  thead { display: table-header-group; }
}`;
