/** The built-in vendor: a small CRM on its own loopback listener that demands a key and is reached like any other service. */
import { METHODS } from 'node:http'
import { type FastifyInstance, fastify } from 'fastify'
import { StartError } from '../errors.ts'
import { addBodies } from './bodies.ts'
import { addCompanies } from './companies.ts'
import { addContacts } from './contacts.ts'
import { addDeals } from './deals.ts'
import { addEcho, echoPath } from './echo.ts'
import { addMoods } from './moods.ts'
import { createRecords } from './records.ts'
import { answerError, demandKey, refuseBadUrl } from './refusal.ts'
import { addStreams } from './streams.ts'

export { sandboxApiKey } from './refusal.ts'

export interface Sandbox extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at its end. */
  readonly url: string
  /** `127.0.0.1:port`, as an egress exemption or a pinned host is written. */
  readonly host: string
}

/**
 * Every start has the same records; changes live as long as the process.
 * @param options.port 0 or absent: any free one
 * @throws {StartError} when the port cannot be listened on
 */
export async function startSandbox(options: { port?: number } = {}): Promise<Sandbox> {
  const { port = 0 } = options
  const app = createApp()
  try {
    await app.listen({ host: '127.0.0.1', port })
  } catch (error) {
    await app.close()
    const reason = error instanceof Error && 'code' in error ? error.code : error
    throw new StartError(`The sandbox cannot listen on 127.0.0.1:${port} (${reason}).`, { cause: error })
  }
  const url = app.listeningOrigin
  return {
    url,
    host: new URL(url).host,
    [Symbol.asyncDispose]: () => app.close(),
  }
}

const maxBodyBytes = 1024 * 1024

function createApp(): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: 60_000,
    forceCloseConnections: true,
    frameworkErrors: refuseBadUrl,
    // The echo takes every path as it is, also one that no router could decode.
    rewriteUrl: request => (/^\/echo(?=[/?]|$)/.test(request.url ?? '') ? echoPath : (request.url ?? '/')),
  })
  // A vendor sees the bytes: any method may carry a body, and each route reads it for itself.
  for (const method of METHODS) {
    if (method !== 'CONNECT') app.addHttpMethod(method, { hasBody: true, overrideExisting: true })
  }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', demandKey)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: { type: 'not_found', message: `There is no ${request.method} ${request.url}.` } }),
  )
  addIndex(app)
  const records = createRecords()
  addContacts(app, records)
  addCompanies(app, records)
  addDeals(app, records)
  addEcho(app)
  addMoods(app)
  addBodies(app, records)
  addStreams(app)
  return app
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the index says about the route. */
    about?: string
  }
}

interface IndexEntry {
  readonly methods: readonly string[]
  readonly path: string
  readonly about: string
}

/** The index is made of the routes themselves, so it cannot miss one. */
function addIndex(app: FastifyInstance): void {
  const routes: IndexEntry[] = []
  app.addHook('onRoute', route => {
    const methods = Array.isArray(route.method) ? route.method : [route.method]
    // Fastify adds HEAD to every GET by itself.
    if (methods.join() === 'HEAD') return
    routes.push({
      methods: methods.length > 7 ? ['ANY'] : methods,
      path: route.url,
      about: route.config?.about ?? '',
    })
  })
  app.get('/', { config: { about: 'This list.' } }, () => ({
    name: 'Passgate sandbox',
    about: 'A small CRM to try a gateway on. Every request needs the header x-api-key.',
    routes,
  }))
  app.get('/v1/me', { config: { about: 'The account that the key belongs to.' } }, () => ({
    id: 'acc_0001',
    name: 'Lighthouse Trading',
    email: 'owner@lighthouse.example',
    plan: 'demo',
    createdAt: '2025-01-06T09:00:00.000Z',
  }))
}
