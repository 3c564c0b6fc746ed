/** The body of a request, from the caller's JSON to the bytes on the wire. */
import { GatewayError, invalidInput } from '../errors.ts'
import type { ArrayFormat } from './connection.ts'
import { isJsonType, parseMediaType } from './media-type.ts'
import { encodeParameters, formParameterLimit, parameterNames } from './query.ts'
import { describeKind, isObject, scalarText, trimTrailing } from './scalar.ts'

export const bodyFormats = ['JSON', 'FORM', 'MULTIPART', 'TEXT', 'XML', 'BASE64'] as const
export type BodyFormat = (typeof bodyFormats)[number]

const maxBodyBytes = 25 * 1024 * 1024

export interface PlannedBody {
  readonly bytes: Buffer
  /** What `content-type` says unless the caller set it. */
  readonly contentType: string
  /** True when the type carries a boundary that only we know, so that the caller's cannot stay. */
  readonly ownsContentType: boolean
  /** Null for a text that is sent as it is. */
  readonly format: BodyFormat | null
}

export interface BodyInput {
  readonly body: unknown
  readonly format: BodyFormat | undefined
  /** The caller's own `content-type`, which decides when no format is given. */
  readonly contentType: string | undefined
  readonly arrayFormat: ArrayFormat
}

/**
 * Undefined when there is no body: `undefined` and `null` send none.
 * @throws {GatewayError} INVALID_INPUT naming the field, REQUEST_TOO_LARGE above 25 MiB
 */
export async function planBody(input: BodyInput): Promise<PlannedBody | undefined> {
  const { body } = input
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string' && input.format !== 'BASE64') refuseOtherCharset(input.contentType)
  const format = input.format ?? inferFormat(body, input.contentType)
  const planned = await encodeBody(body, format, input)
  if (planned.bytes.length > maxBodyBytes) throw bodyTooLarge(String(planned.bytes.length))
  return { ...planned, format: format === 'AS_IS' ? null : format }
}

/** A streamed body, whole. @throws {GatewayError} REQUEST_TOO_LARGE above 25 MiB */
export async function collectBody(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBodyBytes) throw bodyTooLarge(`more than ${maxBodyBytes}`)
  }
  return Buffer.concat(chunks)
}

function bodyTooLarge(size: string): GatewayError {
  return new GatewayError('REQUEST_TOO_LARGE', `The body has ${size} bytes; at most ${maxBodyBytes} are sent.`, {
    details: [{ field: 'body', message: `body has more than ${maxBodyBytes} bytes` }],
  })
}

/**
 * Judges the bytes as they will go out: a name that the credential writes may not be in them, however they were given, and
 * there must be a place for it.
 * @throws {GatewayError} INVALID_INPUT
 */
export function refuseInjectedFields(
  bytes: Buffer | undefined,
  contentType: string | undefined,
  injected: readonly string[],
): void {
  if (injected.length === 0 || bytes === undefined) return
  const names = fieldNames(bytes.toString(), parseMediaType(contentType).essence)
  if (names === undefined) {
    throw invalidInput(
      'body',
      'The credential of this integration goes into the body; body takes a JSON object or a form.',
    )
  }
  const taken = injected.find(name => names.has(name.toLowerCase()))
  if (taken === undefined) return
  throw invalidInput(`body.${taken}`, `body.${taken} is set by the connection's credential; leave it out.`)
}

/** In lower case: servers that do not mind the case of names would take either. */
function fieldNames(text: string, essence: string): Set<string> | undefined {
  if (essence === formType) return parameterNames(text)
  if (!isJsonType(essence)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? new Set(Object.keys(value).map(name => name.toLowerCase())) : undefined
  } catch {
    return undefined
  }
}

export const formType = 'application/x-www-form-urlencoded'

/** Text is sent as UTF-8; a header that says otherwise would be a lie. */
function refuseOtherCharset(contentType: string | undefined): void {
  const { charset } = parseMediaType(contentType)
  if (charset === undefined || /^(?:utf-?8|us-ascii)$/.test(charset)) return
  const field = 'headers.content-type'
  throw invalidInput(
    field,
    `${field} says ${charset}, but text is sent as UTF-8; send the bytes with bodyFormat BASE64.`,
  )
}

/** Text without a format is sent as it is: it may be JSON whose digits and spelling matter. */
function inferFormat(body: unknown, contentType: string | undefined): BodyFormat | 'AS_IS' {
  const { essence } = parseMediaType(contentType)
  if (essence === formType) return typeof body === 'string' ? 'AS_IS' : 'FORM'
  if (essence === 'multipart/form-data') return 'MULTIPART'
  return typeof body === 'string' ? 'AS_IS' : 'JSON'
}

