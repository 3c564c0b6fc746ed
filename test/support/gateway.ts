/** A whole Passgate in this process on a database of its own, reached over HTTP like by any client. */
import { randomBytes } from 'node:crypto'
import { type App, createApp } from '../../src/app.ts'
import { readConfig, Secrets, type SecretValues } from '../../src/config.ts'
import { createLogger } from '../../src/log.ts'
import type { Database } from '../../src/store/database.ts'
import { newId } from '../../src/store/ids.ts'
import { workspaces } from '../../src/store/tables.ts'
import { createTestDatabase } from './database.ts'

export const adminKey = `admin_${'k'.repeat(40)}`

export interface GraphQLAnswer {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes and assert on what they read.
  readonly data: any
  readonly errors: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[] | undefined
}

export interface TestGateway extends AsyncDisposable {
  readonly app: App
  readonly database: Database
  readonly url: string
  /** Everything that was logged. */
  readonly log: () => string
  /** One operation with the admin key, another key, or none (null). */
  run(query: string, variables?: object, key?: string | null): Promise<GraphQLAnswer>
  /** As {@link run}, but an error fails the test. */
  ask(query: string, variables?: object, key?: string | null): Promise<GraphQLAnswer['data']>
  createIntegration(definition: object): Promise<void>
  createConnection(input: object): Promise<string>
  /** Another workspace on the same gateway. @returns its admin key */
  createWorkspace(): Promise<string>
}

export interface TestGatewayOptions {
  /** Hosts that may be dialled although they are not public. */
  readonly allow?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Beside the admin key and an encryption key. */
  readonly secrets?: SecretValues
}

export async function createGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  await using parts = new AsyncDisposableStack()
  const database = parts.use(await createTestDatabase('postgres'))
  const allow = (options.allow ?? []).join(',')
  const { config } = readConfig({ PORT: '0', PASSGATE_SANDBOX: 'off', PASSGATE_EGRESS_ALLOW: allow, ...options.env })
  const lines: string[] = []
  const log = createLogger({ level: 'trace', destination: { write: line => lines.push(line) } })
  const secrets = new Secrets({ adminKey, encryptionKeys: [{ id: 'k1', key: randomBytes(32) }], ...options.secrets })
  const app = parts.use(await createApp({ config, secrets, log, database }))
  const url = (await app.listen()).href
  const run = createRunner(url)
  async function ask(query: string, variables?: object, key?: string | null) {
    const answer = await run(query, variables, key)
    if (answer.errors !== undefined) throw new Error(`errors in the answer: ${answer.text}`)
    return answer.data
  }
  const owned = parts.move()
  return {
    app,
    database,
    url,
    log: () => lines.join(''),
    run,
    ask,
    async createIntegration(definition) {
      await ask(
        'mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }',
        { input: { definition } },
      )
    },
    async createConnection(input) {
      const query = 'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }'
      return (await ask(query, { input })).createConnection.connection.id
    },
    async createWorkspace() {
      const id = newId('ws')
      await database.db.insert(workspaces).values({ id, name: id })
      const secret = await app.services.accessKeys.createFirstAdmin(id)
      if (secret === undefined) throw new Error('a new workspace had a key')
      return secret
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function createRunner(url: string): TestGateway['run'] {
  return async (query, variables = {}, key = adminKey) => {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (key !== null) headers.authorization = `Bearer ${key}`
    const response = await fetch(new URL('graphql', url), {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    })
    const text = await response.text()
    const json = text.startsWith('{') ? JSON.parse(text) : {}
    return { status: response.status, text, data: json.data, errors: json.errors }
  }
}
