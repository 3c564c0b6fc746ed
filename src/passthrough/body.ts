/** The body of a request, from the caller's JSON to the bytes on the wire. */
import { GatewayError, invalidInput } from '../errors.ts'
import { decodeBase64 } from './base64.ts'
import type { ArrayFormat } from './connection.ts'
import { isJsonType, parseMediaType } from './media-type.ts'
import { encodeMultipart, type LoadFile } from './multipart.ts'
import { encodeParameters, formParameterLimit, parameterNames } from './query.ts'
import { describeKind, isObject } from './scalar.ts'

export const bodyFormats = ['JSON', 'FORM', 'MULTIPART', 'TEXT', 'XML', 'BASE64'] as const
export type BodyFormat = (typeof bodyFormats)[number]

/** The longest body that is built or kept here; the raw route streams longer ones. */
export const maxBodyBytes = 25 * 1024 * 1024

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
  readonly loadFile: LoadFile | undefined
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
  if (body instanceof Blob) return 'BASE64'
  const { essence } = parseMediaType(contentType)
  if (essence === formType) return typeof body === 'string' ? 'AS_IS' : 'FORM'
  if (essence === 'multipart/form-data') return 'MULTIPART'
  return typeof body === 'string' ? 'AS_IS' : 'JSON'
}

type EncodedBody = Omit<PlannedBody, 'format'>

async function encodeBody(body: unknown, format: BodyFormat | 'AS_IS', input: BodyInput): Promise<EncodedBody> {
  switch (format) {
    case 'JSON':
      refuseFiles(body)
      return plain(JSON.stringify(body), 'application/json')
    case 'FORM':
      return plain(encodeForm(body, input.arrayFormat), formType)
    case 'MULTIPART':
      return { ...(await encodeMultipart(body, input.loadFile)), ownsContentType: true }
    case 'TEXT':
      return plain(requireText(body, format), 'text/plain; charset=utf-8')
    case 'XML':
      return plain(requireText(body, format), 'application/xml')
    case 'BASE64':
      if (body instanceof Blob) return sendFile(body)
      return { bytes: decodeBase64('body', body), contentType: 'application/octet-stream', ownsContentType: false }
    case 'AS_IS':
      return encodeAsIs(requireText(body, 'TEXT'), input.contentType)
  }
}

/** An uploaded file as the whole body. */
async function sendFile(file: Blob): Promise<EncodedBody> {
  const contentType = file.type === '' ? 'application/octet-stream' : file.type
  return { bytes: Buffer.from(await file.arrayBuffer()), contentType, ownsContentType: false }
}

/** JSON has no way to write a file; it would become an empty object without a word. */
function refuseFiles(body: unknown): void {
  const waiting: unknown[] = [body]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (value instanceof Blob) {
      throw invalidInput('body', 'body holds a file; send it with bodyFormat MULTIPART, or as the whole body.')
    }
    if (typeof value !== 'object' || value === null) continue
    for (const item of Object.values(value)) if (typeof item === 'object') waiting.push(item)
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

function requireText(body: unknown, format: string): string {
  if (typeof body === 'string' && body.isWellFormed()) return body
  if (typeof body === 'string')
    throw invalidInput('body', 'body has half of a surrogate pair; it takes well-formed text.')
  throw invalidInput('body', `body takes text with the format ${format}; got ${describeKind(body)}.`)
}
