/** The upstream, a process of its own: a fixed answer, bodies of any size both ways, and a count of what came. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerText } from './answer.ts'

const answer = Buffer.from(answerText)
const answerHeaders = ['content-type', 'application/json; charset=utf-8', 'content-length', String(answer.length)]
const chunk = Buffer.alloc(64 * 1024, 'passgate')

let requests = 0

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 72_000 }, (request, response) => {
  const { url = '' } = request
  if (url === '/figures') return sendText(response, JSON.stringify({ requests }))
  requests += 1
  if (url.startsWith('/answer')) response.writeHead(200, answerHeaders).end(answer)
  else if (url.startsWith('/sized')) sendText(response, `{"text":"${'x'.repeat(Math.max(0, sizeIn(url) - 11))}"}`)
  else if (url.startsWith('/large')) sendLarge(response, sizeIn(url))
  else if (url.startsWith('/sink')) swallow(request, response)
  else response.writeHead(404).end()
})

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => process.exit())

function sizeIn(url: string): number {
  return Number(new URL(url, 'http://upstream').searchParams.get('bytes'))
}

function sendText(response: ServerResponse, text: string): void {
  const headers = ['content-type', 'application/json; charset=utf-8', 'content-length', String(Buffer.byteLength(text))]
  response.writeHead(200, headers).end(text)
}

function sendLarge(response: ServerResponse, bytes: number): void {
  response.writeHead(200, ['content-type', 'application/octet-stream', 'content-length', String(bytes)])
  let left = bytes
  function fill(): void {
    while (left > 0 && !response.destroyed) {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk
      left -= part.length
      if (!response.write(part)) {
        response.once('drain', fill)
        return
      }
    }
    response.end()
  }
  fill()
}

function swallow(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0
  request.on('data', (part: Buffer) => {
    bytes += part.length
  })
  request.on('end', () => sendText(response, JSON.stringify({ bytes })))
}
