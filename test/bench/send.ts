/** The bench's own client: one request over kept-alive connections, its answer read to the end. */
import type { Dispatcher } from 'undici'
import type { LoadRequest } from './load.ts'

/** @returns the answer's text. @throws when it is no success, or an answer of GraphQL with errors */
export async function send(dispatcher: Dispatcher, request: LoadRequest): Promise<string> {
  const { url, method, headers, body } = request
  const { origin, pathname, search } = new URL(url)
  const answer = await dispatcher.request({ origin, path: pathname + search, method, headers, body: body ?? null })
  const text = await answer.body.text()
  if (answer.statusCode === 200 && !text.startsWith('{"errors"') && !text.includes('"extensions":{"code"')) return text
  throw new Error(`${method} ${pathname} was answered ${answer.statusCode}: ${text.slice(0, 500)}`)
}
