/** One request to the raw route as it is written, and all that comes back. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { adminKey } from '../support/gateway.ts'

export interface RawSending extends RequestOptions {
  readonly origin: URL
  readonly body?: string
  /** The admin key unless given; null for none. */
  readonly key?: string | null
}

export interface RawResponse {
  readonly status: number
  readonly statusText: string
  readonly rawHeaders: string[]
  readonly headers: IncomingMessage['headers']
  readonly trailers: IncomingMessage['trailers']
  readonly text: string
}

/** Sent as written: no client in between repairs the path. */
export function sendRaw(
  path: string,
  { origin, body, key = adminKey, headers, ...rest }: RawSending,
): Promise<RawResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<RawResponse>()
  const authorization = key === null ? {} : { authorization: `Bearer ${key}` }
  const request = httpRequest(
    { host: origin.hostname, port: origin.port, path, headers: { ...authorization, ...headers }, ...rest },
    async response => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        resolve({
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          rawHeaders: response.rawHeaders,
          headers: response.headers,
          trailers: response.trailers,
          text: Buffer.concat(chunks).toString(),
        })
      } catch (error) {
        reject(error)
      }
    },
  )
  request.on('error', reject)
  request.end(body)
  return promise
}
