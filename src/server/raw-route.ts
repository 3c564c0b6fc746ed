/** The raw route: `ANY /passthrough/{connectionId}/{path…}` and the root listener, streamed both ways. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../access/caller.ts'
import type { Callers } from '../access/callers.ts'
import type { FailedAttempts } from '../access/failed-attempts.ts'
import { requireAnyRequest } from '../access/registered-operations.ts'
import { readAccessTokens } from '../access/token.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { RequestPlan } from '../passthrough/request.ts'
import type { ReadAddress } from './client-address.ts'
import { lingerAfterAnswer } from './linger.ts'
import { passageOf } from './passage.ts'
import { sendProblem } from './problem.ts'
import { RawAnswer } from './raw-answer.ts'
import { createRawCors, isOfPage } from './raw-cors.ts'
import type { LinkPlace } from './rewrite-links.ts'

export interface RawRouteOptions {
  readonly callers: Callers
  readonly failedAttempts: FailedAttempts
  readonly gateway: Gateway
  readonly events: Events
  readonly readAddress: ReadAddress
  readonly corsOrigins: readonly string[]
  /** The address that callers use, when the operator said so; else the one that each request names. */
  readonly publicUrl: URL | undefined
}

export interface RawRoute {
  /** For requests whose path starts with {@link rawPrefix}. */
  handle(request: IncomingMessage, response: ServerResponse, requestId: string): void
  /** For the root listener: the vendor's paths at `/`, the connection from the key. */
  handleRoot(request: IncomingMessage, response: ServerResponse, requestId: string): void
  /** For requests whose path starts with {@link downloadPrefix}. */
  handleDownload(request: IncomingMessage, response: ServerResponse, requestId: string): void
}

export const rawPrefix = '/passthrough/'
/** Where download links lead; what follows is the link's token. */
export const downloadPrefix = '/downloads/'

/** Which connection is meant and what of the URL is the vendor's. */
interface Address {
  /** Undefined for the connection that the key is bound to. */
  readonly connectionId: string | undefined
  readonly target: string
  /** The path on the gateway before the vendor's. */
  readonly prefix: string
}

export function createRawRoute(options: RawRouteOptions): RawRoute {
  const { callers, failedAttempts, gateway, events, readAddress } = options
  const cors = createRawCors(options.corsOrigins)
  async function guard(exchange: Exchange, run: () => Promise<void>): Promise<void> {
    const { request, response, requestId } = exchange
    lingerAfterAnswer(request, response)
    try {
      await run()
    } catch (error) {
      if (!(error instanceof GatewayError)) events.requestFailed(requestId, error)
      // Whoever has left is told nothing.
      if (!response.destroyed) passageOf(request)?.refuse(error)
      try {
        refuse(exchange, error, cors.headersFor(request))
      } catch (failure) {
        // Nobody catches what is thrown from here: it would end the process.
        events.requestFailed(requestId, failure)
        response.destroy()
      }
    }
  }
  async function relay({ request, response, requestId }: Exchange, read: (url: string) => Address): Promise<void> {
    if (cors.answerPreflight(request, response)) return
    cors.refuseForged(request)
    const { caller, token } = await authenticate(callers, request, run =>
      failedAttempts.guard(readAddress(request), run),
    )
    passageOf(request)?.prove(caller.id, 'raw')
    await callers.admit(caller)
    requireAnyRequest(caller)
    const { connectionId, target, prefix } = read(request.url ?? '')
    const isWholePath = connectionId === undefined
    const { method = '' } = request
    const isPage = isOfPage(request)
    const rawHeaders = isPage ? withoutCookies(request.rawHeaders) : request.rawHeaders
    const input = { method, target, isWholePath, rawHeaders, body: bodyOf(request), token }
    const rewrites = request.headers['x-passgate-rewrite'] !== 'off'
    const makeSink = (plan: RequestPlan) => {
      const links = rewrites ? () => placeOf(request, options.publicUrl, { target, prefix }, plan) : undefined
      return new RawAnswer(response, {
        requestId,
        links,
        cors: cors.headersFor(request),
        reader: isPage ? 'page' : 'client',
      })
    }
    await gateway.relay(caller, connectionId, input, makeSink, requestId)
  }
  async function download({ request, response, requestId }: Exchange): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw invalidInput('method', `A download link takes GET; got ${request.method}.`)
    }
    const token = (request.url ?? '').slice(downloadPrefix.length).replace(/\?.*$/s, '')
    const makeSink = () => {
      passageOf(request)?.prove(null, 'download')
      return new RawAnswer(response, { requestId, links: undefined, cors: [], reader: 'download' })
    }
    await failedAttempts.guard(readAddress(request), () =>
      gateway.download(token, rangeOf(request), makeSink, requestId),
    )
  }
  return {
    handle(request, response, requestId) {
      const exchange = { request, response, requestId }
      void guard(exchange, () => relay(exchange, readTarget))
    },
    handleRoot(request, response, requestId) {
      const exchange = { request, response, requestId }
      void guard(exchange, () => relay(exchange, readRootTarget))
    },
    handleDownload(request, response, requestId) {
      const exchange = { request, response, requestId }
      void guard(exchange, () => download(exchange))
    },
  }
}

