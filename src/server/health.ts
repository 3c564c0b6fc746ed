/** What machines ask: `/livez` whether the process lives, `/readyz` whether calls can be served, `/metrics` how it does. */
import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Readiness } from './readiness.ts'

export interface HealthOptions {
  readonly readiness: Readiness
  readonly metrics: Pick<Metrics, 'read'>
  /** What whoever reads the metrics has to send; undefined when anyone may. */
  readonly metricsToken: string | undefined
}

export function createHealthRoutes({ readiness, metrics, metricsToken }: HealthOptions): FastifyPluginAsync {
  return async function healthRoutes(fastify) {
    fastify.get('/livez', async () => ({ status: 'live' }))
    fastify.get('/readyz', async (_request, reply) => {
      const report = await readiness.report()
      return reply
        .code(report.ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(report)
    })
    fastify.get('/metrics', async (request, reply) => {
      if (metricsToken !== undefined && !isSame(bearerOf(request.headers.authorization), metricsToken)) {
        const message = 'Send the token of PASSGATE_METRICS_TOKEN: `authorization: Bearer …`.'
        return reply.code(401).header('www-authenticate', 'Bearer realm="passgate metrics"').send({ message })
      }
      const { contentType, text } = await metrics.read()
      return reply.header('content-type', contentType).header('cache-control', 'no-store').send(text)
    })
  }
}

function bearerOf(header: string | undefined): string {
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? ''
}

/** Takes as long for every text: the hashes have one length, and tell nothing of how near a guess is. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'))
}
