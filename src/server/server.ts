/** The HTTP edge: which address leads where, and how the listener starts and drains. */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import { StartError } from '../errors.ts'
import type { GraphQLMount } from './graphql.ts'
import { createHealthRoutes, type HealthOptions } from './health.ts'
import { createListener } from './listener.ts'
import { createLogoRoutes, type LogoOptions } from './logo-routes.ts'
import { openPassage, type Passage, type PassageParts, passageOf } from './passage.ts'
import { downloadPrefix, type RawRoute, rawPrefix } from './raw-route.ts'
import { requestIdOf } from './request-id.ts'
import { rootTemplate, templateOf } from './route-template.ts'
import { cutSlowBody } from './slow-body.ts'
import { refuseBadUrl, refuseUnknownAddresses } from './unknown-address.ts'

export interface ServerOptions extends HealthOptions, LogoOptions, PassageParts {
  readonly graphql: GraphQLMount
  readonly raw: RawRoute
  /** The pages on which end users connect their accounts. */
  readonly connect: FastifyPluginAsync
  /** The public keys of session tokens. */
  readonly jwks: () => Promise<object>
  /** How long requests that are under way may go on once the server is closed. */
  readonly drainTimeoutMs: number
}

export interface Server extends AsyncDisposable {
  /** @returns the port that was taken. @throws StartError naming the address when it cannot be listened on */
  listen(host: string, port: number): Promise<number>
  /** The same for the listener that has the vendor's paths at its root. */
  listenRoot(host: string, port: number): Promise<number>
  /** Says not ready from now on, and has clients come by another connection next time; requests are still answered. */
  drain(): void
}

export function createServer(options: ServerOptions): Server {
  const { raw, readiness, drainTimeoutMs } = options
  const underWay = new Set<ServerResponse>()
  function open(request: IncomingMessage, response: ServerResponse, route: string): Passage {
    const passage = openPassage(request, route, options)
    if (readiness.isDraining) response.shouldKeepAlive = false
    underWay.add(response)
    response.once('close', () => {
      underWay.delete(response)
      passage.finish(response)
    })
    return passage
  }
  function drain(): void {
    readiness.drain()
    // Whoever is still answered is told to come by another connection next time: to another process.
    for (const response of underWay) response.shouldKeepAlive = false
  }
  const fastify = Fastify({
    logger: false,
    // These read and write by themselves, with any method: they are taken before the framework sees the request.
    serverFactory: handler =>
      createListener((request, response) => {
        const url = request.url ?? ''
        const passage = open(request, response, templateOf(url))
        const handle = findRoute(url, options)
        if (handle === undefined) passage.run(() => handler(request, response))
        else passage.run(() => handle(request, response, passage.requestId))
      }),
    genReqId: request => passageOf(request)?.requestId ?? requestIdOf(undefined),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (_error, request, reply) => refuseBadUrl(request.raw, reply.raw, request.id),
    routerOptions: { ignoreTrailingSlash: false },
  })
  fastify.addHook('onRequest', async (request, reply) => {
    cutSlowBody(request.raw)
    reply.raw.setHeader('x-request-id', request.id)
  })
  refuseUnknownAddresses(fastify)
  fastify.register(createHealthRoutes(options))
  // RFC 7517: whoever gets a session's token may verify it.
  fastify.get('/.well-known/jwks.json', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300').header('access-control-allow-origin', '*')
    return await options.jwks()
  })
  fastify.get('/', async (_request, reply) => reply.redirect('/graphql'))
  fastify.register(createLogoRoutes(options))
  fastify.register(options.connect)
  const root = createListener((request, response) => {
    const passage = open(request, response, rootTemplate)
    passage.run(() => raw.handleRoot(request, response, passage.requestId))
  })
  return {
    listen: (host, port) => listen(fastify, host, port),
    listenRoot: (host, port) => listenRoot(root, host, port),
    drain,
    async [Symbol.asyncDispose]() {
      drain()
      const isRootOpen = root.listening
      const closed = isRootOpen ? new Promise<void>(resolve => root.close(() => resolve())) : undefined
      await Promise.all([
        waitUntilClosed(fastify.server, () => fastify.close(), drainTimeoutMs),
        waitUntilClosed(root, () => closed, drainTimeoutMs),
      ])
    },
  }
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
 * New connections are refused at once; requests under way have their time before their sockets are closed, and a socket
 * kept alive by its client is closed as soon as its last answer is out.
 */
async function waitUntilClosed(
  server: HttpServer,
  close: () => Promise<unknown> | undefined,
  drainTimeoutMs: number,
): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  const cut = setTimeout(() => server.closeAllConnections(), drainTimeoutMs)
  await close()
  clearInterval(sweep)
  clearTimeout(cut)
}
