/** Every column that holds a sealed secret, of all workspaces: read in slices and replaced row by row, for maintenance. */
import { and, asc, eq, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import {
  connectFlights,
  connectionDeletions,
  connections,
  idempotencyKeys,
  integrations,
  signingKeys,
  webhookEndpoints,
} from './tables.ts'

/**
 * Where a sealed secret lies. `key` is what tells it apart within its workspace: the id of a connection, a deletion or a
 * webhook endpoint, the slug of an integration, connection id and key of an idempotency key, a flight's state in hex.
 */
export interface SealedPlace {
  readonly table: SealedTable
  readonly workspaceId: string
  readonly key: readonly string[]
}

export interface SealedRow extends SealedPlace {
  /** How the sealed bytes begin: up to the id of the key that they say they are under. */
  readonly header: Buffer
}

export interface SealedCount {
  readonly table: SealedTable
  readonly header: Buffer
  readonly rows: number
}

export interface SealedRowStore {
  /** Of all tables, by the beginning of the sealed bytes. */
  count(): Promise<SealedCount[]>
  /** The next rows of a table in the order of its key, after the place given. */
  slice(table: SealedTable, after: SealedPlace | undefined, limit: number): Promise<SealedRow[]>
  /** The sealed bytes; undefined when the row, or the secret in it, is gone. */
  read(place: SealedPlace): Promise<Buffer | undefined>
  /** Compare and swap on the sealed bytes. @returns false when others are there by now, or none */
  replace(place: SealedPlace, before: Buffer, after: { envelope: Buffer; keyId: string }): Promise<boolean>
}

interface SealedColumn {
  readonly table: PgTable
  readonly sealed: PgColumn
  /** What the row calls its sealed column. */
  readonly field: string
  readonly workspaceId: PgColumn
  readonly key: readonly [PgColumn, ...PgColumn[]]
  /** What is set beside the sealed bytes. */
  readonly beside?: (keyId: string) => Record<string, unknown>
}

const columns = {
  connections: {
    table: connections,
    sealed: connections.sealedCredential,
    field: 'sealedCredential',
    workspaceId: connections.workspaceId,
    key: [connections.id],
    beside: keyId => ({ sealedUnder: keyId }),
  },
  // After the connections: a credential that moves here meanwhile is met again.
  connection_deletions: {
    table: connectionDeletions,
    sealed: connectionDeletions.sealedCredential,
    field: 'sealedCredential',
    workspaceId: connectionDeletions.workspaceId,
    key: [connectionDeletions.id],
  },
  integrations: {
    table: integrations,
    sealed: integrations.sealedClientSecret,
    field: 'sealedClientSecret',
    workspaceId: integrations.workspaceId,
    key: [integrations.slug],
  },
  webhook_endpoints: {
    table: webhookEndpoints,
    sealed: webhookEndpoints.sealedSecret,
    field: 'sealedSecret',
    workspaceId: webhookEndpoints.workspaceId,
    key: [webhookEndpoints.id],
  },
  idempotency_keys: {
    table: idempotencyKeys,
    sealed: idempotencyKeys.sealedAnswer,
    field: 'sealedAnswer',
    workspaceId: idempotencyKeys.workspaceId,
    key: [idempotencyKeys.connectionId, idempotencyKeys.key],
  },
  signing_keys: {
    table: signingKeys,
    sealed: signingKeys.sealedPrivateKey,
    field: 'sealedPrivateKey',
    workspaceId: signingKeys.workspaceId,
    key: [signingKeys.id],
  },
  connect_flights: {
    table: connectFlights,
    sealed: connectFlights.sealedMemory,
    field: 'sealedMemory',
    workspaceId: connectFlights.workspaceId,
    key: [connectFlights.stateHash],
  },
} as const satisfies Record<string, SealedColumn>

export type SealedTable = keyof typeof columns

export const sealedTables = Object.keys(columns) as readonly SealedTable[]

export function createSealedRowStore(db: Db): SealedRowStore {
  return guarded({
    async count() {
      const counts: SealedCount[] = []
      for (const name of sealedTables) {
        const { table, sealed } = columnOf(name)
        const header = headerOf(sealed)
        const found = await db
          .select({ header, rows: sql<number>`count(*)::int` })
          .from(table)
          .where(isNotNull(sealed))
          // By position: the expression's parameters would make it another one.
          .groupBy(sql`1`)
          .orderBy(sql`1`)
        counts.push(...found.map(group => ({ table: name, ...group })))
      }
      return counts
    },
    async slice(name: SealedTable, after: SealedPlace | undefined, limit: number) {
      const { table, sealed, workspaceId, key } = columnOf(name)
      const order = [workspaceId, ...key]
      const rows = await db
        .select({ header: headerOf(sealed), workspaceId, first: key[0], second: key[1] ?? sql`null` })
        .from(table)
        .where(and(isNotNull(sealed), after && isAfter(order, after)))
        .orderBy(...order.map(column => asc(column)))
        .limit(limit)
      return rows.map(({ header, workspaceId: workspace, first, second }) => ({
        table: name,
        workspaceId: String(workspace),
        key: [first, second].slice(0, key.length).map(writeKey),
        header,
      }))
    },
    async read(place: SealedPlace) {
      const { table, sealed } = columnOf(place.table)
      const [row] = await db
        .select({ sealed: asBytes(sql`${sealed}`, sealed) })
        .from(table)
        .where(isAt(place))
      return row?.sealed ?? undefined
    },
    async replace(place: SealedPlace, before: Buffer, after: { envelope: Buffer; keyId: string }) {
      const { table, sealed, field, beside } = columnOf(place.table)
      const replaced = await db
        .update(table)
        .set({ [field]: after.envelope, ...beside?.(after.keyId) })
        .where(and(isAt(place), eq(sealed, before)))
        .returning({ one: sql`1` })
      return replaced.length > 0
    },
  })
}

function columnOf(name: SealedTable): SealedColumn {
  return columns[name]
}

/** Version, length of the key id, key id. What is too short to say so is its own header. */
function headerOf(sealed: PgColumn): SQL<Buffer> {
  const start = sql`substring(${sealed} from 1 for 2)`
  const header = sql`case when octet_length(${sealed}) < 2 then ${sealed}
    else substring(${sealed} from 1 for 2 + get_byte(${start}, 1)) end`
  return asBytes(header, sealed)
}

/** Read as the column itself is. */
function asBytes(expression: SQL, sealed: PgColumn): SQL<Buffer> {
  return expression.mapWith(sealed) as SQL<Buffer>
}

function isAt({ table, workspaceId, key }: SealedPlace): SQL | undefined {
  const column = columnOf(table)
  return and(
    eq(column.workspaceId, workspaceId),
    ...column.key.map((part, index) => eq(part, readKey(part, key[index] ?? ''))),
  )
}

function isAfter(order: readonly PgColumn[], { workspaceId, key }: SealedPlace): SQL {
  const values = [workspaceId, ...key].map((text, index) => {
    const column = order[index]
    return column === undefined ? sql`` : sql`${sql.param(readKey(column, text), column)}`
  })
  const names = order.map(column => sql`${column}`)
  return sql`(${sql.join(names, sql`, `)}) > (${sql.join(values, sql`, `)})`
}

function writeKey(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value)
}

function readKey(column: PgColumn, text: string): unknown {
  return column.getSQLType() === 'bytea' ? Buffer.from(text, 'hex') : text
}
