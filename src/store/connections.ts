/** Connections: found by id or by whom they belong to, listed by keyset. */
import { and, eq, ne, sql } from 'drizzle-orm'
import { appendEvent, type ConnectionEventType } from './connection-events.ts'
import { type ConnectionFilter, conditionsOf, type Visibility } from './connection-filter.ts'
import { type ConnectionOrder, listConnections } from './connection-list.ts'
import { type ConnectionRow, connectionColumns as columns } from './connection-row.ts'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId, toUuid } from './ids.ts'
import { holdDefinition } from './integrations.ts'
import type { Page, PageArgs } from './page.ts'
import { isAnyOf, parameter } from './parameters.ts'
import { checkJson, checkKey, checkText, foldCase } from './stored-text.ts'
import { connectionDeletions, connections, type StoredDeletionStep, tokenRefreshes } from './tables.ts'

export type { ConnectionFilter, Visibility } from './connection-filter.ts'
export type { ConnectionOrder } from './connection-list.ts'
export type { ConnectionRow, ConnectionStatus } from './connection-row.ts'

/** What is sealed, and what may be known of it without opening it. */
export type SealedPart = Pick<ConnectionRow, 'sealedCredential' | 'sealedUnder' | 'tokenExpiresAt' | 'tokenRenewAt'>

export type NewConnectionRow = SealedPart &
  Pick<
    ConnectionRow,
    'workspaceId' | 'id' | 'integration' | 'endUserId' | 'scheme' | 'config' | 'metadata' | 'account' | 'verifiedAt'
  > & {
    /** When to renew its token although nobody asks; null for never. */
    readonly dueAt: Date | null
  }

export type ConnectionPatch = Partial<
  Pick<
    ConnectionRow,
    'config' | 'metadata' | 'status' | 'statusReason' | 'statusChangedAt' | 'quota' | 'rules' | 'account' | 'verifiedAt'
  >
>

/** A credential in place of the one that was there. */
export interface CredentialChange extends SealedPart {
  /** The credential it was made of: when that is no longer there, nothing is saved. */
  readonly expectedVersion: number
  /** When to renew it although nobody asks; null for never. */
  readonly dueAt: Date | null
  readonly patch?: ConnectionPatch & Partial<Pick<ConnectionRow, 'scheme'>>
  readonly event: ConnectionEventType
}

/** That a connection was used, and when. */
export interface ConnectionUse {
  readonly workspaceId: string
  readonly id: string
  readonly at: Date
}

/** What a row has to be for a change. */
export interface ConnectionState {
  /** Of its credential. */
  readonly version: number
  readonly unlessDisabled?: boolean
  readonly onlyDisabled?: boolean
}

export interface ConnectionStore {
  insert(row: NewConnectionRow): Promise<ConnectionRow>
  /** At one of the workspace's own integrations; undefined when that was deleted meanwhile. */
  insertAtOwn(row: NewConnectionRow): Promise<ConnectionRow | undefined>
  get(workspaceId: string, id: string): Promise<ConnectionRow | undefined>
  /** Those that exist, in any order. */
  getMany(workspaceId: string, ids: readonly string[]): Promise<ConnectionRow[]>
  findByEndUser(workspaceId: string, integration: string, endUserId: string, limit: number): Promise<ConnectionRow[]>
  list(
    workspaceId: string,
    filter: ConnectionFilter,
    order: ConnectionOrder,
    page: PageArgs,
  ): Promise<Page<ConnectionRow>>
  /**
   * @param event what it is to those who listen; `connection.updated` unless given
   * @param only when the row is so; otherwise nothing is changed
   */
  update(
    workspaceId: string,
    id: string,
    patch: ConnectionPatch,
    event?: ConnectionEventType,
    only?: ConnectionState,
  ): Promise<ConnectionRow | undefined>
  /** Compare and swap on the credential's version; undefined when another one is there by now, or none. */
  saveCredential(workspaceId: string, id: string, change: CredentialChange): Promise<ConnectionRow | undefined>
  /**
   * From now on there is no such connection; its sealed credential waits among the deletions, held for `leaseMs`, until
   * the vendor was told. Undefined when there was none.
   */
  remove(workspaceId: string, id: string, leaseMs: number): Promise<ConnectionRow | undefined>
  touch(uses: readonly ConnectionUse[]): Promise<void>
  /**
   * Which of the slugs the workspace has connections at.
   * @param within whose connections count; anybody's unless given
   */
  findConnected(workspaceId: string, slugs: readonly string[], within?: Visibility): Promise<Set<string>>
}

