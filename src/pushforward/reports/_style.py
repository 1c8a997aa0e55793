"""How a page looks: on a light or a dark screen, and on paper."""

STYLE = """
:root { --ink: #1c1f24; --soft: #59606b; --paper: #ffffff; --box: #f4f5f7; --line: #d5d9e0;
  --link: #00598c; --good: #1a6e37; --poor: #a3310b; --note: #00598c; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e4e6ea; --soft: #a3abb8; --paper: #15171b; --box: #1f2228; --line: #3a404a;
    --link: #7cc0ee; --good: #6fcf8f; --poor: #ff9b73; --note: #7cc0ee; }
  img.drawing { filter: invert(0.92) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1.25rem 3rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 0.8rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--line); }
p { margin: 0.6rem 0; max-width: 46rem; }
a { color: var(--link); }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.88em; }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: 0.7rem 0.9rem;
  overflow-x: auto; overflow-wrap: normal; }
nav ol { display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; list-style: none; padding: 0; margin: 1rem 0; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: 0.25rem 1.2rem; margin: 0.8rem 0; }
dt { color: var(--soft); }
dd { margin: 0; unicode-bidi: isolate; }
.wide { overflow-x: auto; margin: 0.9rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; overflow-wrap: normal; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 0.4rem; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1.1rem 0.3rem 0; border-bottom: 1px solid var(--line);
  unicode-bidi: isolate; max-width: 24rem; overflow-wrap: break-word; }
th { font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1.2rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption, footer { color: var(--soft); font-size: 0.9rem; max-width: 46rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); }
.verdict { border: 1px solid var(--line); border-left: 5px solid var(--tone); border-radius: 6px;
  background: var(--box); padding: 0.35rem 0.9rem; margin: 0.6rem 0; }
.verdict p { margin: 0.3rem 0; max-width: none; }
.verdict .sign { display: inline-block; min-width: 3rem; color: var(--tone); font-weight: 700; white-space: nowrap; }
.verdict .then { color: var(--soft); padding-left: 3.3rem; }
.verdict.large { font-size: 1.15rem; padding: 0.6rem 1rem; }
.large .sign { min-width: 1.5rem; }
.large .then { padding-left: 1.8rem; }
.good { --tone: var(--good); }
.poor { --tone: var(--poor); }
.note { --tone: var(--note); }
@media print {
  @page { margin: 16mm 14mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  h2 { break-after: avoid; }
  figure, .verdict, tr, pre { break-inside: avoid; }
  figure img { max-height: 22cm; }
  .wide, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
}
""".strip()
