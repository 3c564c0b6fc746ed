/** The passthrough module alone, around one local upstream: connections to it, calls through it, and how they fail. */
import { type AddressInfo, createServer, type LookupFunction, type Socket } from 'node:net'
import type { Injection } from '../../src/auth/strategy.ts'
import { GatewayError } from '../../src/errors.ts'
import { HostAllowlist } from '../../src/hosts.ts'
import { createLimits, type LimitSubject } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'
import type { ResolvedConnection } from '../../src/passthrough/connection.ts'
import type { OriginLimits } from '../../src/passthrough/origins.ts'
import { CallFailure, type CollectOptions, createPassthrough, type Sent } from '../../src/passthrough/passthrough.ts'
import type { PassthroughInput, RequestPlan } from '../../src/passthrough/request.ts'

const subject: LimitSubject = {
  workspaceId: 'ws_test',
  integration: 'acme',
  connectionId: 'conn_test',
  endUserId: 'user_test',
  callerId: 'key_test',
  limits: {},
}

export const noInjection: Injection = { headers: {}, query: {}, body: {} }

export interface Core extends AsyncDisposable {
  /** A connection to the upstream, unless told otherwise. */
  connection(changes?: Partial<ResolvedConnection>): ResolvedConnection
  plan(input: Partial<PassthroughInput>, changes?: Partial<ResolvedConnection>): Promise<RequestPlan>
  send(
    input: Partial<PassthroughInput>,
    options?: Partial<CollectOptions>,
    changes?: Partial<ResolvedConnection>,
  ): Promise<Sent>
}

export interface CoreParts {
  /** `http://127.0.0.1:port`; its host is pinned and, when plain http, exempt from the egress rule unless `allow` says otherwise. */
  readonly url: string
  readonly allow?: string
  readonly lookup?: LookupFunction
  readonly connectTimeoutMs?: number
  readonly originLimits?: Partial<OriginLimits>
}

export function createCore({ url, allow, ...parts }: CoreParts): Core {
  const baseUrl = new URL(url)
  const passthrough = createPassthrough({
    allow: HostAllowlist.parse(allow ?? (baseUrl.protocol === 'http:' ? baseUrl.host : '')),
    limits: createLimits({ store: createMemoryStore() }),
    ...parts,
  })
  const connection = (changes: Partial<ResolvedConnection> = {}): ResolvedConnection => ({
    id: 'conn_test',
    workspaceId: 'ws_test',
    endUserId: 'user_test',
    credentialVersion: 1,
    integration: 'acme',
    baseUrl,
    hosts: [baseUrl.host],
    headers: {},
    arrayFormat: 'repeat',
    injected: { headers: [], query: [], body: [] },
    ...changes,
  })
  const plan: Core['plan'] = (input, changes) =>
    passthrough.plan(connection(changes), {
      mode: 'WRITE',
      method: 'GET',
      path: '/',
      ...input,
      options: { retries: 0, ...input.options },
    })
  return {
    connection,
    plan,
    send: async (input, options, changes) =>
      passthrough.send(await plan(input, changes), { inject: () => noInjection, subject, ...options }),
    [Symbol.asyncDispose]: () => passthrough[Symbol.asyncDispose](),
  }
}

export interface RawUpstream extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Connections that were accepted. */
  readonly accepted: readonly Socket[]
  /** What all connections sent so far. */
  received(): string
}

/** A listener below HTTP: it answers whatever comes. */
export async function createRawUpstream(
  answer: (socket: Socket) => void = () => {},
  host = '127.0.0.1',
): Promise<RawUpstream> {
  const accepted: Socket[] = []
  let text = ''
  const server = createServer(socket => {
    accepted.push(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      answer(socket)
    })
  })
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    accepted,
    received: () => text,
    async [Symbol.asyncDispose]() {
      for (const socket of accepted) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** What a refused plan or a failed call says: its code and its sentence. */
export async function refusalOf(call: Promise<unknown>): Promise<{ code: string; message: string; fields: string[] }> {
  const error: unknown = await call.then(
    () => new Error('nothing was refused'),
    (thrown: unknown) => thrown,
  )
  const gatewayError = error instanceof CallFailure ? error.error : error
  if (!(gatewayError instanceof GatewayError)) throw error
  const { code, message, details = [] } = gatewayError
  return { code, message, fields: details.map(({ field }) => field) }
}

/** The failure of a call with its outcome. */
export async function failureOf(call: Promise<unknown>): Promise<CallFailure> {
  const error: unknown = await call.then(
    () => new Error('the call did not fail'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof CallFailure) return error
  throw error
}

/** A resolver that knows these names and notes who was asked for; each look-up takes the next answer, the last one stays. */
export function createLookup(answers: Readonly<Record<string, readonly (readonly string[])[]>>): {
  lookup: LookupFunction
  asked: string[]
} {
  const asked: string[] = []
  const lookup: LookupFunction = (hostname, options, callback) => {
    asked.push(hostname)
    const rounds = answers[hostname] ?? []
    const turn = Math.min(asked.filter(name => name === hostname).length, rounds.length) - 1
    const found = (rounds[turn] ?? []).map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    const [first] = found
    process.nextTick(() => {
      if (first === undefined) {
        const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' })
        callback(error, '')
      } else if (options.all === true) callback(null, found)
      else callback(null, first.address, first.family)
    })
  }
  return { lookup, asked }
}
