/** One gigabyte down and one up through a process that has just started, and how far its memory grows. */
import { Readable } from 'node:stream'
import { Client } from 'undici'
import type { LoadRequest } from './load.ts'
import { send } from './send.ts'
import { readResidentBytes } from './usage.ts'

export type Direction = 'down' | 'up'

export interface StreamFigures {
  readonly contestant: 'bare' | 'raw'
  readonly direction: Direction
  /** The highest while it streamed, over that before. */
  readonly growthBytes: number
  /** What a second gigabyte through the same process adds: nothing, unless something is kept. */
  readonly furtherGrowthBytes: number
  readonly bytesPerSecond: number
}

/** Where the upstream is reached through a process that nothing has been asked of yet. */
export interface Route extends AsyncDisposable {
  readonly pid: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const totalBytes = 1024 ** 3
const chunk = Buffer.alloc(64 * 1024, 'passgate')
const sampleEveryMs = 10
/** So many small calls before it: what the first ones load and compile is not the stream's. */
const warmUps = 500

export async function measureStream(
  contestant: StreamFigures['contestant'],
  direction: Direction,
  start: () => Promise<Route>,
): Promise<StreamFigures> {
  await using route = await start()
  const { url, headers, pid } = route
  const client = new Client(new URL(url).origin, { bodyTimeout: 0, headersTimeout: 0 })
  const warmUp: LoadRequest = { url: `${url}/answer`, method: 'GET', headers }
  for (let count = 0; count < warmUps; count += 1) await send(client, warmUp)
  const before = readResidentBytes(pid)
  let highest = before
  const sampler = setInterval(() => {
    highest = Math.max(highest, readResidentBytes(pid))
  }, sampleEveryMs)
  try {
    const startedAt = performance.now()
    await pass(client, direction, route)
    const seconds = (performance.now() - startedAt) / 1000
    const highestOfFirst = highest
    await pass(client, direction, route)
    return {
      contestant,
      direction,
      growthBytes: highestOfFirst - before,
      furtherGrowthBytes: highest - highestOfFirst,
      bytesPerSecond: totalBytes / seconds,
    }
  } finally {
    clearInterval(sampler)
    await client.close()
  }
}

async function pass(client: Client, direction: Direction, route: Route): Promise<void> {
  const bytes = direction === 'down' ? await download(client, route) : await upload(client, route)
  if (bytes !== totalBytes) throw new Error(`${bytes} bytes of ${totalBytes} arrived on the way ${direction}`)
}

async function download(client: Client, { url, headers }: Route): Promise<number> {
  const { body } = await client.request({ path: pathOf(`${url}/large?bytes=${totalBytes}`), method: 'GET', headers })
  let bytes = 0
  for await (const part of body) bytes += part.length
  return bytes
}

async function upload(client: Client, { url, headers }: Route): Promise<number> {
  const body = Readable.from(chunksOf(totalBytes), { objectMode: false })
  const answer = await client.request({
    path: pathOf(`${url}/sink`),
    method: 'POST',
    headers: { ...headers, 'content-length': String(totalBytes), 'content-type': 'application/octet-stream' },
    body,
  })
  return ((await answer.body.json()) as { bytes: number }).bytes
}

function* chunksOf(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= chunk.length) yield left < chunk.length ? chunk.subarray(0, left) : chunk
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
