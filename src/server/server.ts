/** The HTTP edge: which address leads where, and how the listener starts and drains. */
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import { StartError } from '../errors.ts'
import type { GraphQLMount } from './graphql.ts'
import { downloadPrefix, type RawRoute, rawPrefix } from './raw-route.ts'
import { requestIdOf } from './request-id.ts'

export interface ServerOptions {
  readonly graphql: GraphQLMount
  readonly raw: RawRoute
  /** The pages on which end users connect their accounts. */
  readonly connect: FastifyPluginAsync
  /** @throws when calls cannot be served now */
  readonly checkReady: () => Promise<void>
  /** The public keys of session tokens. */
  readonly jwks: () => Promise<object>
}

export interface Server extends AsyncDisposable {
  /** @returns the port that was taken. @throws StartError naming the address when it cannot be listened on */
  listen(host: string, port: number): Promise<number>
  /** The same for the listener that has the vendor's paths at its root. */
  listenRoot(host: string, port: number): Promise<number>
}

/** How long a draining server waits for requests that are under way. */
const drainMs = 10_000

/** Bytes of a request's head: a URL may have 16 KiB, and headers come on top. */
const maxHeaderSize = 64 * 1024

export function createServer(options: ServerOptions): Server {
  const { raw } = options
  const fastify = Fastify({
    logger: false,
    // These read and write by themselves, with any method: they are taken before the framework sees the request.
    serverFactory: handler =>
      createListener((request, response) => {
        const handle = findRoute(request.url ?? '', options)
        if (handle === undefined) handler(request, response)
        else handle(request, response, requestIdOf(request.headers['x-request-id']))
      }),
    genReqId: request => requestIdOf(request.headers['x-request-id']),
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: false },
  })
  fastify.addHook('onRequest', async (request, reply) => {
    reply.raw.setHeader('x-request-id', request.id)
  })
  fastify.get('/livez', async () => ({ status: 'live' }))
  fastify.get('/readyz', async (_request, reply) => {
    try {
      await options.checkReady()
      return { status: 'ready' }
    } catch {
      return reply.code(503).send({ status: 'not ready', reason: 'the store does not answer' })
    }
  })
  // RFC 7517: whoever gets a session's token may verify it.
  fastify.get('/.well-known/jwks.json', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300').header('access-control-allow-origin', '*')
    return await options.jwks()
  })
  fastify.get('/', async (_request, reply) => reply.redirect('/graphql'))
  fastify.register(options.connect)
  const root = createListener((request, response) =>
    raw.handleRoot(request, response, requestIdOf(request.headers['x-request-id'])),
  )
  return {
    listen: (host, port) => listen(fastify, host, port),
    listenRoot: (host, port) => listenRoot(root, host, port),
    async [Symbol.asyncDispose]() {
      const isRootOpen = root.listening
      const closed = isRootOpen ? new Promise<void>(resolve => root.close(() => resolve())) : undefined
      await Promise.all([drain(fastify.server, () => fastify.close()), drain(root, () => closed)])
    },
  }
}

/** No limit on the time of a whole request: an upload may take hours, and silence is cut off elsewhere. */
function createListener(handler: RequestListener): HttpServer {
  return createHttpServer({ maxHeaderSize, requestTimeout: 0, keepAliveTimeout: 72_000 }, handler)
}

type Route = (request: IncomingMessage, response: ServerResponse, requestId: string) => void

function findRoute(url: string, { raw, graphql }: ServerOptions): Route | undefined {
  if (url.startsWith(rawPrefix)) return raw.handle
  if (url.startsWith(downloadPrefix)) return raw.handleDownload
  if (url !== '/graphql' && !url.startsWith('/graphql?')) return undefined
  return (request, response, requestId) => {
    response.setHeader('x-request-id', requestId)
    void graphql(request, response, requestId)
  }
}

async function listen(fastify: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await fastify.listen({ host, port })
  } catch (cause) {
    throw cannotListen(cause, `${host}:${port}`, 'HOST and PORT')
  }
  return portOf(fastify.server, port)
}

async function listenRoot(server: HttpServer, host: string, port: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, resolve)
    })
  } catch (cause) {
    throw cannotListen(cause, `${host}:${port}`, 'HOST and PASSGATE_ROOT_PORT')
  }
  return portOf(server, port)
}

function portOf(server: HttpServer, fallback: number): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : fallback
}

function cannotListen(cause: unknown, address: string, variables: string): StartError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const why = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${code})`
  return new StartError(`The address ${address} ${why}; set ${variables} to another.`, { cause })
}

/**
 * New requests are refused at once; those under way have {@link drainMs} before their sockets are closed, and a socket
 * kept alive by its client is closed as soon as its last answer is out.
 */
async function drain(server: HttpServer, close: () => Promise<unknown> | undefined): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  const cut = setTimeout(() => server.closeAllConnections(), drainMs)
  await close()
  clearInterval(sweep)
  clearTimeout(cut)
}
