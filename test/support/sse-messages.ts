/** What a subscription says over server-sent events, message by message, as `fetch` reads it. */
import { adminKey } from './gateway.ts'

export interface Message {
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read messages of many shapes and assert on what they read.
  readonly data: any
}

export interface Stream extends AsyncDisposable {
  readonly status: number
  readonly type: string | null
  next(): Promise<Message | undefined>
}

/** What the stream says, message by message; undefined at its end. */
export async function listen(url: string, body: object, key: string | null = adminKey): Promise<Stream> {
  const leaving = new AbortController()
  const response = await fetch(new URL('graphql', url), {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      ...(key !== null && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
    signal: leaving.signal,
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  async function next(): Promise<Message | undefined> {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const lines = text.slice(0, end).split('\n')
        text = text.slice(end + 2)
        const fieldOf = (name: string) =>
          lines
            .find(line => line.startsWith(`${name}:`))
            ?.slice(name.length + 1)
            .trim()
        const event = fieldOf('event')
        const data = fieldOf('data') ?? ''
        if (event !== undefined) return { event, data: data === '' ? null : JSON.parse(data) }
        continue
      }
      const chunk = await reader?.read()
      if (chunk === undefined || chunk.done) return undefined
      text += chunk.value
    }
  }
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    next,
    async [Symbol.asyncDispose]() {
      leaving.abort()
    },
  }
}
