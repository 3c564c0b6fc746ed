/** Adds the credential to a request, and only on the way to a pinned host of its own connection. */
import type { Dispatcher } from 'undici'
import type { Injection } from '../../auth/strategy.ts'
import { matchesHost } from '../../hosts.ts'
import type { CertifiedOptions } from '../agents.ts'
import { formType } from '../body.ts'
import { callOf } from '../call.ts'
import { parseMediaType } from '../media-type.ts'
import { PinnedOrigins } from '../pinned-origins.ts'
import { refuse } from './refuse.ts'

type Fields = Readonly<Record<string, string>>

export function createCredentials(): Dispatcher.DispatcherComposeInterceptor {
  const pinned = new PinnedOrigins()
  return dispatch =>
    function addCredentials(options, handler) {
      const { plan, inject } = callOf(options)
      const { hosts } = plan.connection
      const origin = String(options.origin)
      if (!pinned.has(hosts, origin)) {
        const url = new URL(origin)
        if (!hosts.some(pattern => matchesHost(pattern, url))) return dispatch(options, handler)
        pinned.add(hosts, origin)
      }
      let proved: Dispatcher.DispatchOptions
      try {
        const injection = inject()
        proved = sign(prove(options, injection), injection)
      } catch (error) {
        return refuse(handler, error)
      }
      return dispatch(proved, handler)
    }
}

/** What proves the request as it goes out: a signature over all of it, and the certificate of its connection. */
function sign(
  options: Dispatcher.DispatchOptions,
  { sign: signer, certificate }: Injection,
): Dispatcher.DispatchOptions & CertifiedOptions {
  const certified = certificate === undefined ? options : { ...options, certificate }
  if (signer === undefined) return certified
  const headers = options.headers as string[]
  const isBuffer = Buffer.isBuffer(options.body)
  const request = {
    method: options.method,
    origin: String(options.origin),
    path: options.path,
    headers,
    body: isBuffer ? (options.body as Buffer) : null,
    isStreamed: !isBuffer && options.body != null,
  }
  return { ...certified, headers: withHeaders(headers, signer(request, Date.now())) }
}

/** The request with the credential in the places that the integration names. */
export function prove(options: Dispatcher.DispatchOptions, injection: Injection): Dispatcher.DispatchOptions {
  const headers = withHeaders(options.headers as string[], injection.headers)
  const path = addQuery(options.path, injection.query)
  if (Object.keys(injection.body).length === 0) return { ...options, headers, path }
  return { ...options, path, ...addToBody(headers, options.body as Buffer | null, injection.body) }
}

/** A static header of the same name gives way: two would be read as one, or the wrong one would count. */
function withHeaders(headers: readonly string[], added: Fields): string[] {
  const proved: string[] = []
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (!Object.hasOwn(added, name.toLowerCase())) proved.push(name, headers[at + 1] ?? '')
  }
  for (const name of Object.keys(added)) proved.push(name, added[name] ?? '')
  return proved
}

function addQuery(path: string, fields: Fields): string {
  const names = Object.keys(fields)
  if (names.length === 0) return path
  const pairs = names.map(name => `${encodeURIComponent(name)}=${encodeURIComponent(fields[name] ?? '')}`)
  const separator = !path.includes('?') ? '?' : /[?&]$/.test(path) ? '' : '&'
  return path + separator + pairs.join('&')
}

/** Into a JSON object or a form, as the plan made sure; the caller's own bytes are not touched, and ours come last. */
function addToBody(headers: string[], body: Buffer | null, fields: Fields): { headers: string[]; body: Buffer } {
  const at = headers.findIndex((value, index) => index % 2 === 0 && value === 'content-type')
  if (at !== -1 && parseMediaType(headers[at + 1]).essence === formType) {
    const before = body === null || body.length === 0 ? [] : [body, Buffer.from('&')]
    return { headers, body: Buffer.concat([...before, Buffer.from(String(new URLSearchParams(fields)))]) }
  }
  const typed = at === -1 ? [...headers, 'content-type', 'application/json'] : headers
  return { headers: typed, body: addToJson(body ?? Buffer.from('{}'), fields) }
}

function addToJson(body: Buffer, fields: Fields): Buffer {
  const end = body.lastIndexOf('}')
  const isEmpty = body.toString('latin1', 0, end).trim() === '{'
  const members = JSON.stringify(fields).slice(1, -1)
  return Buffer.concat([body.subarray(0, end), Buffer.from(`${isEmpty ? '' : ','}${members}`), body.subarray(end)])
}