/** The first that is a key; when none is, what the first is refused with. */
async function authenticate(
  callers: Callers,
  { headers }: IncomingMessage,
  guard: <Result>(run: () => Promise<Result>) => Promise<Result>,
): Promise<{ caller: Caller; token: string }> {
  const [first, second] = readAccessTokens(headers)
  // Nobody guesses without a token.
  if (first === undefined) throw noToken()
  return await guard(async () => {
    try {
      return { caller: await callers.authenticate(first), token: first }
    } catch (error) {
      if (second === undefined || !(error instanceof GatewayError)) throw error
      return { caller: await callers.authenticate(second), token: second }
    }
  })
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
}

/** Part of a file, when who follows a link asks for no more (RFC 9110 §14). */
function rangeOf({ headers }: IncomingMessage): [string, string][] {
  return (['range', 'if-range'] as const).flatMap(name => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value] as [string, string]] : []
  })
}

function readTarget(url: string): Address {
  const rest = url.slice(rawPrefix.length)
  const end = rest.search(/[/?]/)
  const connectionId = end === -1 ? rest : rest.slice(0, end)
  if (connectionId === '') throw invalidInput('connectionId', `Write ${rawPrefix}{connectionId}/{path}.`)
  return { connectionId, target: end === -1 ? '' : rest.slice(end), prefix: rawPrefix + connectionId }
}

/** A client may write the whole URL as a proxy's client does (RFC 9112 §3.2.2); only its path counts. */
function readRootTarget(url: string): Address {
  return { connectionId: undefined, target: url.replace(/^https?:\/\/[^/?]*/i, ''), prefix: '' }
}

/** What a browser adds for the gateway's own origin is no vendor's; no script can set this name. */
function withoutCookies(rawHeaders: readonly string[]): readonly string[] {
  return rawHeaders.filter((_, at) => rawHeaders[at - (at % 2)]?.toLowerCase() !== 'cookie')
}

function bodyOf(request: IncomingMessage): AsyncIterable<Buffer> | null {
  const { 'transfer-encoding': coding, 'content-length': length } = request.headers
  if (coding === undefined && (length === undefined || Number(length) === 0)) return null
  // An answer may come before the body was read to its end; it must still reach the client.
  return request.iterator({ destroyOnReturn: false })
}

function placeOf(
  { headers }: IncomingMessage,
  publicUrl: URL | undefined,
  { target, prefix }: Omit<Address, 'connectionId'>,
  { connection, url }: RequestPlan,
): LinkPlace {
  const isWholePath = prefix === ''
  const scheme = publicUrl?.protocol ?? 'http:'
  const named = `${scheme}//${headers.host ?? 'localhost'}`
  const own =
    !isWholePath && publicUrl !== undefined ? publicUrl : new URL(URL.canParse(named) ? named : 'http://localhost')
  const gateway = new URL(own.pathname.replace(/\/$/, '') + prefix, own.origin)
  const { baseUrl, hosts } = connection
  return { baseUrl, hosts, origin: url.origin, path: url.path, gateway, target, isWholePath }
}

/** Once the head is out, only a broken connection can say that the answer is not whole. */
function refuse({ response, requestId }: Exchange, error: unknown, cors: readonly string[]): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  sendProblem(response, error, requestId, { cors })
}

function noToken(): GatewayError {
  return new GatewayError(
    'UNAUTHENTICATED',
    'Send an access key, for example in the header `authorization: Bearer pgk_…`.',
  )
}
