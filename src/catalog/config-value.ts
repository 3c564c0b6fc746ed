/** Which values a connection may give for a config field, by where the field is used. */
import { matchesHost } from '../hosts.ts'
import { type FieldUse, normalizeUrl } from './base-url.ts'
import { matchesWhole } from './pattern.ts'

export interface ConfigField {
  readonly title: string
  readonly description?: string | undefined
  readonly pattern?: string | undefined
  readonly example?: string | undefined
  readonly default?: string | undefined
  /** Of the workspace's settings, in place of the pattern: where a whole URL may lead. */
  readonly hosts?: readonly string[] | undefined
  /** The workspace's settings took a place of it: its pattern counts where a connection needs it all the same. */
  readonly isReleased?: boolean | undefined
}

/** The value as it is stored, or what the field takes, as the end of a sentence. */
export type Accepted = { readonly value: string } | { readonly takes: string }

const maxLength = 512

export function acceptConfigValue(field: ConfigField, use: FieldUse | undefined, given: unknown): Accepted {
  const text = Number.isFinite(given) || typeof given === 'bigint' ? String(given) : given
  const refusal: Accepted = { takes: describe(field, use) }
  if (typeof text !== 'string' || text.length === 0 || text.length > maxLength) return refusal
  if (!/^\P{Cc}+$/u.test(text) || !text.isWellFormed()) return refusal
  const value = use === 'url' ? normalizeUrl(text) : text
  if (value === undefined || value.length > maxLength) return refusal
  // The pattern narrows what the place allows and never widens it: "." in a pattern cannot bring in a slash.
  if (use === 'host' && !isHostPart(value)) return refusal
  if (use === 'path' && /^\.{1,2}$/.test(value)) return refusal
  if (field.hosts !== undefined && !field.hosts.some(host => matchesHost(host, new URL(value)))) return refusal
  return field.pattern === undefined || matchesWhole(field.pattern, value) ? { value } : refusal
}

/** Labels of a host name, perhaps with dots between them: nothing that ends the host or starts a port or a path. */
function isHostPart(value: string): boolean {
  return /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(value)
}

function describe(field: ConfigField, use: FieldUse | undefined): string {
  const what =
    use === 'url'
      ? 'an http(s) URL without user, query or fragment'
      : use === 'host'
        ? 'a part of a host name (letters, digits, hyphens, dots)'
        : `a text of 1 to ${maxLength} characters without control characters`
  const hosts = field.hosts === undefined ? '' : ` whose host is one of ${field.hosts.join(', ')}`
  const pattern = field.pattern === undefined ? '' : ` that matches ${field.pattern}`
  const example = field.example === undefined ? '' : `, such as ${field.example}`
  return `${what}${hosts}${pattern}${example}`
}
