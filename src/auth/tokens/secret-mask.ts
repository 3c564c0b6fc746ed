/** Lets a vendor's words be shown: what was sent to it in confidence is masked, should it repeat any of that. */

/** So many characters of a secret in a row are masked wherever they stand: vendors cut off what they repeat. */
const telling = 8
/** Shorter secrets cannot be masked without showing where they stood. */
const maskable = 4
/** Of the vendor's words; what is shown is shorter. */
const longestText = 2000

/** Without control and format characters, and without anything of `secrets`; empty when that cannot be had. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const shown = cleanText(text.slice(0, longestText))
  const plain = lowerCase(shown)
  const forms = secrets.flatMap(formsOf).map(lowerCase)
  if (forms.some(form => form.length < maskable && plain.includes(form))) return ''
  const hidden = new Uint8Array(shown.length)
  for (const form of forms) hide(plain, form, hidden)
  const marked = shown.split('').map((character, at) => (hidden[at] === 1 ? '\0' : character))
  return marked.join('').replace(/\0+/g, '***').toWellFormed()
}

/** Without control and format characters, which could forge a log line or turn the reading direction. */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
}

function hide(plain: string, form: string, hidden: Uint8Array): void {
  const length = Math.min(form.length, telling)
  const pieces = new Set<string>()
  for (let at = 0; at + length <= form.length; at += 1) pieces.add(form.slice(at, at + length))
  for (let at = 0; at + length <= plain.length; at += 1) {
    if (pieces.has(plain.slice(at, at + length))) hidden.fill(1, at, at + length)
  }
}

/** How a vendor may write it: as it is, or encoded for a URL, a form, JSON, HTML or an Authorization header. */
export function formsOf(secret: string): string[] {
  const wellFormed = secret.toWellFormed()
  const forms = [
    wellFormed,
    encodeURIComponent(wellFormed),
    new URLSearchParams({ '': wellFormed }).toString().slice(1),
    JSON.stringify(wellFormed).slice(1, -1),
    wellFormed.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`),
    wellFormed.replace(/[&<>"]/g, character => entities[character] ?? character),
    Buffer.from(wellFormed).toString('base64').replace(/=+$/, ''),
  ]
  return [...new Set(forms.map(cleanText))].filter(form => form !== '')
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** ASCII alone, so that every character keeps its place. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]/g, letter => letter.toLowerCase())
}
