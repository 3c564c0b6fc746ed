/** A started sandbox and a client that has its key; disposing stops it. */
import { type Sandbox, sandboxApiKey, startSandbox } from '../../src/sandbox/sandbox.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  readonly text: string
  /** Parsed JSON, or null. */
  // biome-ignore lint/suspicious/noExplicitAny: tests assert its shape
  readonly body: any
}

export interface Client extends Sandbox {
  send(path: string, init?: RequestInit): Promise<Answer>
  json(path: string, method: string, body: unknown, headers?: Record<string, string>): Promise<Answer>
}

export async function createClient(): Promise<Client> {
  const sandbox = await startSandbox()
  const send = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const headers = new Headers(init.headers)
    if (!headers.has('x-api-key')) headers.set('x-api-key', sandboxApiKey)
    const response = await fetch(sandbox.url + path, { redirect: 'manual', ...init, headers })
    const bytes = Buffer.from(await response.arrayBuffer())
    const text = bytes.toString()
    return { status: response.status, headers: response.headers, bytes, text, body: parse(text) }
  }
  return {
    ...sandbox,
    send,
    json: (path, method, body, headers) =>
      send(path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
