/** How routes read what they are sent: query values with bounds, JSON bodies, and the moment the client leaves. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { invalid, VendorError } from './refusal.ts'

export function readQuery(request: FastifyRequest): URLSearchParams {
  const start = request.originalUrl.indexOf('?')
  return new URLSearchParams(start === -1 ? '' : request.originalUrl.slice(start + 1))
}

export interface IntegerRange {
  readonly min: number
  readonly max: number
  /** The value when the parameter is absent. */
  readonly fallback: number
}

/** @throws {VendorError} 422 that names the parameter and its range */
export function readInteger(query: URLSearchParams, name: string, range: IntegerRange): number {
  const text = query.get(name)
  if (text === null) return range.fallback
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= range.min && value <= range.max) return value
  throw invalid({ [name]: `must be a whole number from ${range.min} to ${range.max}` })
}

export function readBody(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
}

/** @throws {VendorError} 415 for another media type, 400 for text that is no JSON */
export function readJson(request: FastifyRequest): unknown {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type)) {
    throw new VendorError(415, 'unsupported_media_type', 'The body must be application/json.')
  }
  try {
    return JSON.parse(readBody(request).toString('utf8'))
  } catch {
    throw new VendorError(400, 'malformed_json', 'The body is not valid JSON.')
  }
}

/** Aborts when the answer is finished or the client has left, whichever comes first. */
export function createClosedSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}
