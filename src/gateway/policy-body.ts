/** A streamed body that may name another method is taken in before it is judged: it is short, or it is not sent. */
import { GatewayError } from '../errors.ts'
import { CallerLeft } from '../passthrough/failure.ts'
import type { RequestPlan } from '../passthrough/request.ts'
import { hasParameters } from './override-body.ts'

const maxJudgedBytes = 64 * 1024
const withinMs = 10_000

/** @throws {GatewayError} POLICY_DENIED for a body that is long, does not say how long it is, or does not come in */
export async function takeInBody(plan: RequestPlan): Promise<RequestPlan> {
  const { body, headers } = plan
  if (body === null || Buffer.isBuffer(body) || !hasParameters(plan)) return plan
  const length = headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1]
  if (length === undefined || Number(length) > maxJudgedBytes) {
    const has = length === undefined ? 'does not say how long it is' : `has ${length} bytes`
    throw unjudged(`takes a content-length of at most ${maxJudgedBytes}; it ${has}`)
  }
  const bytes = await collectWithin(body)
  return { ...plan, body: bytes, headers: headers.filter(([name]) => name.toLowerCase() !== 'content-length') }
}

async function collectWithin(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(unjudged(`has to come in within ${withinMs} ms`)), withinMs)
  try {
    return await Promise.race([collect(body), late])
  } finally {
    clearTimeout(timer)
  }
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of body) chunks.push(chunk)
  } catch {
    throw new CallerLeft()
  }
  return Buffer.concat(chunks)
}

function unjudged(what: string): GatewayError {
  const message = `Where rules name methods, or the key has no passthrough:write, a form or JSON body is read before it is sent, because it may ask for another method; it ${what}.`
  return new GatewayError('POLICY_DENIED', message)
}
