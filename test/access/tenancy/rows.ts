/** What a workspace has in the store, and what its lists are paged with. */
import { sql } from 'drizzle-orm'
import { newId, toTypeId, toUuid } from '../../../src/store/ids.ts'
import type { TestGateway } from '../../support/gateway.ts'
import { idKinds, shared } from './possessions.ts'
import { listRootFields } from './schema-walk.ts'

type IdKind = (typeof idKinds)[number]

const tableOf: Readonly<Record<Exclude<IdKind, 'ws'>, string>> = {
  conn: 'connections',
  key: 'access_keys',
  ses: 'sessions',
  whe: 'webhook_endpoints',
  whd: 'webhook_deliveries',
  evt: 'connection_events',
  call: 'calls',
  aud: 'audit_events',
  op: 'registered_operations',
  cs: 'connect_sessions',
  int: 'integrations',
}

export async function listIds({ database: { db } }: TestGateway, id: string): Promise<Record<IdKind, string[]>> {
  const lists = idKinds.map(async kind => {
    if (kind === 'ws') return [kind, [id]]
    const table = sql.identifier(tableOf[kind])
    // An integration's id is made from its slug alone: that of a slug which others have too says nothing.
    const mayBeShared = kind === 'int' ? sql`and slug <> ${shared.sharedSlug[0]}` : sql``
    const own = sql`workspace_id = ${toUuid('ws', id)}::uuid ${mayBeShared}`
    const rows = await db.execute(sql`select id from ${table} where ${own}`)
    return [kind, [...(rows as Iterable<{ id: string }>)].map(row => toTypeId(kind, row.id))]
  })
  return Object.fromEntries(await Promise.all(lists))
}

/** Until nothing of it is written any more by itself. */
export async function settle(gateway: TestGateway): Promise<void> {
  await gateway.app.flush()
  for (;;) {
    const pending = await gateway.database.db.execute(sql`select 1 from webhook_deliveries where status = 'PENDING'`)
    if ([...(pending as Iterable<unknown>)].length === 0) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Of every list, for ordering by an id: what a page of a stranger's list could be asked for with. */
export async function listCursors(gateway: TestGateway, key: string): Promise<Record<string, string[]>> {
  const lists: Record<string, string[]> = {}
  for (const { root, name, field } of listRootFields()) {
    if (root !== 'Query' || !field.args.some(arg => arg.name === 'after')) continue
    const { data } = await gateway.run(`{ ${name}(first: 50) { edges { cursor } } }`, {}, key)
    const found: { cursor: string }[] = data?.[name]?.edges ?? []
    const cursors = found.map(({ cursor }) => cursor).filter(endsInId)
    lists[`cursor_${name}`] = cursors.length > 0 ? cursors : [encode([name, newId('ws')])]
  }
  return lists
}

/** Others say a place between rows that every workspace has, as the built-in integrations. */
function endsInId(cursor: string): boolean {
  return /_[0-9a-z]{26}"\]$/.test(Buffer.from(cursor, 'base64url').toString())
}

function encode(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** Every row of a workspace, as text; but for what merely says when it was last used. */
export async function dumpWorkspace({ database: { db } }: TestGateway, id: string): Promise<string> {
  const found = await db.execute(sql`
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name = 'workspace_id' order by 1`)
  const tables = [...(found as Iterable<{ table_name: string }>)].map(row => row.table_name)
  const parts = ['workspaces', ...tables].map(async table => {
    const column = sql.identifier(table === 'workspaces' ? 'id' : 'workspace_id')
    const uuid = sql`${toUuid('ws', id)}::uuid`
    const rows = await db.execute(sql`
      select (to_jsonb(t) - 'last_used_at')::text as row from ${sql.identifier(table)} t
      where ${column} = ${uuid} order by 1`)
    return [table, ...[...(rows as Iterable<{ row: string }>)].map(({ row }) => row)].join('\n')
  })
  return (await Promise.all(parts)).join('\n\n')
}
