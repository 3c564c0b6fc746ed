/** `/echo`: the request as it arrived, without the key that proved it. */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readBody, readQuery } from './parameters.ts'

/** Every path below `/echo` is routed here, whatever it looks like. */
export const echoPath = '/echo'

export function addEcho(app: FastifyInstance): void {
  const about =
    'Any method, and any path below: method, url, path, query, headers and body as they arrived, the key redacted.'
  app.all(echoPath, { config: { about } }, (request, reply) => {
    const payload = Buffer.from(describeRequest(request))
    return reply.type('application/json').send(payload)
  })
}

function describeRequest(request: FastifyRequest): string {
  const body = readBody(request)
  const text = isUtf8(body) ? body.toString('utf8') : null
  const answer = JSON.stringify({
    method: request.method,
    url: request.originalUrl,
    path: request.originalUrl.replace(/\?.*$/s, ''),
    query: [...readQuery(request)],
    headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, redact(name, value)])),
    rawHeaders: pairHeaders(request.raw.rawHeaders),
    body: body.length === 0 ? null : text,
    bodyBase64: text === null ? body.toString('base64') : null,
    bodyBytes: body.length,
  })
  // The JSON goes back as the text it came as, so that numbers keep their digits.
  return `${answer.slice(0, -1)},"json":${text !== null && isJson(text) ? text : null}}`
}

/** Name and value as sent, in their order, repeated ones apart. */
function pairHeaders(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? ''
    pairs.push([name, redact(name, raw[index + 1] ?? '')])
  }
  return pairs
}

function redact<T>(name: string, value: T): T | string {
  return name.toLowerCase() === 'x-api-key' ? '[redacted]' : value
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