type EncodedBody = Omit<PlannedBody, 'format'>

async function encodeBody(body: unknown, format: BodyFormat | 'AS_IS', input: BodyInput): Promise<EncodedBody> {
  switch (format) {
    case 'JSON':
      return plain(JSON.stringify(body), 'application/json')
    case 'FORM':
      return plain(encodeForm(body, input.arrayFormat), formType)
    case 'MULTIPART':
      return encodeMultipart(body)
    case 'TEXT':
      return plain(requireText(body, format), 'text/plain; charset=utf-8')
    case 'XML':
      return plain(requireText(body, format), 'application/xml')
    case 'BASE64':
      return { bytes: decodeBase64('body', body), contentType: 'application/octet-stream', ownsContentType: false }
    case 'AS_IS':
      return encodeAsIs(requireText(body, 'TEXT'), input.contentType)
  }
}

function plain(text: string, contentType: string): EncodedBody {
  return { bytes: Buffer.from(text), contentType, ownsContentType: false }
}

function encodeAsIs(text: string, contentType: string | undefined): EncodedBody {
  const saysJson = contentType !== undefined && isJsonType(parseMediaType(contentType).essence)
  return plain(text, saysJson || isJsonDocument(text) ? 'application/json' : 'text/plain; charset=utf-8')
}

function isJsonDocument(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function encodeForm(body: unknown, arrayFormat: ArrayFormat): string {
  const style = { arrayFormat, maxParameters: formParameterLimit, space: '+' } as const
  return encodeParameters('body', body, style).join('&')
}

/** Files are `{filename, contentType?, text}` or `{filename, contentType?, base64}`; an array repeats its field. */
async function encodeMultipart(body: unknown): Promise<EncodedBody> {
  if (!isObject(body))
    throw invalidInput('body', `body takes an object of fields and files; got ${describeKind(body)}.`)
  const form = new FormData()
  let parts = 0
  for (const [name, value] of Object.entries(body)) {
    for (const [index, item] of (Array.isArray(value) ? value : [value]).entries()) {
      parts += 1
      if (parts > formParameterLimit)
        throw invalidInput('body', `body has more than ${formParameterLimit} fields and files.`)
      appendPart(form, name, item, Array.isArray(value) ? `body.${name}.${index}` : `body.${name}`)
    }
  }
  const encoded = new Response(form)
  return {
    bytes: Buffer.from(await encoded.arrayBuffer()),
    contentType: encoded.headers.get('content-type') ?? '',
    ownsContentType: true,
  }
}

function appendPart(form: FormData, name: string, value: unknown, field: string): void {
  if (value === null || value === undefined) return
  const text = scalarText(value)
  if (text !== undefined) {
    form.append(name, text)
    return
  }
  if (!isObject(value) || typeof value.filename !== 'string') {
    const takes = 'text, a number, a boolean, or a file {filename, contentType, text | base64}'
    throw invalidInput(field, `${field} takes ${takes}; got ${describeKind(value)}.`)
  }
  const type = value.contentType ?? 'application/octet-stream'
  if (typeof type !== 'string' || !/^[\x20-\x7e]+$/.test(type)) {
    throw invalidInput(`${field}.contentType`, `${field}.contentType takes a media type such as image/png.`)
  }
  if ((typeof value.text === 'string') === (value.base64 !== undefined)) {
    throw invalidInput(field, `${field} takes either text or base64 for its content.`)
  }
  const content =
    typeof value.text === 'string' ? Buffer.from(value.text) : decodeBase64(`${field}.base64`, value.base64)
  form.append(name, new File([new Uint8Array(content)], value.filename, { type }))
}

function requireText(body: unknown, format: string): string {
  if (typeof body === 'string' && body.isWellFormed()) return body
  if (typeof body === 'string')
    throw invalidInput('body', 'body has half of a surrogate pair; it takes well-formed text.')
  throw invalidInput('body', `body takes text with the format ${format}; got ${describeKind(body)}.`)
}

/** RFC 4648 §4 or §5, padded or not; nothing is skipped silently. */
function decodeBase64(field: string, value: unknown): Buffer {
  if (typeof value !== 'string') throw invalidInput(field, `${field} takes base64 text; got ${describeKind(value)}.`)
  const bytes = Buffer.from(value, 'base64')
  const canonical = trimTrailing(value.replaceAll('-', '+').replaceAll('_', '/'), '=')
  if (trimTrailing(bytes.toString('base64'), '=') === canonical) return bytes
  throw invalidInput(field, `${field} takes base64 text; got text that is not base64.`)
}
