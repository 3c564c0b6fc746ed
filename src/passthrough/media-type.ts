/** Content types as far as bodies depend on them: the type itself, its charset, and whether it means JSON. */

export interface MediaType {
  /** `type/subtype` in lower case; empty when there is none. */
  readonly essence: string
  /** In lower case. */
  readonly charset: string | undefined
}

export function parseMediaType(value: string | undefined): MediaType {
  const [essence = '', ...parameters] = (value ?? '').split(';')
  const charset = parameters.map(parameter => /^\s*charset\s*=\s*"?([^\s"]+)"?\s*$/i.exec(parameter)?.[1]).find(Boolean)
  return { essence: essence.trim().toLowerCase(), charset: charset?.toLowerCase() }
}

/** `application/json`, `text/json` and every `+json` type (RFC 6839 §3.1). */
export function isJsonType(essence: string): boolean {
  return essence === 'application/json' || essence === 'text/json' || essence.endsWith('+json')
}
