/** Stands before a server that nobody here wrote, hands everything on as it is, and remembers who came with what. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { expect } from 'vitest'
import type { Recorded, Upstream } from './upstream.ts'

export interface Recorder extends Upstream {
  /** Cuts every connection there is, as a network does. */
  breakConnections(): void
}

/** @param target where the server listens; it is told the recorder's address as its own, as its public one */
export async function createRecorder(target: string): Promise<Recorder> {
  const seen: Recorded[] = []
  const server = createServer((request, response) => {
    void relay(new URL(target), request, response, seen).catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    seen,
    breakConnections: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function relay(target: URL, request: IncomingMessage, response: ServerResponse, seen: Recorded[]): Promise<void> {
  const { method = '', url = '', headers, rawHeaders } = request
  const chunks: Buffer[] = []
  const readBody = () => Buffer.concat(chunks)
  seen.push({
    method,
    url,
    headers,
    get body() {
      return readBody()
    },
    get text() {
      return readBody().toString()
    },
  })
  const { hostname, port } = target
  const onward = httpRequest({ hostname, port, method, path: url, headers: rawHeaders })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    onward.on('response', resolve)
    onward.on('error', reject)
  })
  request.on('data', chunk => chunks.push(chunk))
  // Who leaves is missed at once: an endless answer has no other end.
  response.on('close', () => onward.destroy())
  const sent = pipeline(request, onward)
  const answer = await answered
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
  response.flushHeaders()
  await Promise.all([sent, pipeline(answer, response)])
}

/** The header that proves an account, as the vendor sees it: `authorization` unless named. */
export interface Account {
  readonly [header: string]: string
}

/** Fails unless there was a request, each came with this account's credential, and none had a key of the gateway. */
export function expectAccount(seen: readonly Recorded[], account: Account, keys: readonly string[]): void {
  expect(seen.length).toBeGreaterThan(0)
  for (const request of seen) expect(request).toMatchObject({ headers: account })
  expect(findLeaks(seen, keys)).toEqual([])
}

/** The requests that brought a key of the gateway to a vendor, in plain or in base64, in their URL, headers or body. */
export function findLeaks(seen: readonly Recorded[], keys: readonly string[]): string[] {
  const spellings = keys.flatMap(key => [key, ...inBase64(key)])
  return seen
    .filter(({ url, headers, body }) => {
      const text = `${url}\n${JSON.stringify(headers)}\n${body.toString('latin1')}`
      return spellings.some(spelling => text.includes(spelling))
    })
    .map(({ method, url }) => `${method} ${url}`)
}

/** Base64 says the same text in three ways, by where it begins; the ends that depend on the neighbours are left out. */
function inBase64(text: string): string[] {
  return [0, 1, 2].map(shift =>
    Buffer.from(' '.repeat(shift) + text)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4)
      .replace(/.{0,3}=*$/, ''),
  )
}