export function createConnectionStore(db: Db): ConnectionStore {
  const isOwn = eq(connections.workspaceId, parameter('workspaceId', connections.workspaceId))
  const selectOne = db
    .select(columns)
    .from(connections)
    .where(and(isOwn, eq(connections.id, parameter('id', connections.id))))
    .prepare('connection')
  const selectMany = db
    .select(columns)
    .from(connections)
    .where(and(isOwn, isAnyOf(connections.id, 'ids')))
    .prepare('connections')
  const isTheirs = and(
    isOwn,
    eq(connections.integration, parameter('integration', connections.integration)),
    eq(connections.endUserId, parameter('endUserId', connections.endUserId)),
  )
  const selectTheirs = db
    .select(columns)
    .from(connections)
    .where(isTheirs)
    .orderBy(connections.id)
    .limit(sql.placeholder('limit'))
    .prepare('connections_of_end_user')
  return guarded({
    async insert(row: NewConnectionRow) {
      checkRow(row)
      return await db.transaction(tx => insertRow(tx, row))
    },
    async insertAtOwn(row: NewConnectionRow) {
      checkRow(row)
      return await db.transaction(async tx =>
        (await holdDefinition(tx, row.workspaceId, row.integration)) ? await insertRow(tx, row) : undefined,
      )
    },
    async get(workspaceId: string, id: string) {
      if (!isId('conn', id)) return undefined
      const [row] = await selectOne.execute({ workspaceId, id })
      return row
    },
    async getMany(workspaceId: string, ids: readonly string[]) {
      const known = ids.filter(id => isId('conn', id))
      if (known.length === 0) return []
      return await selectMany.execute({ workspaceId, ids: known })
    },
    async findByEndUser(workspaceId: string, integration: string, endUserId: string, limit: number) {
      checkText('integration', integration)
      checkText('endUserId', endUserId)
      return await selectTheirs.execute({ workspaceId, integration, endUserId, limit })
    },
    async list(workspaceId: string, filter: ConnectionFilter, order: ConnectionOrder, page: PageArgs) {
      return await listConnections(db, workspaceId, filter, order, page)
    },
    async update(
      workspaceId: string,
      id: string,
      patch: ConnectionPatch,
      event: ConnectionEventType = 'connection.updated',
      only?: ConnectionState,
    ) {
      if (!isId('conn', id)) return undefined
      checkJson('config', patch.config)
      checkJson('metadata', patch.metadata)
      const isEnabled = only?.unlessDisabled === true ? ne(connections.status, 'DISABLED') : undefined
      const isDisabled = only?.onlyDisabled === true ? eq(connections.status, 'DISABLED') : undefined
      const isMeant = and(isOne(workspaceId, id), atVersion(only?.version), isEnabled, isDisabled)
      return await db.transaction(async tx => {
        const set = { ...patch, updatedAt: new Date() }
        const [row] = await tx.update(connections).set(set).where(isMeant).returning(columns)
        if (row !== undefined) await appendEvent(tx, eventOf(event, row))
        return row
      })
    },
    async saveCredential(workspaceId: string, id: string, change: CredentialChange) {
      if (!isId('conn', id)) return undefined
      const { expectedVersion, dueAt, patch, event, ...sealed } = change
      return await db.transaction(async tx => {
        const now = new Date()
        const set = { ...patch, ...sealed, credentialVersion: expectedVersion + 1, updatedAt: now }
        const isMeant = and(isOne(workspaceId, id), atVersion(expectedVersion))
        const [row] = await tx.update(connections).set(set).where(isMeant).returning(columns)
        if (row === undefined) return undefined
        const life = {
          owner: null,
          leasedUntil: null,
          refreshedAt: now,
          dueAt,
          failures: 0,
          lastFailure: null,
          blockedUntil: null,
          blockedSettings: null,
        }
        await tx
          .insert(tokenRefreshes)
          .values({ ...placeOf(row), ...life })
          .onConflictDoUpdate({ target: [tokenRefreshes.workspaceId, tokenRefreshes.connectionId], set: life })
        await appendEvent(tx, eventOf(event, row))
        return row
      })
    },
    async remove(workspaceId: string, id: string, leaseMs: number) {
      if (!isId('conn', id)) return undefined
      return await db.transaction(async tx => {
        const [row] = await tx.delete(connections).where(isOne(workspaceId, id)).returning(columns)
        if (row === undefined) return undefined
        const { integration, endUserId, scheme, config, sealedCredential } = row
        const steps: StoredDeletionStep[] = [{ step: 'STOP', outcome: 'DONE', message: null }]
        const leasedUntil = sql`now() + ${leaseMs} * interval '1 millisecond'`
        const facts = { integration, endUserId, scheme, config, sealedCredential }
        await tx.insert(connectionDeletions).values({ workspaceId, id, ...facts, steps, leasedUntil })
        await appendEvent(tx, eventOf('connection.deleted', row))
        return row
      })
    },
    async touch(uses: readonly ConnectionUse[]) {
      if (uses.length === 0) return
      const used = sql.join(latest(uses).map(usedRow), sql`, `)
      // Locked in one order, or two replicas that mark the same connections could wait for each other.
      await db.execute(sql`
        with used (workspace_id, id, at) as (values ${used}), held as (
          select held.workspace_id, held.id, used.at from ${connections} as held
          join used on held.workspace_id = used.workspace_id and held.id = used.id
          order by held.workspace_id, held.id for no key update of held
        )
        update ${connections} set last_used_at = greatest(${connections.lastUsedAt}, held.at) from held
        where ${connections.workspaceId} = held.workspace_id and ${connections.id} = held.id`)
    },
    async findConnected(workspaceId: string, slugs: readonly string[], within?: Visibility) {
      if (slugs.length === 0) return new Set<string>()
      const asked = sql.join(
        slugs.map(slug => sql`(${slug}::text)`),
        sql`, `,
      )
      const { few, other } = conditionsOf({ within })
      const isAsked = sql`${connections.integration} = asked.slug collate "C"`
      const conditions = [eq(connections.workspaceId, workspaceId), isAsked, ...few, ...other]
      const found = await db
        .select({ slug: sql<string>`asked.slug` })
        .from(sql`(values ${asked}) as asked (slug)`)
        .where(sql`exists (select 1 from ${connections} where ${and(...conditions)})`)
      return new Set(found.map(row => row.slug))
    },
  })
}

