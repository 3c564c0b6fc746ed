/** Adds the credential to a request, and only on the way to a pinned host of its own connection. */
import type { Dispatcher } from 'undici'
import type { Injection } from '../../auth/strategy.ts'
import { GatewayError } from '../../errors.ts'
import { matchesHost } from '../../hosts.ts'
import { callOf } from '../call.ts'
import { isJsonType, parseMediaType } from '../media-type.ts'

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
        handler.onResponseError?.(refusedController, error instanceof Error ? error : new TypeError('no credential'))
        return true
      }
      return dispatch(proved, handler)
    }
}

/** undici calls this for a request that has no connection yet; there is nothing to control. */
export const refusedController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort() {},
  pause() {},
  resume() {},
}

function prove(options: Dispatcher.DispatchOptions, injection: Injection): Dispatcher.DispatchOptions {
  const headers = [...(options.headers as string[]), ...Object.entries(injection.headers).flat()]
  const path = addQuery(options.path, injection.query)
  if (Object.keys(injection.body).length === 0) return { ...options, headers, path }
  return { ...options, path, ...addToBody(headers, options.body as Buffer | null, injection.body) }
}

function addQuery(path: string, fields: Fields): string {
  const pairs = Object.entries(fields).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  )
  if (pairs.length === 0) return path
  const separator = !path.includes('?') ? '?' : /[?&]$/.test(path) ? '' : '&'
  return path + separator + pairs.join('&')
}

/** Into a JSON object or a form; the caller's own text is not touched, so its digits and order survive. */
function addToBody(headers: string[], body: Buffer | null, fields: Fields): { headers: string[]; body: string } {
  const at = headers.findIndex((value, index) => index % 2 === 0 && value === 'content-type')
  const { essence } = parseMediaType(at === -1 ? undefined : headers[at + 1])
  const text = body?.toString() ?? ''
  if (essence === 'application/x-www-form-urlencoded') {
    return { headers, body: [text, String(new URLSearchParams(fields))].filter(part => part !== '').join('&') }
  }
  if (body !== null && !isJsonType(essence)) throw noPlace()
  const typed = at === -1 ? [...headers, 'content-type', 'application/json'] : headers
  return { headers: typed, body: addToJson(text, fields) }
}

function addToJson(text: string, fields: Fields): string {
  const members = JSON.stringify(fields).slice(1, -1)
  if (text.trim() === '') return `{${members}}`
  const [, before, rest] = /^(\s*\{)([\s\S]*)$/.exec(text) ?? []
  if (before === undefined || rest === undefined) throw noPlace()
  return `${before}${members}${rest.trimStart().startsWith('}') ? '' : ','}${rest}`
}

function noPlace(): GatewayError {
  const message = 'The credential of this integration goes into the body, which must be a JSON object or a form.'
  return new GatewayError('INVALID_INPUT', message, { details: [{ field: 'body', message }] })
}
