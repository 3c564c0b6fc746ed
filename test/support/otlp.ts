/** A collector of traces: OTLP over HTTP in JSON on loopback, with every span that came. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Absent or empty for a root. */
  readonly parentSpanId?: string
  readonly name: string
  /** OTLP's numbers: 1 internal, 2 server, 3 client. */
  readonly kind: number
  readonly attributes: Readonly<Record<string, string | number>>
  readonly isError: boolean
}

export interface Collector extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  /** Every body as it came. */
  readonly bodies: readonly string[]
  /** The attributes of the resource of the last batch. */
  readonly resource: () => Readonly<Record<string, string | number>>
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string }
}

interface Batch {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: Attribute[] }
    readonly scopeSpans: {
      readonly spans: (Omit<ReceivedSpan, 'attributes' | 'isError'> & {
        readonly attributes: Attribute[]
        readonly status?: { readonly code?: number }
      })[]
    }[]
  }[]
}

/** @param status what it answers */
export async function createCollector(status = 200): Promise<Collector> {
  const spans: ReceivedSpan[] = []
  const bodies: string[] = []
  let resource: Readonly<Record<string, string | number>> = {}
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    bodies.push(text)
    if (request.url === '/v1/traces' && status === 200) {
      for (const { resource: of, scopeSpans } of (JSON.parse(text) as Batch).resourceSpans) {
        resource = read(of.attributes)
        for (const span of scopeSpans.flatMap(scope => scope.spans)) {
          spans.push({ ...span, attributes: read(span.attributes), isError: span.status?.code === 2 })
        }
      }
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    resource: () => resource,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function read(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue ?? Number.NaN)]),
  )
}
