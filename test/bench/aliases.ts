/** Fifty calls in three ways: as aliases of one operation, as operations one after another, and ten of these at a time. */
import { Client, Pool } from 'undici'
import { operationRequest, queryRequest } from './contestants.ts'
import { median } from './median.ts'
import { send } from './send.ts'

const calls = 50
const parallel = 10
const warmUps = 10

/** Medians, in milliseconds for all fifty calls. */
export interface AliasFigures {
  readonly oneOperationMs: number
  readonly sequentialMs: number
  readonly parallelMs: number
}

export async function measureAliases(
  gatewayUrl: string,
  connectionId: string,
  repetitions: number,
): Promise<AliasFigures> {
  const ways = createWays(gatewayUrl, connectionId)
  const times = ways.run.map((): number[] => [])
  for (let repetition = -warmUps; repetition < repetitions; repetition += 1) {
    for (const [index, run] of ways.run.entries()) {
      const startedAt = performance.now()
      await run()
      if (repetition >= 0) times[index]?.push(performance.now() - startedAt)
    }
  }
  await ways.close()
  const [oneOperationMs = 0, sequentialMs = 0, parallelMs = 0] = times.map(median)
  return { oneOperationMs, sequentialMs, parallelMs }
}

function createWays(gatewayUrl: string, connectionId: string) {
  const client = new Client(gatewayUrl)
  const pool = new Pool(gatewayUrl, { connections: parallel })
  // Equal reads of one operation would be sent once.
  const paths = Array.from({ length: calls }, (_, index) => `/answer?number=${index}`)
  const aliases = paths.map(
    (path, index) => `  a${index}: passthrough(connectionId: $connectionId, path: "${path}") { status body }`,
  )
  const operation = operationRequest(gatewayUrl, `query Many($connectionId: ID!) {\n${aliases.join('\n')}\n}`, {
    connectionId,
  })
  const singles = paths.map(path => queryRequest(gatewayUrl, connectionId, path))
  async function runOneOperation(): Promise<void> {
    const text = await send(client, operation)
    const answered = text.split('"status":200').length - 1
    if (answered !== calls) throw new Error(`one operation answered ${answered} of ${calls} calls`)
  }
  async function runSequential(): Promise<void> {
    for (const request of singles) await send(client, request)
  }
  async function runParallel(): Promise<void> {
    const waiting = singles.values()
    const workers = Array.from({ length: parallel }, async () => {
      for (const request of waiting) await send(pool, request)
    })
    await Promise.all(workers)
  }
  return {
    run: [runOneOperation, runSequential, runParallel],
    close: () => Promise.all([client.close(), pool.close()]),
  }
}
