/** A vendor's bad days on demand: chosen status codes, slow answers, rate limits, failures that pass. */
import { STATUS_CODES } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createClosedSignal, readInteger, readQuery } from './parameters.ts'
import { invalid, VendorError } from './refusal.ts'

const maxWaitMs = 60_000

export function addMoods(app: FastifyInstance): void {
  const status = 'Any method: answers with this status, 200–599; ?location= says where a 3xx points.'
  app.all(
    '/status/:code',
    { config: { about: status } },
    (request: FastifyRequest<{ Params: { code: string } }>, reply) => {
      const code = /^[2-5]\d\d$/.test(request.params.code) ? Number(request.params.code) : undefined
      if (code === undefined) throw invalid({ code: 'must be a status from 200 to 599' })
      reply.code(code)
      if (code >= 300 && code < 400 && code !== 304) reply.header('location', readLocation(request))
      if ([204, 205, 304].includes(code)) return reply.send()
      return reply.send({ status: code, message: STATUS_CODES[code] ?? 'No name' })
    },
  )

  app.get(
    '/slow',
    { config: { about: 'Answers after ?ms= milliseconds (at most 60000).' } },
    async (request, reply) => {
      const waitedMs = readInteger(readQuery(request), 'ms', { min: 0, max: maxWaitMs, fallback: 1000 })
      await sleep(waitedMs, undefined, { signal: createClosedSignal(reply) })
      return { waitedMs }
    },
  )

  const limited = createCounter()
  const rate =
    'Answers 429 with Retry-After (?retry_after= seconds); with ?after=n every nth request passes, counted per ?key=.'
  app.get('/rate-limited', { config: { about: rate } }, (request, reply) => {
    const query = readQuery(request)
    const after = readInteger(query, 'after', { min: 0, max: 1000, fallback: 0 })
    const seconds = readInteger(query, 'retry_after', { min: 0, max: 3600, fallback: 1 })
    const count = limited.next(`${after}:${readKey(query)}`)
    reply.header('x-ratelimit-limit', 1).header('x-ratelimit-remaining', 0)
    reply.header('x-ratelimit-reset', Math.ceil(Date.now() / 1000) + seconds)
    if (after > 0 && count % after === 0) return { ok: true, request: count }
    reply.header('retry-after', seconds)
    throw new VendorError(429, 'rate_limited', `Come back in ${seconds} s.`)
  })

  const failures = createCounter()
  const flaky = 'Answers 503 to the first ?fail=n requests of a ?key=, then 200.'
  app.get('/flaky', { config: { about: flaky } }, request => {
    const query = readQuery(request)
    const fail = readInteger(query, 'fail', { min: 0, max: 1000, fallback: 1 })
    const count = failures.next(readKey(query))
    if (count <= fail) throw new VendorError(503, 'unavailable', `Failure ${count} of ${fail}.`)
    return { ok: true, request: count }
  })
}

function readLocation(request: FastifyRequest): string {
  const location = readQuery(request).get('location') ?? '/v1/me'
  if (/^[\x21-\x7e]{1,2000}$/.test(location)) return location
  throw invalid({ location: 'must be a URL of visible ASCII characters' })
}

function readKey(query: URLSearchParams): string {
  return (query.get('key') ?? '').slice(0, 100)
}

const maxKeys = 1000

/** Counts per key; the oldest key makes room for a new one. */
function createCounter(): { next(key: string): number } {
  const counts = new Map<string, number>()
  return {
    next(key) {
      const count = (counts.get(key) ?? 0) + 1
      const [oldest] = counts.keys()
      if (count === 1 && counts.size >= maxKeys && oldest !== undefined) counts.delete(oldest)
      counts.set(key, count)
      return count
    },
  }
}
