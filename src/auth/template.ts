/** Templates such as `Bearer {accessToken}`: text with `{name}` placeholders, filled in a single pass. */

const placeholder = /\{([A-Za-z][A-Za-z0-9_]*)\}/g

/** A literal stretch of the text, or the name of a placeholder. */
export type TemplatePart = { readonly text: string } | { readonly name: string }

/** The template's parts in order. A brace that belongs to no placeholder stays in the text: see `hasStrayBrace`. */
export function parseTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = []
  let end = 0
  for (const match of template.matchAll(placeholder)) {
    if (match.index > end) parts.push({ text: template.slice(end, match.index) })
    parts.push({ name: match[1] ?? '' })
    end = match.index + match[0].length
  }
  if (end < template.length) parts.push({ text: template.slice(end) })
  return parts
}

/** The names a template asks for, each once, in order of appearance. */
export function placeholdersOf(template: string): string[] {
  const names = parseTemplate(template).flatMap(part => ('name' in part ? [part.name] : []))
  return [...new Set(names)]
}

/** Whether a brace is left over that opens or closes no placeholder (a typing mistake; there is no escape for braces). */
export function hasStrayBrace(template: string): boolean {
  return parseTemplate(template).some(part => 'text' in part && /[{}]/.test(part.text))
}

/**
 * Fills every placeholder once: a value that looks like a placeholder is never expanded again.
 * @throws {TypeError} when a placeholder has no value: parsers see to it that this cannot happen
 */
export function renderTemplate(parts: readonly TemplatePart[], values: Readonly<Record<string, string>>): string {
  return parts.map(part => ('text' in part ? part.text : valueFor(part.name, values))).join('')
}

function valueFor(name: string, values: Readonly<Record<string, string>>): string {
  const value = Object.hasOwn(values, name) ? values[name] : undefined
  if (value === undefined) throw new TypeError(`The template asks for {${name}}, which nobody provides.`)
  return value
}
