/** A subscription as browsers hold one: an EventSource on the GraphQL address, with the key in a header. */
import { loadSdk } from './vendor-sdk.ts'

interface Source {
  addEventListener(type: string, listener: (event: { readonly data: string }) => void): void
  close(): void
}

type Fetch = (url: string, init: { readonly headers: object }) => Promise<Response>

const { EventSource } = loadSdk<{ EventSource: new (url: string, options: { fetch: Fetch }) => Source }>('eventsource')

export interface Subscription {
  readonly query: string
  readonly variables: object
}

export interface Listener {
  next(result: object): void
  complete(): void
}

/** Distinct connections mode of the GraphQL over SSE protocol. @returns what ends it */
export function openEventStream(
  place: { readonly url: string; readonly headers: object },
  { query, variables }: Subscription,
  listener: Listener,
): () => void {
  const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables) })
  const source = new EventSource(`${place.url}?${parameters}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...place.headers } }),
  })
  source.addEventListener('next', ({ data }) => listener.next(JSON.parse(data)))
  source.addEventListener('complete', () => {
    source.close()
    listener.complete()
  })
  return () => source.close()
}
