/** Both ways to the schema beside each other: one listener that takes the short way where it may, one that is Yoga's alone. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createEvents } from '../../src/events.ts'
import type { GraphQLServices } from '../../src/graphql/context.ts'
import { createLogger } from '../../src/log.ts'
import { createGraphQLMount } from '../../src/server/graphql.ts'
import type { BodyPace } from '../../src/server/graphql-body.ts'
import type { TestGateway } from '../support/gateway.ts'

export type Way = 'short' | 'yoga'

/** The ports of the two; everything else of them is the same. */
export interface Entrances extends AsyncDisposable, Readonly<Record<Way, number>> {
  /** What each logged. */
  readonly logs: Readonly<Record<Way, readonly string[]>>
}

export interface EntranceOptions {
  readonly corsOrigins?: readonly string[]
  readonly services?: GraphQLServices
  readonly introspection?: boolean
  readonly bodyPace?: BodyPace
}

export interface Answer {
  readonly status: string
  /** `name: value` in lower-case names, sorted; without what differs by the moment or by the framing alone. */
  readonly headers: readonly string[]
  readonly body: string
}

export async function openEntrances(
  gateway: TestGateway,
  { corsOrigins = [], services = gateway.app.services, introspection = true, bodyPace }: EntranceOptions = {},
): Promise<Entrances> {
  const logs = { short: [] as string[], yoga: [] as string[] }
  const listeners = [listen('short'), listen('yoga')] as const
  const [short, yoga] = await Promise.all(listeners)
  return {
    short: portOf(short),
    yoga: portOf(yoga),
    logs,
    async [Symbol.asyncDispose]() {
      for (const server of [short, yoga]) {
        server.closeAllConnections()
        await new Promise(resolve => server.close(resolve))
      }
    },
  }

  async function listen(way: Way): Promise<Server> {
    const mount = createGraphQLMount({
      services,
      events: createEvents(createLogger({ level: 'info', destination: { write: line => logs[way].push(line) } })),
      corsOrigins,
      readAddress: () => undefined,
      introspection,
      isYogaOnly: way === 'yoga',
      ...(bodyPace && { bodyPace }),
    })
    const server = createServer((request, response) => {
      response.setHeader('x-request-id', 'req_the-same-for-both')
      void mount(request, response, 'req_the-same-for-both')
    })
    // Yoga keeps a connection open after event streams, whatever the client asked for.
    server.keepAliveTimeout = 1
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return server
  }
}

/** One request as bytes, and the answer as bytes: nothing in between tidies either. */
export async function exchange(port: number, request: readonly (string | Buffer)[]): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A server may close before it has read a body that it refuses.
  socket.on('error', () => undefined)
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  for (const part of request) socket.write(part)
  await closed
  return Buffer.concat(chunks)
}

/** A request in one piece; its length is stated unless its head states how it is framed. */
export function requestOf(head: readonly string[], body: string | Buffer): (string | Buffer)[] {
  const isFramed = head.some(line => /^(?:content-length|transfer-encoding):/i.test(line))
  const framing = isFramed ? [] : [`content-length: ${Buffer.byteLength(body)}`]
  return [[...head, 'host: gateway', 'connection: close', ...framing, '', ''].join('\r\n'), body]
}

export function readAnswer(received: Buffer): Answer {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n'
  const bytes = received.subarray(received.indexOf(interim) === 0 ? interim.length : 0)
  const end = bytes.indexOf('\r\n\r\n')
  const head = bytes.toString('latin1', 0, end)
  const [status = '', ...lines] = head.split('\r\n')
  const headers = lines
    .map(line => line.replace(/^[^:]+/, name => name.toLowerCase()))
    .filter(line => !/^(?:date|connection|keep-alive|transfer-encoding|content-length):/.test(line))
    .sort()
  const isChunked = /^transfer-encoding: chunked/im.test(head)
  const raw = bytes.subarray(end + 4)
  return { status, headers, body: (isChunked ? withoutChunks(raw) : raw).toString() }
}

function withoutChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let rest = bytes; ; ) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.toString('latin1', 0, line), 16)
    if (!(size > 0)) return Buffer.concat(parts)
    parts.push(rest.subarray(line + 2, line + 2 + size))
    rest = rest.subarray(line + 4 + size)
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
