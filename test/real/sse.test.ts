/** Endless event streams of nchan over the raw route: live, by account, resumed by id, and gone when the client goes. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { startNchan } from '../support/nchan.ts'
import { createRecorder, expectAccount, findLeaks, type Recorder } from '../support/recorder.ts'
import { createCallKey, loadSdk, rawUrl } from '../support/vendor-sdk.ts'

interface ServerEvent {
  readonly id: string
  readonly data: string
}

interface EventSourceOptions {
  readonly fetch: (url: string | URL, init: RequestInit) => Promise<Response>
}

interface EventClient extends EventTarget {
  close(): void
}

const { EventSource } = loadSdk<{ EventSource: new (url: string, options: EventSourceOptions) => EventClient }>(
  'eventsource',
)

const stack = new AsyncDisposableStack()
let nchan: Recorder
let gateway: TestGateway
let key: string
const connections: Record<string, string> = {}

beforeAll(async () => {
  const server = stack.use(await startNchan({ 'token-ada': 'ada', 'token-grace': 'grace' }))
  nchan = stack.use(await createRecorder(server.url))
  gateway = stack.use(await createGateway({ allow: [nchan.host] }))
  const auth = [{ scheme: 'bearer' }]
  await gateway.createIntegration({ slug: 'events', name: 'Events', baseUrl: nchan.url, auth })
  for (const name of ['ada', 'grace']) {
    const credential = { bearer: { token: `token-${name}` } }
    connections[name] = await gateway.createConnection({ integration: 'events', endUserId: name, credential })
  }
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const urlOf = (name: string, path: string) => `${rawUrl(gateway, connections[name] ?? '')}${path}`
const withKey = (headers: Record<string, string> = {}) => ({ authorization: `Bearer ${key}`, ...headers })

/** Through the gateway as well. @returns what nchan says of the channel then */
async function publish(name: string, body: string): Promise<{ messages: number; subscribers: number }> {
  const headers = withKey({ accept: 'application/json', 'content-type': 'text/plain' })
  const response = await fetch(urlOf(name, '/messages'), { method: 'POST', headers, body })
  expect(response.ok).toBe(true)
  return (await response.json()) as { messages: number; subscribers: number }
}

async function countSubscribers(name: string): Promise<number> {
  const response = await fetch(urlOf(name, '/messages'), { headers: withKey({ accept: 'application/json' }) })
  return response.ok ? ((await response.json()) as { subscribers: number }).subscribers : 0
}

/** The events of a response as they come; the stream is cancelled when nobody asks for more. */
async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  if (response.body === null) throw new Error('there is no body')
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? ''
      if (block.includes('data:')) yield { id: field('id'), data: field('data') }
    }
  }
}

async function subscribe(name: string, lastEventId?: string): Promise<AsyncGenerator<ServerEvent>> {
  const headers = withKey({ accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) })
  const response = await fetch(urlOf(name, '/events'), { headers })
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/event-stream/),
  ])
  return readEvents(response)
}

const next = async (events: AsyncGenerator<ServerEvent>) => (await events.next()).value as ServerEvent

test('each event arrives while the stream is open, and only on the account that it is for', async () => {
  const [ada, grace] = [await subscribe('ada'), await subscribe('grace')]
  for (const at of [1, 2, 3]) {
    await publish('grace', `for grace ${at}`)
    // The next one is sent only after this one was read: nothing waits for an end.
    expect(await publish('ada', `für ada ${at}`)).toMatchObject({ subscribers: 1 })
    expect((await next(ada)).data).toBe(`für ada ${at}`)
    expect((await next(grace)).data).toBe(`for grace ${at}`)
  }
  await Promise.all([ada.return(undefined), grace.return(undefined)])
  const subscribers = nchan.seen.filter(({ url }) => url === '/events')
  expect(subscribers.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-ada', 'Bearer token-grace'])
  expect(findLeaks(nchan.seen, [key, adminKey])).toEqual([])
})

test('a subscription with the last id continues behind it', async () => {
  const first = await subscribe('ada')
  const seen: ServerEvent[] = []
  await publish('ada', 'before')
  while (seen.at(-1)?.data !== 'before') seen.push(await next(first))
  await first.return(undefined)
  const last = seen.at(-1)?.id ?? ''
  expect(last).not.toBe('')
  for (const at of [1, 2, 3]) await publish('ada', `missed ${at}`)
  const before = nchan.seen.length
  const again = await subscribe('ada', last)
  const missed = [await next(again), await next(again), await next(again)]
  expect(missed.map(({ data }) => data)).toEqual(['missed 1', 'missed 2', 'missed 3'])
  expect(new Set([last, ...missed.map(({ id }) => id)]).size).toBe(4)
  await publish('ada', 'live')
  expect((await next(again)).data).toBe('live')
  await again.return(undefined)
  expect(nchan.seen[before]?.headers['last-event-id']).toBe(last)
  expectAccount(nchan.seen.slice(before), { authorization: 'Bearer token-ada' }, [key, adminKey])
})

test('a client that leaves is no subscriber any more', async () => {
  const events = await subscribe('grace')
  await publish('grace', 'still here')
  while ((await next(events)).data !== 'still here');
  expect(await countSubscribers('grace')).toBe(1)
  await events.return(undefined)
  await expect.poll(() => countSubscribers('grace'), { timeout: 20_000 }).toBe(0)
})

test('an EventSource whose stream breaks at the vendor comes back by itself and misses nothing', async () => {
  const requests: (string | null)[] = []
  const source = new EventSource(urlOf('grace', '/events'), {
    fetch: (url, init) => {
      const headers = new Headers(init.headers)
      requests.push(headers.get('last-event-id'))
      headers.set('authorization', `Bearer ${key}`)
      return fetch(url, { ...init, headers })
    },
  })
  const received: MessageEvent<string>[] = []
  source.addEventListener('message', event => received.push(event as MessageEvent<string>))
  await publish('grace', 'one')
  await expect.poll(() => received.at(-1)?.data, { timeout: 20_000 }).toBe('one')
  nchan.breakConnections()
  await expect.poll(() => countSubscribers('grace'), { timeout: 20_000 }).toBe(0)
  const { lastEventId } = received.at(-1) ?? {}
  await publish('grace', 'two')
  await publish('grace', 'three')
  await expect.poll(() => received.at(-1)?.data, { timeout: 20_000 }).toBe('three')
  source.close()
  expect(received.slice(-3).map(({ data }) => data)).toEqual(['one', 'two', 'three'])
  expect(new Set(received.map(event => event.lastEventId)).size).toBe(received.length)
  expect(requests).toEqual([null, lastEventId])
  expect(findLeaks(nchan.seen, [key, adminKey])).toEqual([])
})

test('an account that the vendor refuses is told so by the vendor', async () => {
  const credential = { bearer: { token: 'token-nobody' } }
  connections.nobody = await gateway.createConnection({ integration: 'events', endUserId: 'nobody', credential })
  const response = await fetch(urlOf('nobody', '/events'), { headers: withKey() })
  await response.body?.cancel()
  expect([response.status, response.headers.get('x-passgate-error')]).toEqual([401, null])
})