function checkRow({ endUserId, config, metadata }: NewConnectionRow): void {
  checkKey('endUserId', endUserId)
  checkJson('config', config)
  checkJson('metadata', metadata)
}

async function insertRow(tx: Db, { dueAt, ...row }: NewConnectionRow): Promise<ConnectionRow> {
  const values = { ...row, endUserSearch: foldCase(row.endUserId) }
  const [inserted] = await tx.insert(connections).values(values).returning(columns)
  if (inserted === undefined) throw new TypeError('an insert returned no row')
  if (dueAt !== null) await tx.insert(tokenRefreshes).values({ ...placeOf(inserted), dueAt })
  await appendEvent(tx, eventOf('connection.created', inserted))
  return inserted
}

function isOne(workspaceId: string, id: string) {
  return and(eq(connections.workspaceId, workspaceId), eq(connections.id, id))
}

function atVersion(version: number | undefined) {
  return version === undefined ? undefined : eq(connections.credentialVersion, version)
}

function placeOf({ workspaceId, id }: ConnectionRow) {
  return { workspaceId, connectionId: id }
}

/** What is told of a connection: never its secret. */
function eventOf(type: ConnectionEventType, row: ConnectionRow) {
  const { workspaceId, id, integration, endUserId, status, statusReason, account } = row
  const data = { id, integration, endUserId, status, reason: statusReason, account }
  return { workspaceId, type, connectionId: id, data }
}

/** One use of each connection, the last: a statement may update a row once. */
function latest(uses: readonly ConnectionUse[]): ConnectionUse[] {
  const byKey = new Map<string, ConnectionUse>()
  for (const use of uses) {
    const key = `${use.workspaceId} ${use.id}`
    const known = byKey.get(key)
    if (known === undefined || known.at < use.at) byKey.set(key, use)
  }
  return [...byKey.values()]
}

function usedRow({ workspaceId, id, at }: ConnectionUse) {
  return sql`(${toUuid('ws', workspaceId)}::uuid, ${toUuid('conn', id)}::uuid, ${at.toISOString()}::timestamptz)`
}
