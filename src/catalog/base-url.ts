/** The base URL of a definition as a template: what it is made of, and how it is filled without changing its shape. */
import { parseTemplate, placeholdersOf, renderTemplate, type TemplatePart } from '../auth/template.ts'

/** Where a config field is used; it decides what the field may hold. */
export type FieldUse = 'url' | 'host' | 'path'

export interface BaseUrlTemplate {
  /** `{instanceUrl}` at the very start stands for scheme, host and perhaps a path. */
  readonly whole: string | undefined
  /** With the colon; empty when a whole URL is given. */
  readonly scheme: string
  readonly authority: readonly TemplatePart[]
  readonly path: readonly TemplatePart[]
}

/** What a base URL looks like, as the end of the sentence "it takes …". */
export const baseUrlTakes =
  'https://host/path in plain ASCII without user, query or fragment, with {config} placeholders, or {config} alone before the path'

const shape =
  /^(?:(?<scheme>https?:)\/\/(?<authority>(?:[A-Za-z0-9._:[\]-]|\{[A-Za-z][A-Za-z0-9_]*\})+)|\{(?<whole>[A-Za-z][A-Za-z0-9_]*)\})(?<path>\/[\x21-\x7e]*)?$/

/** Undefined when the text has another shape. */
export function parseBaseUrl(text: string): BaseUrlTemplate | undefined {
  const groups = shape.exec(text)?.groups
  const path = groups?.path ?? ''
  if (groups === undefined || /[?#\\]/.test(path)) return undefined
  return {
    whole: groups.whole,
    scheme: groups.scheme ?? '',
    authority: parseTemplate(groups.authority ?? ''),
    path: parseTemplate(path),
  }
}

/** Each config field that the base URL or a pinned host names, with its strictest use. */
export function fieldUses(baseUrl: string, hosts: readonly string[]): Map<string, FieldUse> {
  const template = parseBaseUrl(baseUrl)
  const uses = new Map<string, FieldUse>()
  if (template === undefined) return uses
  for (const name of namesIn(template.path)) uses.set(name, 'path')
  for (const name of [...namesIn(template.authority), ...hosts.flatMap(placeholdersOf)]) uses.set(name, 'host')
  if (template.whole !== undefined) uses.set(template.whole, 'url')
  return uses
}

/**
 * Fills the template. Undefined when the result is not, character by character, the URL its parts say: whatever a URL
 * parser would read differently (a number as an address, dot segments, another spelling) is refused, not repaired.
 */
export function fillBaseUrl(template: BaseUrlTemplate, values: Readonly<Record<string, string>>): URL | undefined {
  const start =
    template.whole === undefined
      ? `${template.scheme}//${renderTemplate(template.authority, values).toLowerCase()}`
      : renderTemplate([{ name: template.whole }], values)
  const path = template.path.map(part =>
    'text' in part ? part.text : encodeURIComponent(renderTemplate([part], values)),
  )
  const text = withoutDefaultPort(`${start}${path.join('')}`)
  const expected = /^https?:\/\/[^/]*$/.test(text) ? `${text}/` : text
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.href === expected ? url : undefined
}

/** A whole URL as it is stored: scheme and host in lower case, no slash at the end; undefined when it is not plain. */
export function normalizeUrl(text: string): string | undefined {
  if (!/^https?:\/\/[^/]/i.test(text) || !/^[\x21-\x7e]+$/.test(text) || /[\\?#@%]/.test(text)) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.pathname.includes('//')) return undefined
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

function namesIn(parts: readonly TemplatePart[]): string[] {
  return parts.flatMap(part => ('name' in part ? [part.name] : []))
}

function withoutDefaultPort(text: string): string {
  return text.replace(/^(https:\/\/[^/]*):443(?=\/|$)/, '$1').replace(/^(http:\/\/[^/]*):80(?=\/|$)/, '$1')
}
