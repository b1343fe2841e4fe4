//! How the page looks: in the colours that the reader prefers, and on a phone as well.

/// Stands in the page as it is; its digest stands in the policy.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:0 auto;padding:1rem}\
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;padding:0}\
code,pre{font-family:ui-monospace,monospace;font-size:.9em}\
pre{overflow-x:auto;padding:.75rem;border:1px solid #8886;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}\
details{border:1px solid #8886;border-radius:4px;margin:.5rem 0;padding:.5rem .75rem}\
summary{cursor:pointer}\
summary b{display:inline-block;min-width:4.5em}\
h3{margin:1.5rem 0 .25rem}h4{margin:1rem 0 .25rem}\
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}\
td{border-top:1px solid #8886;padding:.25rem .75rem .25rem 0;vertical-align:top;text-align:left}\
";
