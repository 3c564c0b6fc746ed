/** Passgate as it is started anywhere, with one connection to the upstream. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres } from '../support/postgres-server.ts'
import { type Child, startChild } from './child.ts'
import type { Options } from './options.ts'

const root = join(import.meta.dirname, '../..')

export const adminKey = `admin_${randomBytes(24).toString('hex')}`

/** As `npm start` has them. */
const nodeOptions = readScript().match(/--\S+/g) ?? []

function readScript(): string {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  return scripts.start
}

/** The store, and all that every start on it has to be told. */
export interface Place extends AsyncDisposable {
  readonly databaseUrl: string | undefined
  readonly dataDir: string
  readonly env: Readonly<Record<string, string>>
}

export async function createPlace(
  { store, profile }: Pick<Options, 'store' | 'profile'>,
  upstream: URL,
  directory: string,
): Promise<Place> {
  const dataDir = join(directory, 'data')
  await mkdir(dataDir, { recursive: true })
  const env: Record<string, string> = {
    PORT: '0',
    LOG_LEVEL: 'warn',
    PASSGATE_SANDBOX: 'off',
    PASSGATE_DATA_DIR: dataDir,
    PASSGATE_ADMIN_KEY: adminKey,
    PASSGATE_EGRESS_ALLOW: upstream.host,
    ...(profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` }),
  }
  if (store === 'embedded') return { databaseUrl: undefined, dataDir, env, [Symbol.asyncDispose]: async () => {} }
  const server = await startPostgres()
  env.DATABASE_URL = server.url
  env.PASSGATE_ENCRYPTION_KEYS = `k1:${randomBytes(32).toString('base64')}`
  return { databaseUrl: server.url, dataDir, env, [Symbol.asyncDispose]: () => server.stop() }
}

export function startGateway({ env }: Place): Promise<Child> {
  return startChild({
    name: 'the gateway',
    role: 'contestant',
    command: [process.execPath, ...nodeOptions, join(root, 'src/main.ts')],
    env,
    listening: /Passgate {2,}(http\S+)\/graphql/,
  })
}

/** @returns the connection's id, which is good for every later start on the same place */
export async function connectUpstream(gateway: Child, upstream: URL): Promise<string> {
  const definition = {
    slug: 'bench',
    name: 'Bench',
    baseUrl: upstream.origin,
    hosts: [upstream.host],
    auth: [{ scheme: 'bearer' }],
  }
  await ask(
    gateway,
    'mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }',
    {
      definition,
    },
  )
  const data = await ask(
    gateway,
    'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }',
    { integration: 'bench', endUserId: 'bench', credential: { bearer: { token: 'upstream-token' } } },
  )
  const [, id] = /"id":"(conn_\w+)"/.exec(data) ?? []
  if (id === undefined) throw new Error(`no connection was made: ${data}`)
  return id
}

async function ask(gateway: Child, query: string, input: object): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ query, variables: { input } }),
  })
  const text = await response.text()
  if (text.includes('"errors"')) throw new Error(`the gateway refused the set-up: ${text}`)
  return text
}
