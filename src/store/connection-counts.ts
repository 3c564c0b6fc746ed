/** How many connections there are: from the counts that triggers keep, or counted by an index where a filter leaves a handful. */
import { and, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { type ConnectionFilter, conditionsOf } from './connection-filter.ts'
import type { ConnectionStatus } from './connection-row.ts'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { checkText } from './stored-text.ts'
import { connectionCounts, connections } from './tables.ts'

export interface ConnectionCount {
  /** Null when it is not counted by integration. */
  readonly integration: string | null
  /** Null when it is not counted by status. */
  readonly status: ConnectionStatus | null
  readonly count: number
}

export interface CountFilter extends Pick<ConnectionFilter, 'integration' | 'endUserId' | 'status' | 'within'> {
  /** At any of these. */
  readonly integrations?: readonly string[] | null | undefined
}

export interface CountGroups {
  readonly integration: boolean
  readonly status: boolean
}

export interface ConnectionCountStore {
  /**
   * How many a list has. Null when nothing but reading them would tell: with a search or metadata, unless it is one end
   * user's; and for one end user's beyond {@link maxCounted}.
   */
  total(workspaceId: string, filter: ConnectionFilter): Promise<number | null>
  /**
   * The largest groups first, at most {@link maxGroups}, none of them empty; without groups one count of all. Of one end
   * user's connections at most {@link maxCounted} are counted.
   */
  group(workspaceId: string, filter: CountFilter, groups: CountGroups): Promise<ConnectionCount[]>
}

/** Connections that are counted one by one, at most. */
export const maxCounted = 10_000
export const maxGroups = 1000

export function createConnectionCountStore(db: Db): ConnectionCountStore {
  return guarded({
    async total(workspaceId: string, filter: ConnectionFilter) {
      const { few, other } = conditionsOf(filter)
      if (few.length === 0) return other.length === 0 ? await countKept(db, workspaceId, filter) : null
      const found = selectFew(db, workspaceId, filter, maxCounted + 1)
      const [row] = await db.select({ count: sql`count(*)`.mapWith(Number) }).from(found)
      return row === undefined || row.count > maxCounted ? null : row.count
    },
    async group(workspaceId: string, filter: CountFilter, groups: CountGroups) {
      const isKept = conditionsOf(filter).few.length === 0
      const source = isKept ? selectKept(db, workspaceId, filter) : selectFew(db, workspaceId, filter, maxCounted)
      const by = [
        ...(groups.integration ? [sql`counted.integration`] : []),
        ...(groups.status ? [sql`counted.status`] : []),
      ]
      const sum = sql`sum(counted.count)`
      const rows = await db
        .select({
          integration: groups.integration ? sql<string | null>`counted.integration` : sql<null>`null`,
          status: groups.status ? sql<ConnectionStatus | null>`counted.status` : sql<null>`null`,
          count: sum.mapWith(Number),
        })
        .from(source)
        .groupBy(...by)
        .having(sql`${sum} > 0`)
        .orderBy(sql`${sum} desc`, ...by)
        .limit(maxGroups)
      return rows.length === 0 && by.length === 0 ? [{ integration: null, status: null, count: 0 }] : rows
    },
  })
}

/** The sum of what is kept, for a filter of integration and status alone. */
export async function countKept(db: Db, workspaceId: string, filter: CountFilter): Promise<number> {
  const kept = selectKept(db, workspaceId, filter)
  const [row] = await db.select({ count: sql`coalesce(sum(counted.count), 0)`.mapWith(Number) }).from(kept)
  return row?.count ?? 0
}

function selectKept(db: Db, workspaceId: string, { integration, integrations, status }: CountFilter) {
  checkText('filter.integration', integration ?? '')
  return db
    .select({
      integration: connectionCounts.integration,
      status: connectionCounts.status,
      count: connectionCounts.count,
    })
    .from(connectionCounts)
    .where(
      and(
        eq(connectionCounts.workspaceId, workspaceId),
        integration == null ? undefined : eq(connectionCounts.integration, integration),
        integrations == null ? undefined : inArray(connectionCounts.integration, [...integrations]),
        status == null ? undefined : eq(connectionCounts.status, status),
      ),
    )
    .as('counted')
}

/** The connections themselves, one by one. */
function selectFew(db: Db, workspaceId: string, filter: ConnectionFilter & CountFilter, limit: number) {
  const { few, indexed, other } = conditionsOf(filter)
  const { status, integrations } = filter
  return db
    .select({ integration: connections.integration, status: connections.status, count: one.as('count') })
    .from(connections)
    .where(
      and(
        eq(connections.workspaceId, workspaceId),
        ...few,
        ...indexed,
        ...other,
        status == null ? undefined : eq(connections.status, status),
        integrations == null ? undefined : inArray(connections.integration, [...integrations]),
      ),
    )
    .limit(limit)
    .as('counted')
}

const one: SQL<number> = sql`1`
