/** The caller's own access key is for the gateway alone: a request that would carry it further in its URL or headers is refused. */
import { invalidInput } from '../errors.ts'
import type { RequestPlan } from './request.ts'

/** How often a percent-encoding is undone: a vendor that decodes twice is known, one that decodes more often is not. */
const maxDecodings = 3

/** Whether the key stands in a URL, as it is or in percent-encoding. */
export function holdsToken(url: string, token: string): boolean {
  let text = url
  for (let turn = 0; turn <= maxDecodings; turn += 1) {
    if (text.includes(token)) return true
    if (!text.includes('%')) return false
    text = text.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  }
  return false
}

/** @throws {GatewayError} INVALID_INPUT naming the part of the request */
export function refuseOwnToken({ url, headers }: Pick<RequestPlan, 'url' | 'headers'>, token: string): void {
  if (holdsToken(url.path, token)) throw carried(url.path.indexOf('?') === -1 ? 'path' : 'query', 'URL')
  for (const [name, value] of headers) if (value.includes(token)) throw carried(`headers.${name}`, `header ${name}`)
}

function carried(field: string, where: string) {
  return invalidInput(
    field,
    `The access key of this request is in the ${where} that would be sent on; nothing was sent.`,
  )
}
