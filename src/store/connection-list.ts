/** The list of connections: how a page of it is found without reading a whole workspace. */
import { and, eq, type SQL, Subquery, sql } from 'drizzle-orm'
import { countKept } from './connection-counts.ts'
import { type ConnectionFilter, conditionsOf } from './connection-filter.ts'
import { type ConnectionRow, connectionColumns } from './connection-row.ts'
import type { Db } from './database.ts'
import { isId } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs, type PageClauses } from './page.ts'
import { connections } from './tables.ts'

export interface ConnectionOrder {
  readonly field: 'CREATED_AT' | 'END_USER_ID'
  readonly direction: 'ASC' | 'DESC'
}

/** Connections that are read in the order of a list before an index on what is wanted is asked. */
const walkLength = 2000

/** @throws GatewayError `INVALID_INPUT` naming a field of the filter, or one of `page` */
export function listConnections(
  db: Db,
  workspaceId: string,
  filter: ConnectionFilter,
  order: ConnectionOrder,
  page: PageArgs,
): Promise<Page<ConnectionRow>> {
  const { few, indexed, other } = conditionsOf(filter)
  const { status, integration } = filter
  // The index that has a status has its connections in the order of their making, and those of nothing else.
  const isStatusIndexed = indexed.length === 0 && order.field === 'CREATED_AT'
  const ofStatus = status == null ? [] : [eq(connections.status, status)]
  const walked = and(eq(connections.workspaceId, workspaceId), ...few, ...indexed, ...(isStatusIndexed ? ofStatus : []))
  const wanted = [...(isStatusIndexed ? [] : ofStatus), ...other]
  return fetchPage(page, keysetOf(order), async clauses => {
    if (few.length > 0 || wanted.length === 0) return await read(db, and(walked, ...wanted), clauses)
    // Nothing broken at an integration is what a dashboard asks for most, and the counts know it.
    const isNone = status != null && (await countKept(db, workspaceId, { integration, status })) === 0
    return isNone ? [] : await seek(db, walked, and(...wanted), clauses)
  })
}

/** What has an index in the order of the list, and what is a handful of connections however they are read. */
async function read(db: Db, condition: SQL | undefined, { where, orderBy, limit }: PageClauses) {
  return await db
    .select(connectionColumns)
    .from(connections)
    .where(and(condition, where))
    .orderBy(...orderBy)
    .limit(limit)
}

/**
 * Looks twice: what many connections have is found among the first that come, what few have in its own index. No
 * estimate of the server is asked which of them it is: it knows the table, and not one workspace of it.
 */
async function seek(db: Db, walked: SQL | undefined, wanted: SQL | undefined, clauses: PageClauses) {
  const { where, orderBy, limit } = clauses
  const walk = db
    .select({ ...connectionColumns, isWanted: sql`(${wanted})`.as('is_wanted') })
    .from(connections)
    .where(and(walked, where))
    .orderBy(...orderBy)
    .limit(walkLength)
  const early = await db
    .select(connectionColumns)
    .from(walk.as('connections'))
    .where(sql`is_wanted`)
    .orderBy(...orderBy)
    .limit(limit)
  if (early.length === limit) return early
  const all = db
    .select(connectionColumns)
    .from(connections)
    .where(and(walked, wanted, where))
  return await db
    .select(connectionColumns)
    // The offset keeps the limit out: nothing inside knows that only the first are wanted.
    .from(new Subquery(sql`${all} offset 0`, connectionColumns, 'connections'))
    .orderBy(...orderBy)
    .limit(limit)
}

/** Ids are made in the order of time, so they sort as `createdAt` does, and every index ends in them. */
function keysetOf({ field, direction }: ConnectionOrder): KeysetOrder<ConnectionRow> {
  const byId = {
    column: connections.id,
    write: (row: ConnectionRow) => row.id,
    read: (text: string) => (isId('conn', text) ? text : undefined),
  }
  const byEndUser = {
    column: connections.endUserId,
    write: (row: ConnectionRow) => row.endUserId,
    read: (text: string) => text,
  }
  const keys = field === 'CREATED_AT' ? [byId] : [byEndUser, byId]
  return { name: `connections ${field} ${direction}`, isDescending: direction === 'DESC', keys }
}
