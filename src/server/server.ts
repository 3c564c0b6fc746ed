/** The HTTP edge: which address leads where, and how the listener starts and drains. */
import Fastify, { type FastifyInstance } from 'fastify'
import { StartError } from '../errors.ts'
import type { GraphQLMount } from './graphql.ts'
import { requestIdOf } from './request-id.ts'

export interface ServerOptions {
  readonly graphql: GraphQLMount
  /** @throws when calls cannot be served now */
  readonly checkReady: () => Promise<void>
}

export interface Server extends AsyncDisposable {
  /** @returns the port that was taken. @throws StartError naming the address when it cannot be listened on */
  listen(host: string, port: number): Promise<number>
}

/** How long a draining server waits for requests that are under way. */
const drainMs = 10_000

export function createServer(options: ServerOptions): Server {
  const fastify = Fastify({
    logger: false,
    genReqId: request => requestIdOf(request.headers['x-request-id']),
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: false },
  })
  fastify.addHook('onRequest', async (request, reply) => {
    reply.raw.setHeader('x-request-id', request.id)
  })
  mountGraphQL(fastify, options.graphql)
  fastify.get('/livez', async () => ({ status: 'live' }))
  fastify.get('/readyz', async (_request, reply) => {
    try {
      await options.checkReady()
      return { status: 'ready' }
    } catch {
      return reply.code(503).send({ status: 'not ready', reason: 'the store does not answer' })
    }
  })
  fastify.get('/', async (_request, reply) => reply.redirect('/graphql'))
  return {
    listen: (host, port) => listen(fastify, host, port),
    [Symbol.asyncDispose]: () => close(fastify),
  }
}

/** Yoga reads the request itself: nothing of Fastify touches the body, and no parser can refuse it first. */
function mountGraphQL(fastify: FastifyInstance, graphql: GraphQLMount): void {
  fastify.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all('/graphql', async (request, reply) => {
      reply.hijack()
      await graphql(request.raw, reply.raw, request.id)
    })
  })
}

async function listen(fastify: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await fastify.listen({ host, port })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    const why = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${code})`
    throw new StartError(`The address ${host}:${port} ${why}; set HOST and PORT to another.`, { cause })
  }
  const address = fastify.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

/**
 * New requests are refused at once; those under way have {@link drainMs} before their sockets are closed, and a socket
 * kept alive by its client is closed as soon as its last answer is out.
 */
async function close(fastify: FastifyInstance): Promise<void> {
  const sweep = setInterval(() => fastify.server.closeIdleConnections(), 100)
  const cut = setTimeout(() => fastify.server.closeAllConnections(), drainMs)
  await fastify.close()
  clearInterval(sweep)
  clearTimeout(cut)
}
