/** HTML from templates: whatever is put into one is escaped here, by one function, unless it is such a template itself. */

/** Only {@link html} makes it. */
class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type { Markup }

/** What a template takes; `null`, `undefined` and `false` leave nothing. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[]

export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.map((text, index) => text + write(values[index])).join(''))
}

function write(content: Content): string {
  if (content instanceof Markup) return content.text
  if (Array.isArray(content)) return content.map(write).join('')
  if (content === null || content === undefined || content === false) return ''
  return escapeText(String(content))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for attribute values in quotes alike. */
function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, character => entities[character] ?? '')
}

/** The address when a browser may be sent there: never `javascript:`, `data:` and the like. */
export function readWebUrl(text: string | null | undefined): URL | undefined {
  if (text == null) return undefined
  const url = URL.parse(text)
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined
}
