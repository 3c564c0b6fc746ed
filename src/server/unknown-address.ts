/** What an address is answered with that leads nowhere, or not with this method. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { type GatewayError, invalidInput } from '../errors.ts'
import { passageOf } from './passage.ts'
import { type ProblemAnswer, sendProblem } from './problem.ts'

type Methods = ReadonlySet<string>

interface Refusal extends ProblemAnswer {
  readonly error: GatewayError
}

/** Has every unknown address and method refused as the raw route refuses. To be called before there are routes. */
export function refuseUnknownAddresses(fastify: FastifyInstance): void {
  const routes = new Map<string, Methods>()
  fastify.addHook('onRoute', ({ url, method }) => {
    routes.set(url, new Set([method].flat()).union(routes.get(url) ?? new Set()))
  })
  fastify.setNotFoundHandler((request, reply) => {
    const { raw, id } = request
    const methods = methodsAt(routes, pathOf(raw))
    reply.hijack()
    const isKnown = methods.size > 0 && !methods.has(raw.method ?? '')
    refuse(raw, reply.raw, id, isKnown ? wrongMethod(raw, [...methods].sort()) : nothingThere(raw))
  })
}

/** For a path that cannot be decoded. */
export function refuseBadUrl(request: IncomingMessage, response: ServerResponse, requestId: string): void {
  const message = `The address ${shown(request)} has percent-encoding that is no UTF-8.`
  refuse(request, response, requestId, { error: invalidInput('path', message) })
}

function nothingThere(request: IncomingMessage): Refusal {
  const message = `There is nothing at ${shown(request)}; this gateway has /graphql, /passthrough/{connectionId}/{path}, /livez, /readyz and /metrics.`
  return { error: invalidInput('path', message), status: 404 }
}

function wrongMethod(request: IncomingMessage, methods: readonly string[]): Refusal {
  const allow = methods.join(', ')
  const error = invalidInput('method', `${shown(request)} takes ${allow}; got ${request.method}.`)
  return { error, status: 405, headers: { allow } }
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  { error, ...answer }: Refusal,
): void {
  passageOf(request)?.refuse(error)
  sendProblem(response, error, requestId, answer)
}

/** Of the routes whose pattern covers the path. */
function methodsAt(routes: ReadonlyMap<string, Methods>, path: string): Methods {
  const covering = [...routes].filter(([url]) => (url.endsWith('*') ? path.startsWith(url.slice(0, -1)) : url === path))
  return covering.reduce((all, [, methods]) => all.union(methods), new Set<string>())
}

/** Without the query: it may hold a key. */
function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/\?.*$/s, '')
}

/** Characters of a path that are shown. */
const maxShownLength = 200

function shown(request: IncomingMessage): string {
  const path = pathOf(request)
  return path.length > maxShownLength ? `${path.slice(0, maxShownLength)}…` : path
}
