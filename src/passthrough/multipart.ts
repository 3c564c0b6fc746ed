/** multipart/form-data (RFC 7578) from fields and files: texts, base64, uploads, and files that the vendor itself has. */
import { randomBytes } from 'node:crypto'
import { invalidInput } from '../errors.ts'
import { decodeBase64 } from './base64.ts'
import { formParameterLimit } from './query.ts'
import { describeKind, isObject, scalarText } from './scalar.ts'

/** Fetches a file through the same connection. @param field for errors */
export type LoadFile = (field: string, url: string) => Promise<LoadedFile>

export interface LoadedFile {
  readonly bytes: Buffer
  readonly contentType: string | undefined
}

/** One part as it is written; a file from a URL is loaded when all parts are known to be right. */
type Part = { readonly name: string } & (
  | { readonly text: string; readonly contentType?: string | undefined }
  | { readonly file: Blob; readonly filename: string }
  | {
      readonly url: string
      readonly field: string
      readonly filename: string
      readonly contentType: string | undefined
    }
)

/**
 * Files are uploads, or `{filename, contentType?}` with one of `text`, `base64`, `url`; `{contentType, text}` is a field
 * that says its type (RFC 7578 §4.4), and an array repeats its field.
 * @throws {GatewayError} INVALID_INPUT naming the field
 */
export async function encodeMultipart(
  body: unknown,
  loadFile: LoadFile | undefined,
): Promise<{ bytes: Buffer; contentType: string }> {
  if (!isObject(body) || body instanceof Blob) {
    throw invalidInput('body', `body takes an object of fields and files; got ${describeKind(body)}.`)
  }
  const parts = Object.entries(body).flatMap(([name, value]) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => readPart(name, item, `body.${name}.${index}`))
      : readPart(name, value, `body.${name}`),
  )
  if (parts.length > formParameterLimit) {
    throw invalidInput('body', `body has more than ${formParameterLimit} fields and files.`)
  }
  const boundary = `----passgate${randomBytes(16).toString('hex')}`
  const pieces: (string | Uint8Array)[] = []
  for (const part of parts) pieces.push(`--${boundary}\r\n`, ...(await writePart(part, loadFile)), '\r\n')
  pieces.push(`--${boundary}--\r\n`)
  const bytes = Buffer.concat(pieces.map(piece => (typeof piece === 'string' ? Buffer.from(piece) : piece)))
  return { bytes, contentType: `multipart/form-data; boundary=${boundary}` }
}

/** Its head and its content, written as browsers do (https://html.spec.whatwg.org/#multipart-form-data). */
async function writePart(part: Part, loadFile: LoadFile | undefined): Promise<(string | Uint8Array)[]> {
  const head = `Content-Disposition: form-data; name="${escapeName(normalizeLines(part.name))}"`
  if ('text' in part) {
    const { text, contentType } = part
    return contentType === undefined
      ? [`${head}\r\n\r\n`, normalizeLines(text)]
      : [`${head}\r\nContent-Type: ${contentType}\r\n\r\n`, text]
  }
  const file = 'file' in part ? part.file : await load(part, loadFile)
  const type = file.type || 'application/octet-stream'
  const whole = `${head}; filename="${escapeName(part.filename)}"\r\nContent-Type: ${type}\r\n\r\n`
  return [whole, new Uint8Array(await file.arrayBuffer())]
}

function escapeName(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22')
}

function normalizeLines(text: string): string {
  return text.replace(/\r?\n|\r/g, '\r\n')
}

function readPart(name: string, value: unknown, field: string): Part[] {
  if (value === null || value === undefined) return []
  const text = scalarText(value)
  if (text !== undefined) return [{ name, text }]
  if (value instanceof File) return [{ name, file: value, filename: value.name }]
  if (isObject(value) && isTyped(value)) {
    return [{ name, text: value.text, contentType: readType(field, value.contentType) }]
  }
  if (!isObject(value) || typeof value.filename !== 'string') {
    const takes = 'text, a number, a boolean, an upload, or a file {filename, contentType, text | base64 | url}'
    throw invalidInput(field, `${field} takes ${takes}; got ${describeKind(value)}.`)
  }
  const { filename } = value
  const contentType = readType(field, value.contentType)
  const given = ['text', 'base64', 'url'].filter(source => value[source] !== undefined)
  if (given.length !== 1) throw invalidInput(field, `${field} takes one of text, base64 and url for its content.`)
  if (value.url !== undefined) {
    if (typeof value.url !== 'string') {
      throw invalidInput(`${field}.url`, `${field}.url takes a URL on a pinned host; got ${describeKind(value.url)}.`)
    }
    return [{ name, url: value.url, field: `${field}.url`, filename, contentType }]
  }
  const bytes = value.text === undefined ? decodeBase64(`${field}.base64`, value.base64) : readText(field, value.text)
  return [{ name, file: toBlob(bytes, contentType), filename }]
}

/** A field with its type, and nothing that only a file has. */
function isTyped(value: Readonly<Record<string, unknown>>): value is { contentType: string; text: string } {
  const { contentType, text, ...others } = value
  return typeof contentType === 'string' && typeof text === 'string' && Object.keys(others).length === 0
}

function readType(field: string, type: unknown): string | undefined {
  if (type === undefined || type === null) return undefined
  if (typeof type === 'string' && /^[\x20-\x7e]+$/.test(type)) return type
  throw invalidInput(`${field}.contentType`, `${field}.contentType takes a media type such as image/png.`)
}

function readText(field: string, text: unknown): Buffer {
  if (typeof text === 'string') return Buffer.from(text)
  throw invalidInput(`${field}.text`, `${field}.text takes text; got ${describeKind(text)}.`)
}

async function load(part: Extract<Part, { url: string }>, loadFile: LoadFile | undefined): Promise<Blob> {
  if (loadFile === undefined) {
    throw invalidInput(part.field, `${part.field} cannot be fetched here; give the file as base64.`)
  }
  const { bytes, contentType } = await loadFile(part.field, part.url)
  return toBlob(bytes, part.contentType ?? contentType)
}

function toBlob(bytes: Buffer, type: string | undefined): Blob {
  return new Blob([new Uint8Array(bytes)], { type: type ?? 'application/octet-stream' })
}
