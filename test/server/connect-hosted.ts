/** The connect pages as an end user's browser reaches them: the gateway's own listener, by http or behind TLS. */
import { request as forward } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ConnectFlow } from '../../src/connections/connect-view.ts'
import { createEvents } from '../../src/events.ts'
import { createLogger } from '../../src/log.ts'
import { createConnectRoutes } from '../../src/server/connect-routes.ts'
import { Readiness } from '../../src/server/readiness.ts'
import { createServer } from '../../src/server/server.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { Tracing } from '../../src/telemetry/tracing.ts'
import { testTls } from '../support/tls.ts'

export interface Hosted extends AsyncDisposable {
  /** Ends in a slash. */
  readonly url: string
  /** What failed unexpectedly. */
  readonly failures: readonly unknown[]
}

export async function hostPages(flow: ConnectFlow, scheme: 'http' | 'https' = 'http'): Promise<Hosted> {
  await using parts = new AsyncDisposableStack()
  const failures: unknown[] = []
  let url = ''
  const connect = createConnectRoutes({
    flow,
    events: { requestFailed: (_id, error) => failures.push(error) },
    readAddress: () => undefined,
    publicUrl: () => new URL(url),
  })
  const elsewhere = () => {
    throw new Error('only connect pages are hosted here')
  }
  const raw = { handle: elsewhere, handleRoot: elsewhere, handleDownload: elsewhere }
  const metrics = new Metrics()
  const server = parts.use(
    createServer({
      graphql: elsewhere,
      raw,
      connect,
      jwks: async () => ({}),
      readLogo: () => undefined,
      readiness: new Readiness({ vital: {} }),
      metrics,
      metricsToken: undefined,
      events: createEvents(createLogger({ level: 'silent' }), metrics),
      tracing: new Tracing(),
      drainTimeoutMs: 10_000,
    }),
  )
  const port = await server.listen('127.0.0.1', 0)
  const publicPort = scheme === 'http' ? port : await listenTls(parts, port)
  url = `${scheme}://127.0.0.1:${publicPort}/`
  const owned = parts.move()
  return { url, failures, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** As an operator's proxy does it. */
async function listenTls(parts: AsyncDisposableStack, port: number): Promise<number> {
  const front = createTlsServer(testTls, (request, response) => {
    const { method, url, headers } = request
    const inner = forward({ host: '127.0.0.1', port, method, path: url, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(response)
    })
    inner.on('error', () => response.destroy())
    request.pipe(inner)
  })
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  parts.defer(async () => {
    front.closeAllConnections()
    await new Promise(resolve => front.close(resolve))
  })
  return (front.address() as AddressInfo).port
}
