/** The look of the connect pages: one stylesheet inside the page, let in by its hash. */
import { createHash } from 'node:crypto'
import { html, type Markup } from './connect-markup.ts'

export const connectStyle: Markup = html`
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --sheet: #ffffff; --text: #1a1f28; --quiet: #545d6b; --line: #858e9c; --soft: #e3e6eb;
  --accent: #1f53c5; --on-accent: #ffffff; --error: #b3161c; --error-ground: #fdf0f0; --good: #14703c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101318; --sheet: #1a1f27; --text: #eceff4; --quiet: #aab3c1; --line: #7d8797; --soft: #303845;
    --accent: #8fb4ff; --on-accent: #0c1830; --error: #ff9b96; --error-ground: #37191b; --good: #74d79c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2rem 1rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: break-word;
}
header, main, footer { width: 100%; max-width: 30rem; margin: 0 auto; }
header { display: flex; align-items: center; gap: .75rem; padding: 0 .25rem 1rem; font-weight: 600; }
header img { width: 2.5rem; height: 2.5rem; object-fit: contain; border-radius: .375rem; }
main { background: var(--sheet); border: 1px solid var(--soft); border-radius: .75rem; padding: 1.75rem 1.5rem; }
footer { padding: 1rem .25rem; color: var(--quiet); font-size: .875rem; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 0 0 .25rem; font-size: 1rem; }
p { margin: 0 0 1rem; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible, [tabindex]:focus { outline: 3px solid var(--accent); outline-offset: 2px; }
label { display: block; font-weight: 600; }
.quiet, .hint { color: var(--quiet); }
.hint { margin: 0 0 .375rem; font-size: .9375rem; }
.wrong { margin: 0 0 .375rem; color: var(--error); font-size: .9375rem; font-weight: 600; }
code { font: .9375em ui-monospace, Menlo, Consolas, monospace; }
form { margin: 0; }
.field { margin: 0 0 1.25rem; }
input:not([type=hidden]), textarea {
  display: block; width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit;
  color: var(--text); background: var(--sheet); border: 1px solid var(--line); border-radius: .5rem;
}
textarea { min-height: 8rem; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .875rem; }
input[aria-invalid=true]:not([type=hidden]), textarea[aria-invalid=true] { border-color: var(--error); border-width: 2px; }
button, .button {
  display: inline-block; min-height: 2.75rem; padding: .5625rem 1.25rem; font: inherit; font-weight: 600; cursor: pointer;
  color: var(--on-accent); background: var(--accent); border: 1px solid var(--accent); border-radius: .5rem;
  text-decoration: none; flex: none;
}
form > button { width: 100%; }
.errors {
  margin: 0 0 1.5rem; padding: 1rem; background: var(--error-ground); border: 2px solid var(--error); border-radius: .5rem;
}
.errors ul { margin: 0; padding: 0 0 0 1.25rem; }
.errors a, .errors h2 { color: var(--error); }
.search { margin: 0 0 1.25rem; }
.search div { display: flex; gap: .5rem; }
.search input { min-width: 0; }
.choices, .methods { list-style: none; margin: 0; padding: 0; }
.choices a, .methods a {
  display: block; min-height: 3rem; margin: 0 0 .5rem; padding: .75rem 1rem; color: var(--text); text-decoration: none;
  border: 1px solid var(--line); border-radius: .5rem;
}
.choices a:hover, .methods a:hover { border-color: var(--accent); }
.choices strong, .choices span { display: flow-root; }
/* The colours of brands are made for white. */
.mark { padding: .25rem; background: #ffffff; border: 1px solid var(--soft); border-radius: .375rem; }
main > .mark { display: block; margin: 0 0 .75rem; }
.choices a { display: flow-root; }
.choices .mark { float: left; width: 2.25rem; height: 2.25rem; margin: 0 .75rem 0 0; }
.choices span { color: var(--quiet); font-size: .9375rem; }
.methods { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0 0 1.25rem; }
.methods a { margin: 0; padding: .625rem 1rem; }
.methods [aria-current] { border: 2px solid var(--accent); font-weight: 600; }
.after { margin: 1rem 0 0; }
main > :last-child { margin-bottom: 0; }
.good { color: var(--good); }
@media (forced-colors: active) { button, .button { border: 1px solid ButtonText; } }
`

/** A source of `style-src` (CSP level 3): the page has this stylesheet and no other. */
export const connectStyleSource = `'sha256-${createHash('sha256').update(connectStyle.text).digest('base64')}'`
