/** A live local upstream that records what reaches it and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Recorded {
  readonly method: string
  /** Path and query as they came. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

export interface Upstream extends AsyncDisposable {
  readonly url: string
  /** `127.0.0.1:port`, as a pin and as an egress exemption. */
  readonly host: string
  readonly seen: readonly Recorded[]
}

export type Answer = (request: Recorded, response: ServerResponse, raw: IncomingMessage) => void

/** Without an answer it echoes method, URL, headers and body as JSON. */
export async function createUpstream(answer: Answer = echo): Promise<Upstream> {
  const seen: Recorded[] = []
  const server = createServer(async (raw, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of raw) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const { method = '', url = '', headers } = raw
    const request = { method, url, headers, body, text: body.toString() }
    seen.push(request)
    answer(request, response, raw)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof value === 'string' ? value : JSON.stringify(value))
}

function echo(request: Recorded, response: ServerResponse): void {
  const { method, url, headers, text } = request
  sendJson(response, { method, url, headers, body: text })
}
