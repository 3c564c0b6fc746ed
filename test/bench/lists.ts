/** Look-ups and first pages of lists at many connections beside few: two gateways that are asked in turns. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { Client } from 'undici'
import type { Child } from './child.ts'
import { connectionsPerCustomer, endUserOf, idOf, integrations, seedConnections } from './connection-seed.ts'
import { operationRequest } from './contestants.ts'
import { median } from './median.ts'
import { type Place, startGateway } from './passgate.ts'
import { send } from './send.ts'

export interface ListFigures {
  readonly few: number
  readonly many: number
  /** Medians, for each thing that is asked. */
  readonly times: readonly ListTime[]
}

export interface ListTime {
  readonly what: string
  readonly fewMs: number
  readonly manyMs: number
  /** The median of the ratios of those that were asked one after the other: a disturbance hits both. */
  readonly ratio: number
}

const few = 10_000
const warmUps = 30

/** Something asked; `n` is the number of some connection that both have. */
interface Question {
  readonly what: string
  readonly query: string
  readonly variables?: (n: number) => object
}

const list =
  'query L($filter: ConnectionFilter, $orderBy: ConnectionOrder) { connections(filter: $filter, orderBy: $orderBy) { nodes { id endUserId status } } }'
const ofList = (what: string, filter: (n: number) => object, field = 'CREATED_AT', direction = 'DESC'): Question => ({
  what,
  query: list,
  variables: n => ({ filter: filter(n), orderBy: { field, direction } }),
})
const slugOf = (n: number) => `app-${n % integrations}`

const questions: readonly Question[] = [
  {
    what: 'a connection by its id',
    query: 'query C($id: ID!) { connection(id: $id) { status } }',
    variables: n => ({ id: idOf(n) }),
  },
  ofList('an end user’s', n => ({ endUserId: endUserOf(n) })),
  ofList('an end user’s at an integration', n => ({ endUserId: endUserOf(n), integration: slugOf(n) })),
  ofList('all, newest first', () => ({})),
  ofList('all, by end user', () => ({}), 'END_USER_ID', 'ASC'),
  ofList('an integration’s', n => ({ integration: slugOf(n) })),
  ofList('those of a status', () => ({ status: 'NEEDS_REAUTH' })),
  ofList('those of a status at an integration', n => ({ status: 'ACTIVE', integration: slugOf(n) })),
  ofList('metadata that every second one has', () => ({ metadata: { plan: 'pro' } })),
  ofList('metadata that ten have', n => ({ metadata: { customer: `c-${Math.floor(n / connectionsPerCustomer)}` } })),
  ofList('metadata that nothing has', () => ({ metadata: { plan: 'none' } })),
  ofList('a search that every one has', () => ({ search: 'user' })),
  ofList('a search that one has', n => ({ search: endUserOf(n).slice(9, 21) })),
  ofList('a search that nothing has', () => ({ search: 'zqz' })),
  ofList('two letters that every one begins with', () => ({ search: 'uS' })),
  ofList('one letter that nothing begins with', () => ({ search: 'z' })),
  { what: 'totalCount of all', query: '{ connections(first: 1) { totalCount } }' },
  { what: 'connectionCounts', query: '{ connectionCounts { count } }' },
  {
    what: 'connectionCounts by integration and status',
    query: '{ connectionCounts(groupBy: [INTEGRATION, STATUS]) { integrationSlug status count } }',
  },
  {
    what: 'a page of integrations with their counts',
    query: '{ integrations(first: 50) { nodes { slug connectionCounts { status count } } } }',
  },
]

export async function measureLists(
  place: Place,
  directory: string,
  many: number,
  repetitions: number,
  say: (line: string) => void,
): Promise<ListFigures> {
  await using parts = new AsyncDisposableStack()
  const gateways = []
  for (const rows of [few, many]) {
    say(`${rows.toLocaleString('en')} connections are made`)
    gateways.push(parts.use(await startGateway(await createSeeded(place, directory, rows))))
  }
  const clients = gateways.map(({ url }) => parts.adopt(new Client(url), client => client.close()))
  const times: ListTime[] = []
  for (const question of questions) {
    const [ofFew = [], ofMany = []] = await time(question, gateways, clients, repetitions)
    const ratio = median(ofMany.map((ms, index) => ms / (ofFew[index] ?? Number.NaN)))
    const figures = { what: question.what, fewMs: median(ofFew), manyMs: median(ofMany), ratio }
    say(`${figures.what}: ${figures.fewMs.toFixed(2)} ms, ${figures.manyMs.toFixed(2)} ms`)
    times.push(figures)
  }
  return { few, many, times }
}

/** A database of its own on the server of `place`. */
async function createSeeded(place: Place, directory: string, rows: number): Promise<Place> {
  const { databaseUrl } = place
  if (databaseUrl === undefined) throw new TypeError('lists are measured on a PostgreSQL server')
  const name = `lists_${rows}`
  const client = postgres(databaseUrl, { max: 1 })
  await client.unsafe(`create database ${name}`)
  await client.end()
  const url = databaseUrl.replace(/[^/]*$/, name)
  await seedConnections(url, rows, directory)
  const dataDir = join(directory, name)
  await mkdir(dataDir)
  return { ...place, databaseUrl: url, dataDir, env: { ...place.env, DATABASE_URL: url, PASSGATE_DATA_DIR: dataDir } }
}

/** In turns, and each first every other time. @returns milliseconds, for each gateway */
async function time(
  { what, query, variables = () => ({}) }: Question,
  gateways: readonly Child[],
  clients: readonly Client[],
  repetitions: number,
): Promise<number[][]> {
  const taken = gateways.map((): number[] => [])
  for (let repetition = -warmUps; repetition < repetitions; repetition += 1) {
    // Some other connection each time, spread over all that the smaller one has.
    const n = 1 + (((repetition + warmUps) * 7919) % (few - 1))
    const turns = [...gateways.entries()]
    for (const [index, { url }] of repetition % 2 === 0 ? turns : turns.reverse()) {
      const client = clients[index]
      if (client === undefined) continue
      const startedAt = performance.now()
      const text = await send(client, operationRequest(url, query, variables(n)))
      if (repetition >= 0) taken[index]?.push(performance.now() - startedAt)
      if (/"nodes":\[\]|"connection":null/.test(text) !== what.includes('nothing')) {
        throw new Error(`${what} was answered ${text.slice(0, 500)}`)
      }
    }
  }
  return taken
}
