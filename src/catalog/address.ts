/** The addresses of an entry beside its base URL, such as a token endpoint, with config values filled in. */
import { parseTemplate, renderTemplate } from '../auth/template.ts'
import { GatewayError } from '../errors.ts'

/** As URL parsers read one (WHATWG URL §4.4). */
const dotSegment = /[/\\](?:\.|%2e){1,2}(?:[/\\?#]|$)/i

/**
 * A value is data: it can take the place of one host label or path segment, or of the whole start of a URL, and never
 * brings a user, a port or a query with it, nor leads upwards in the path.
 * @throws {GatewayError} INTEGRATION_NOT_CONFIGURED when a value is missing or makes no URL
 */
export function fillAddress(template: string, values: Readonly<Record<string, string>>): string {
  const parts = parseTemplate(template)
  const text = parts
    .map((part, index) => {
      if ('text' in part) return part.text
      const value = Object.hasOwn(values, part.name) ? renderTemplate([part], values) : ''
      return index === 0 ? value.replace(/\/+$/, '') : encodeURIComponent(value)
    })
    .join('')
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isWeb = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  const isPlain = isWeb && /^(?:[\w.-]+|\[.*\])$/.test(url.hostname) && !dotSegment.test(text)
  const isFilled = parts.every(part => 'text' in part || (Object.hasOwn(values, part.name) && values[part.name] !== ''))
  if (isPlain && isFilled) return text
  const message = `The address ${template} of this integration cannot be filled with the connection's config values.`
  throw new GatewayError('INTEGRATION_NOT_CONFIGURED', message)
}
