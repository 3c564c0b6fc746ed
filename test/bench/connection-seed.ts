/** As many connections as are wanted, made by the database itself: a million in less than a minute. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import postgres from 'postgres'
import { openDatabase } from '../../src/store/database.ts'
import { toTypeId, toUuid } from '../../src/store/ids.ts'
import { createWorkspaceStore } from '../../src/store/workspaces.ts'

/** Each of these has as many, and a fiftieth of them needs its end user again. */
export const integrations = 50

/** Of one customer of the workspace, by its metadata. */
export const connectionsPerCustomer = 10

const firstMs = 1_700_000_000_000

/** How the envelopes of the key `k1` begin, in hexadecimal: a start counts them by that. */
const sealedUnderK1 = '02026b31'

/** Of the connection of number `n`, in the order of their making. */
export function idOf(n: number): string {
  const time = (firstMs + n * 1000).toString(16).padStart(12, '0')
  const hex = `${time}7${md5(`${n}`).slice(0, 3)}8${md5(`x${n}`).slice(0, 15)}`
  return toTypeId('conn', hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'))
}

export function endUserOf(n: number): string {
  return `user-${md5(`${n}`)}`
}

/** Into the workspace that a gateway on this database serves first; it is made when it is not there. */
export async function seedConnections(url: string, rows: number, directory: string): Promise<void> {
  const workspaceId = await prepare(url, join(directory, `seed-${rows}`))
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    // Indexes are made of sorted rows faster than row by row.
    const indexes = await client<{ name: string; definition: string }[]>`
      select indexname as name, indexdef as definition from pg_indexes
      where tablename = 'connections' and indexdef not like '%UNIQUE%'`
    for (const { name } of indexes) await client.unsafe(`drop index ${name}`)
    await insert(client, workspaceId, rows)
    for (const { definition } of indexes) await client.unsafe(definition)
    await client.unsafe('vacuum analyze connections, connection_counts')
  } finally {
    await client.end()
  }
}

async function prepare(url: string, dataDir: string): Promise<string> {
  await using database = await openDatabase({ url, dataDir })
  return (await createWorkspaceStore(database.db).ensureDefault()).id
}

async function insert(client: postgres.Sql, workspaceId: string, rows: number): Promise<void> {
  await client`
    insert into connections
      (workspace_id, id, integration, end_user_id, end_user_search, scheme, status, metadata, sealed_credential, sealed_under, created_at)
    select ${toUuid('ws', workspaceId)}::uuid,
      (lpad(to_hex(${firstMs}::bigint + n * 1000), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5('x' || n), 1, 15))::uuid,
      'app-' || n % ${integrations}::int, name, upper(name), 'apiKey',
      case when n % 101 = 0 then 'DISABLED' when n % 53 = 0 then 'NEEDS_REAUTH' else 'ACTIVE' end,
      jsonb_build_object('plan', case n % 2 when 0 then 'pro' else 'free' end, 'customer', 'c-' || n / ${connectionsPerCustomer}::int),
      decode(${sealedUnderK1} || repeat(md5(n::text), 8), 'hex'), 'k1', to_timestamp(${firstMs / 1000}::float8 + n)
    from generate_series(1, ${rows}::int) n, lateral (select 'user-' || md5(n::text) as name) as named`
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
