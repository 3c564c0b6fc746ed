/** A request as it would go on the wire, with asterisks for the credential, and the curl line that sends it. */
import type { Injection } from '../auth/strategy.ts'
import { prove } from './interceptors/credentials.ts'
import type { RequestPlan } from './request.ts'
import type { ResponseHeader } from './response.ts'

/** What stands for a secret. */
const asterisks = '***'

export interface RequestPreview {
  readonly method: string
  readonly url: string
  readonly headers: readonly ResponseHeader[]
  /** Null when there is none. */
  readonly body: Buffer | null
}

/** @throws {TypeError} for a streamed body, which cannot be looked at */
export function previewRequest({ connection, method, url, headers, body }: RequestPlan): RequestPreview {
  if (body !== null && !Buffer.isBuffer(body)) throw new TypeError('a streamed body has no preview')
  const { injected } = connection
  const placeholders: Injection = {
    headers: hide(injected.headers),
    query: hide(injected.query),
    body: hide(injected.body),
  }
  const proved = prove({ origin: url.origin, path: url.path, method, headers: headers.flat(), body }, placeholders)
  return {
    method,
    url: `${url.origin}${proved.path}`,
    headers: pairs(proved.headers as readonly string[]),
    body: (proved.body as Buffer | null | undefined) ?? null,
  }
}

const longestBody = 64 * 1024

/** For a POSIX shell. A body that is no text, or a long one, is read from the file `request-body`. */
export function formatCurl({ method, url, headers, body }: RequestPreview): string {
  const parts = ['curl', ...(method === 'HEAD' ? ['--head'] : ['-X', method]), quote(url)]
  for (const { name, value } of headers) parts.push('-H', quote(`${name}: ${value}`))
  if (body !== null && body.length > 0)
    parts.push('--data-binary', isPlainText(body) ? quote(body.toString()) : '@request-body')
  return parts.join(' ')
}

function isPlainText(body: Buffer): boolean {
  if (body.length > longestBody) return false
  const text = body.toString()
  // A leading @ would name a file.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal must not be shown.
  return !text.startsWith('@') && !/[\x00-\x08\x0b-\x1f\x7f\ufffd]/.test(text)
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function hide(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map(name => [name, asterisks]))
}

function pairs(flat: readonly string[]): ResponseHeader[] {
  const headers: ResponseHeader[] = []
  for (let at = 0; at + 1 < flat.length; at += 2) headers.push({ name: flat[at] ?? '', value: flat[at + 1] ?? '' })
  return headers
}
