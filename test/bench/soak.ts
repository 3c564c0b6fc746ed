/** 64 callers for minutes, with bodies of 100 B to 1 MB both ways: memory, and one record for every call that was made. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { openDatabase } from '../../src/store/database.ts'
import { calls } from '../../src/store/tables.ts'
import { operationRequest, queryRequest } from './contestants.ts'
import type { LoadRequest } from './load.ts'
import { adminKey, connectUpstream, type Place, startGateway } from './passgate.ts'
import { send } from './send.ts'
import { readResidentBytes } from './usage.ts'

export interface SoakFigures {
  readonly minutes: number
  readonly answered: number
  readonly recorded: number
  /** At the start, then after each minute. */
  readonly residentBytes: readonly number[]
  readonly warnings: readonly string[]
}

const callers = 64
const sizes = [100, 1000, 10_000, 100_000, 1_000_000]

export async function soak(
  place: Place,
  upstream: URL,
  minutes: number,
  say: (line: string) => void,
): Promise<SoakFigures> {
  const gateway = await startGateway(place)
  const connectionId = await connectUpstream(gateway, upstream)
  const requests = createRequests(gateway.url, connectionId)
  const pool = new Pool(gateway.url, { connections: callers })
  const endAt = Date.now() + minutes * 60_000
  const residentBytes = [readResidentBytes(gateway.pid)]
  let answered = 0
  const working = Array.from({ length: callers }, async (_, caller) => {
    // Callers start at different requests, so that all kinds and sizes are under way together.
    for (let number = caller; Date.now() < endAt; number += 1) {
      await send(pool, requests[number % requests.length] ?? requests[0])
      answered += 1
    }
  })
  const all = Promise.all(working)
  for (let minute = 1; minute <= minutes; minute += 1) {
    await Promise.race([sleep(60_000), all])
    residentBytes.push(readResidentBytes(gateway.pid))
    say(`minute ${minute}: ${answered} answered, ${formatMegabytes(residentBytes.at(-1))} resident`)
  }
  await all
  await pool.close()
  // Whoever ends writes what is still to be written.
  await gateway[Symbol.asyncDispose]()
  const warnings = gateway
    .output()
    .split('\n')
    .filter(line => line.startsWith('{'))
  return { minutes, answered, recorded: await countRecords(place), residentBytes, warnings }
}

/** Reads and writes, on both roads, of every size. */
function createRequests(gatewayUrl: string, connectionId: string): [LoadRequest, ...LoadRequest[]] {
  const raw = `${gatewayUrl}/passthrough/${connectionId}`
  const headers = { authorization: `Bearer ${adminKey}` }
  const mutation = `mutation Write($connectionId: ID!, $body: JSON) {
  passthrough(connectionId: $connectionId, method: POST, path: "/sink", body: $body) { status body }
}`
  const [first, ...others] = sizes.flatMap((bytes): LoadRequest[] => {
    const body = 'x'.repeat(bytes)
    return [
      { url: `${raw}/sized?bytes=${bytes}`, method: 'GET', headers },
      queryRequest(gatewayUrl, connectionId, `/sized?bytes=${bytes}`),
      { url: `${raw}/sink`, method: 'POST', headers: { ...headers, 'content-type': 'text/plain' }, body },
      operationRequest(gatewayUrl, mutation, { connectionId, body }),
    ]
  })
  if (first === undefined) throw new TypeError('there are no sizes')
  return [first, ...others]
}

async function countRecords({ databaseUrl, dataDir }: Place): Promise<number> {
  await using database = await openDatabase({ url: databaseUrl, dataDir })
  return await database.db.$count(calls)
}

export function formatMegabytes(bytes = 0): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MB`
}
