/** What connect pages have around their content, and the headers they go out with. */
import type { ConnectTheme, ConnectView } from '../connections/connect-view.ts'
import { type Content, html, type Markup, readWebUrl } from './connect-markup.ts'
import { connectStyle, connectStyleSource } from './connect-style.ts'

export interface ConnectPage {
  readonly status: number
  readonly title: string
  /** Null where it is not known who asks. */
  readonly theme: ConnectTheme | null
  readonly main: Markup
  readonly footer?: Content
  /** True for a page that has marks of services on it. */
  readonly hasMarks?: boolean
  /** True for a form whose answer may be a redirect to another site; see {@link headersOf}. */
  readonly leavesByForm?: boolean
}

export function renderPage({ title, theme, main, footer }: ConnectPage): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}${theme !== null && html` · ${theme.name}`}</title>
<style>${connectStyle}</style>
</head>
<body>
${theme !== null && renderBrand(theme)}
<main>
${main}
</main>
<footer>
${footer}
</footer>
</body>
</html>
`.text
}

/** The name stands beside the logo, so that the logo needs no text of its own. */
function renderBrand({ name, logoUrl }: ConnectTheme): Markup {
  const logo = readLogoUrl(logoUrl)
  return html`<header>${logo && html`<img src="${logo.href}" alt="" width="40" height="40">`}<span>${name}</span></header>`
}

/** The mark of a service, whose name stands beside it. Relative, because a proxy may have put a path before the page's. */
export function renderMark(logoPath: string | null, size: number): Markup | undefined {
  if (logoPath === null) return undefined
  return html`<img class="mark" src="../${logoPath}" alt="" width="${size}" height="${size}">`
}

/** @see https://www.w3.org/TR/CSP3/ */
export function headersOf({ theme, leavesByForm, hasMarks }: ConnectPage): Record<string, string> {
  const pictures = [hasMarks && "'self'", readLogoUrl(theme?.logoUrl)?.origin].filter(source => source)
  const policy = [
    "default-src 'none'",
    `style-src ${connectStyleSource}`,
    ...(pictures.length === 0 ? [] : [`img-src ${pictures.join(' ')}`]),
    // Chromium holds form-action against every redirect that follows a form, the vendor's own ones included, which nobody
    // can list: where a form leads to a vendor or back to the caller, there is none.
    ...(leavesByForm ? [] : ["form-action 'self'"]),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    ...privateHeaders,
  }
}

/** The address of a page is a secret, and what it shows is for one pair of eyes. */
export const privateHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** A host may hold `;` and `,` (WHATWG URL), which mean something else in a policy. */
function readLogoUrl(text: string | null | undefined): URL | undefined {
  const url = readWebUrl(text)
  return url !== undefined && /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/.test(url.host) ? url : undefined
}

/** The way out without connecting anything, and what becomes of what is entered. */
export function renderFooter({ theme, expiresAt, returnUrl }: ConnectView, now: Date): Markup {
  const back = readWebUrl(returnUrl)
  const minutes = Math.max(1, Math.ceil((expiresAt.getTime() - now.getTime()) / 60_000))
  return html`${back && html`<p><a href="${back.href}">Cancel and go back to ${theme.name}</a></p>`}
<p>Credentials are kept encrypted and shown to nobody, ${theme.name} included. This link works for another ${
    minutes === 1 ? 'minute' : `${minutes} minutes`
  }.</p>`
}

/** It has the focus when the page opens, so that a screen reader starts here. */
export function renderErrors(lines: readonly Markup[]): Markup {
  return html`<div class="errors" role="alert" tabindex="-1" autofocus aria-labelledby="errors-title">
<h2 id="errors-title">Something needs your attention</h2>
<ul>
${lines.map(line => html`<li>${line}</li>\n`)}</ul>
</div>`
}
