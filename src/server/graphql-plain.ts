/** Which requests are plain: a POST of one JSON object with a query, its variables, and nothing that Yoga has to say a word about. */
import type { IncomingMessage } from 'node:http'
import { parseExactJson } from '../passthrough/exact-json.ts'

/** The parameters of a plain request. */
export interface PlainRequest {
  readonly query: string
  readonly variables: object | null | undefined
  readonly operationName: string | null | undefined
}

/** By its head alone. */
export function isPlainPost({ method, headers, url }: IncomingMessage): boolean {
  return (
    method === 'POST' &&
    url === '/graphql' &&
    Number(headers['content-length']) > 0 &&
    isJson(headers['content-type']) &&
    headers['content-encoding'] === undefined &&
    headers['access-control-request-headers'] === undefined
  )
}

/** As Yoga spells it; JSON is UTF-8 whatever charset is named (RFC 8259, section 8.1). */
function isJson(type: string | undefined): boolean {
  return type === 'application/json' || (type?.startsWith('application/json;') === true && !type.includes(','))
}

/** Undefined for all that Yoga has something to say about. */
export function readPlain(bytes: Buffer): PlainRequest | undefined {
  let body: unknown
  try {
    body = parseExactJson(bytes.toString())
  } catch {
    return undefined
  }
  if (!isObject(body)) return undefined
  const { query, variables, operationName, extensions, ...unknown } = body
  const isPlain =
    typeof query === 'string' &&
    (variables == null || isObject(variables)) &&
    (operationName == null || typeof operationName === 'string') &&
    (extensions == null || isObject(extensions)) &&
    Object.keys(unknown).length === 0
  if (!isPlain) return undefined
  return { query, variables: variables ?? undefined, operationName: operationName ?? undefined }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}
