/** The dashboard's questions to the call log, asked of ten million calls and of a hundredth of them, with their plans. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { planStats } from '../../src/calls/stats.ts'
import { createCallHourStore } from '../../src/store/call-hours.ts'
import { createCallStore } from '../../src/store/calls.ts'
import type { Db } from '../../src/store/database.ts'
import { connectionOf, seedCalls } from './call-log-seed.ts'
import { median } from './median.ts'

export const largeCalls = 10_000_000
export const smallCalls = 100_000
/** The most that a question may take longer with a hundred times as many calls. */
export const maxRatio = 2
const warmUps = 3
const repetitions = 15
const dayMs = 86_400_000

export interface CallLogFigure {
  readonly question: string
  readonly largeMs: number
  readonly smallMs: number
}

/** A database with calls, and everything that is asked of it. */
export interface CallLogPlace {
  readonly url: string
  readonly workspaceId: string
}

type Question = readonly [name: string, ask: () => Promise<unknown>]

/** @param serverUrl of a server's maintenance database, where two others are made */
export async function measureCallLog(
  serverUrl: string,
  directory: string,
  { plansFile, say }: { plansFile: string | undefined; say: (line: string) => void },
): Promise<CallLogFigure[]> {
  const places: CallLogPlace[] = []
  for (const calls of [largeCalls, smallCalls]) {
    say(`${calls.toLocaleString('en')} calls are made up`)
    const url = await createDatabase(serverUrl, `calls_${calls}`)
    places.push({ url, workspaceId: await seedCalls(url, join(directory, `calls-${calls}`), calls) })
  }
  const [large, small] = places as [CallLogPlace, CallLogPlace]
  return await compareCallLogs(large, small, plansFile)
}

/** Asked in turns, so that what else the machine does meanwhile bears on both. */
export async function compareCallLogs(
  large: CallLogPlace,
  small: CallLogPlace,
  plansFile: string | undefined,
): Promise<CallLogFigure[]> {
  await using parts = new AsyncDisposableStack()
  const [ofLarge, ofSmall] = await Promise.all([large, small].map(place => openQuestions(place, parts)))
  if (ofLarge === undefined || ofSmall === undefined) throw new TypeError('two places were given')
  const figures: CallLogFigure[] = []
  for (const [index, [question, askLarge]] of ofLarge.questions.entries()) {
    const [, askSmall] = ofSmall.questions[index] as Question
    const times: [number[], number[]] = [[], []]
    for (let turn = -warmUps; turn < repetitions; turn += 1) {
      const largeMs = await time(askLarge)
      const smallMs = await time(askSmall)
      if (turn < 0) continue
      times[0].push(largeMs)
      times[1].push(smallMs)
    }
    figures.push({ question, largeMs: median(times[0]), smallMs: median(times[1]) })
  }
  if (plansFile !== undefined) await writeFile(plansFile, await ofLarge.explain())
  return figures
}

async function openQuestions({ url, workspaceId }: CallLogPlace, parts: AsyncDisposableStack) {
  const client = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  parts.defer(() => client.end())
  const statements: { query: string; params: unknown[] }[] = []
  const logger = { logQuery: (query: string, params: unknown[]) => void statements.push({ query, params }) }
  const db = drizzle(client, { logger }) as unknown as Db
  const questions = await listQuestions(db, workspaceId)
  statements.length = 0
  /** Of each question's statements, in their order. */
  async function explain(): Promise<string> {
    const chapters: string[] = []
    for (const [question, ask] of questions) {
      statements.length = 0
      await ask()
      const texts: string[] = []
      for (const { query, params } of [...statements]) {
        const lines = await client.unsafe(`explain (analyze, buffers, costs off) ${query}`, params as never[])
        texts.push(
          lines
            .map(line => line['QUERY PLAN'])
            .filter(line => !/never executed/.test(line))
            .join('\n'),
        )
      }
      chapters.push(`## ${question}\n\n${texts.join('\n\n')}\n`)
    }
    return chapters.join('\n')
  }
  return { questions, explain }
}

async function listQuestions(db: Db, workspaceId: string): Promise<Question[]> {
  const calls = createCallStore(db)
  const hours = createCallHourStore(db)
  const until = new Date()
  const ago = (dayCount: number) => new Date(until.getTime() - dayCount * dayMs)
  const { edges } = await calls.list(workspaceId, { until: ago(20) }, { first: 1 })
  const old = edges[0]
  if (old === undefined) throw new Error('there are no calls of twenty days ago')
  const usual = connectionOf(77)
  const busiest = connectionOf(0)
  const first = { first: 20 }
  const list = (filter: Parameters<typeof calls.list>[1]) => () => calls.list(workspaceId, filter, first)
  const stats = (filter: Parameters<typeof planStats>[1], division: Parameters<typeof planStats>[2]) => () => {
    const { span, division: checked } = planStats(workspaceId, filter, division)
    return hours.buckets(span, checked)
  }
  const limit = 20
  return [
    ['calls', list({})],
    ['calls, a page of 20 days ago', () => calls.list(workspaceId, {}, { ...first, after: old.cursor })],
    ['calls of an integration', list({ integration: 'app-7' })],
    ['calls of a connection', list({ connectionId: usual })],
    ['calls of the busiest connection', list({ connectionId: busiest })],
    ['calls of an end user', list({ endUserId: 'user-77' })],
    ['calls of a key', list({ callerId: 'key_7' })],
    ['calls that failed', list({ failed: true })],
    ['calls with an error code', list({ errorCode: 'UPSTREAM_TIMEOUT' })],
    ['calls below a usual path', list({ pathPrefix: '/v1/contacts/' })],
    ['calls below a rare path', list({ pathPrefix: '/v1/exports/1000' })],
    ['calls by method, of three days ago', list({ method: 'POST', until: ago(3) })],
    ['call(id)', () => calls.get(workspaceId, old.node.id)],
    ['callStats of a day by hour', stats({ since: ago(1), until }, { per: 'HOUR', limit })],
    ['callStats of 30 days by day', stats({ since: ago(30), until }, { per: 'DAY', limit })],
    ['callStats of a day by integration', stats({ since: ago(1), until }, { groupBy: 'INTEGRATION', limit })],
    [
      'callStats of a connection, 30 days by day',
      stats({ since: ago(30), until, connectionId: usual }, { per: 'DAY', limit }),
    ],
  ]
}

async function time(ask: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await ask()
  return performance.now() - startedAt
}

async function createDatabase(url: string, name: string): Promise<string> {
  const client = postgres(url, { max: 1 })
  await client.unsafe(`create database ${name}`)
  await client.end()
  return url.replace(/postgres$/, name)
}
