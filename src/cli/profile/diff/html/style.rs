//! How the page looks: as the reader's system does, by day and by night, on a desk or a phone.

pub(super) const STYLE: &str = "
:root{--ink:#1b1f24;--back:#fff;--line:#d5dae0;--r:#8a94a0;--c:#0b66c3;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e4e7ea;--back:#14171a;--line:#343a41;--r:#7d8793;--c:#5aa9f5;--bad:#ff8a80}}
body{margin:0;font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--back)}
main{max-width:75rem;margin:auto;padding:1rem}
h1{font-size:1.35rem}h2{font-size:1rem;margin:.6rem 0 .3rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem 1rem}dd{margin:0;overflow-wrap:anywhere}
p{overflow-wrap:anywhere}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .6rem;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
.n{text-align:right}
tr.drifted td:last-child,section.drifted small{color:var(--bad);font-weight:600}
small{font-weight:400}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem}
svg{width:100%;height:auto;font-size:11px}
svg text{fill:var(--ink)}svg .e{text-anchor:end}
.r{fill:var(--r);background:var(--r)}.c{fill:var(--c);background:var(--c)}
.key i{display:inline-block;width:.8rem;height:.8rem;margin-left:.6rem}
";
