/** Adds the credential to a request, and only on the way to a pinned host of its own connection. */
import type { Dispatcher } from 'undici'
import type { Injection } from '../../auth/strategy.ts'
import { matchesHost } from '../../hosts.ts'
import { formType } from '../body.ts'
import { callOf } from '../call.ts'
import { parseMediaType } from '../media-type.ts'
import { refuse } from './refuse.ts'

type Fields = Readonly<Record<string, string>>

export function createCredentials(): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function addCredentials(options, handler) {
      const { plan, inject } = callOf(options)
      const origin = new URL(String(options.origin))
      if (!plan.connection.hosts.some(pattern => matchesHost(pattern, origin))) return dispatch(options, handler)
      let proved: Dispatcher.DispatchOptions
      try {
        proved = prove(options, inject())
      } catch (error) {
        return refuse(handler, error)
      }
      return dispatch(proved, handler)
    }
}

/** The request with the credential in the places that the integration names. */
export function prove(options: Dispatcher.DispatchOptions, injection: Injection): Dispatcher.DispatchOptions {
  const added = Object.entries(injection.headers)
  const headers = [...withoutHeaders(options.headers as string[], injection.headers), ...added.flat()]
  const path = addQuery(options.path, injection.query)
  if (Object.keys(injection.body).length === 0) return { ...options, headers, path }
  return { ...options, path, ...addToBody(headers, options.body as Buffer | null, injection.body) }
}

/** A static header of the same name gives way: two would be read as one, or the wrong one would count. */
function withoutHeaders(headers: readonly string[], names: Fields): string[] {
  return headers.filter((_, index) => !Object.hasOwn(names, headers[index - (index % 2)] ?? ''))
}

function addQuery(path: string, fields: Fields): string {
  const pairs = Object.entries(fields).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  )
  if (pairs.length === 0) return path
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
