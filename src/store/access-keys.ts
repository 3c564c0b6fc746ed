/** Access keys: found by the hash of their secret, listed newest first. */
import { and, eq, isNull, or, sql } from 'drizzle-orm'
import { StartError } from '../errors.ts'
import type { Db } from './database.ts'
import { driverError, guarded } from './failure.ts'
import { isId, newId } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { parameter } from './parameters.ts'
import { checkJson, checkText, toStorableTime } from './stored-text.ts'
import { accessKeys } from './tables.ts'

export type AccessKeyRow = typeof accessKeys.$inferSelect

export type NewAccessKeyRow = Pick<
  AccessKeyRow,
  'workspaceId' | 'id' | 'name' | 'hash' | 'hint' | 'scopes' | 'expiresAt' | 'connectionId' | 'quota'
> &
  Partial<Pick<AccessKeyRow, 'rules' | 'maxConcurrency' | 'registeredOnly'>>

export type PresetKey = Pick<AccessKeyRow, 'name' | 'hash' | 'hint' | 'scopes'>

export type SecretChange = Pick<AccessKeyRow, 'hash' | 'hint' | 'previousUntil'> & { readonly previousHash: Buffer }

export type KeyChange = Partial<
  Pick<AccessKeyRow, 'name' | 'scopes' | 'expiresAt' | 'quota' | 'rules' | 'maxConcurrency'>
>

export interface AccessKeyStore {
  insert(row: NewAccessKeyRow): Promise<AccessKeyRow>
  /** Of any workspace: who presents a secret has not said one yet. */
  findByHash(hash: Buffer): Promise<AccessKeyRow | undefined>
  get(workspaceId: string, id: string): Promise<AccessKeyRow | undefined>
  list(workspaceId: string, page: PageArgs): Promise<Page<AccessKeyRow>>
  /** Makes or replaces the workspace's one preset key. @throws StartError when another key has this secret */
  savePreset(workspaceId: string, key: PresetKey): Promise<void>
  /** Makes the workspace's preset key unless it has one. True when this call made it. */
  insertPreset(workspaceId: string, key: PresetKey): Promise<boolean>
  hasAny(workspaceId: string): Promise<boolean>
  /** A new secret in place of `previousHash`, which works for a while longer. Undefined when that is not its secret any more. */
  replaceSecret(workspaceId: string, id: string, change: SecretChange): Promise<AccessKeyRow | undefined>
  /**
   * Changes the key as `choose` says in view of what it is now; what that throws leaves it as it was. The last key that opens
   * the whole workspace stays as wide as it is.
   */
  update(
    workspaceId: string,
    id: string,
    choose: (before: AccessKeyRow) => KeyChange,
  ): Promise<AccessKeyRow | 'ABSENT' | 'LAST_ADMIN'>
  /** Leaves the last key that opens the whole workspace where it is. */
  delete(workspaceId: string, id: string): Promise<'DELETED' | 'ABSENT' | 'LAST_ADMIN'>
  touch(workspaceId: string, id: string, at: Date): Promise<void>
}

const newestFirst: KeysetOrder<AccessKeyRow> = {
  name: 'accessKeys',
  isDescending: true,
  keys: [{ column: accessKeys.id, write: row => row.id, read: text => (isId('key', text) ? text : undefined) }],
}

export function createAccessKeyStore(db: Db): AccessKeyStore {
  const selectByHash = db
    .select()
    .from(accessKeys)
    .where(
      or(
        eq(accessKeys.hash, parameter('hash', accessKeys.hash)),
        eq(accessKeys.previousHash, parameter('hash', accessKeys.previousHash)),
      ),
    )
    .prepare('access_key_by_hash')
  return guarded({
    async insert(row: NewAccessKeyRow) {
      checkText('name', row.name)
      const expiresAt = row.expiresAt && toStorableTime(row.expiresAt)
      const [inserted] = await db
        .insert(accessKeys)
        .values({ ...row, expiresAt })
        .returning()
      if (inserted === undefined) throw new TypeError('an insert returned no row')
      return inserted
    },
    async findByHash(hash: Buffer) {
      const [row] = await selectByHash.execute({ hash })
      return row
    },
    async get(workspaceId: string, id: string) {
      if (!isId('key', id)) return undefined
      const [row] = await db.select().from(accessKeys).where(isOne(workspaceId, id))
      return row
    },
    async list(workspaceId: string, page: PageArgs) {
      const isOwn = eq(accessKeys.workspaceId, workspaceId)
      return await fetchPage(page, newestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(accessKeys)
          .where(and(isOwn, where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async savePreset(workspaceId: string, key: PresetKey) {
      const isPreset = and(eq(accessKeys.workspaceId, workspaceId), accessKeys.preset)
      await db
        .insert(accessKeys)
        .values({ ...key, workspaceId, id: newId('key'), preset: true })
        .onConflictDoUpdate({
          target: accessKeys.workspaceId,
          targetWhere: sql`${accessKeys.preset}`,
          set: key,
          setWhere: isPreset,
        })
        .catch(refuseTaken)
    },
    async insertPreset(workspaceId: string, key: PresetKey) {
      const inserted = await db
        .insert(accessKeys)
        .values({ ...key, workspaceId, id: newId('key'), preset: true })
        .onConflictDoNothing()
        .returning({ id: accessKeys.id })
      return inserted.length > 0
    },
    async hasAny(workspaceId: string) {
      const rows = await db
        .select({ id: accessKeys.id })
        .from(accessKeys)
        .where(eq(accessKeys.workspaceId, workspaceId))
        .limit(1)
      return rows.length > 0
    },
    async replaceSecret(workspaceId: string, id: string, change: SecretChange) {
      if (!isId('key', id)) return undefined
      const isSame = eq(accessKeys.hash, change.previousHash)
      const [row] = await db
        .update(accessKeys)
        .set(change)
        .where(and(isOne(workspaceId, id), isSame))
        .returning()
      return row
    },
    async update(workspaceId: string, id: string, choose: (before: AccessKeyRow) => KeyChange) {
      if (!isId('key', id)) return 'ABSENT' as const
      return await db.transaction(async tx => {
        const admins = await lockWholeAdmins(tx, workspaceId)
        const [before] = await tx.select().from(accessKeys).where(isOne(workspaceId, id)).for('no key update')
        if (before === undefined) return 'ABSENT' as const
        const change = choose(before)
        checkText('name', change.name ?? '')
        checkJson('rules', { rules: change.rules })
        const isLast = admins.length === 1 && admins[0]?.id === id
        if (isLast && narrowsAdmin(change)) return 'LAST_ADMIN' as const
        if (Object.keys(change).length === 0) return before
        const { expiresAt } = change
        const values = expiresAt == null ? change : { ...change, expiresAt: toStorableTime(expiresAt) }
        const [row] = await tx.update(accessKeys).set(values).where(isOne(workspaceId, id)).returning()
        return row ?? ('ABSENT' as const)
      })
    },
    async delete(workspaceId: string, id: string) {
      if (!isId('key', id)) return 'ABSENT' as const
      return await db.transaction(async tx => {
        const [first, second] = await lockWholeAdmins(tx, workspaceId)
        if (first?.id === id && second === undefined) return 'LAST_ADMIN' as const
        const deleted = await tx.delete(accessKeys).where(isOne(workspaceId, id)).returning({ id: accessKeys.id })
        return deleted.length > 0 ? ('DELETED' as const) : ('ABSENT' as const)
      })
    },
    async touch(workspaceId: string, id: string, at: Date) {
      const later = sql`greatest(${accessKeys.lastUsedAt}, ${at.toISOString()}::timestamptz)`
      await db.update(accessKeys).set({ lastUsedAt: later }).where(isOne(workspaceId, id))
    },
  })
}

/** Locked, so that of two that are changed at once the second sees what became of the first. */
async function lockWholeAdmins(tx: Pick<Db, 'select'>, workspaceId: string): Promise<{ id: string }[]> {
  return await tx
    .select({ id: accessKeys.id })
    .from(accessKeys)
    .where(and(eq(accessKeys.workspaceId, workspaceId), isWholeAdmin))
    .orderBy(accessKeys.id)
    .for('no key update')
}

/** Whether a key that opens the whole workspace would not any more, or not for ever. */
function narrowsAdmin({ scopes, expiresAt, rules = [] }: KeyChange): boolean {
  return scopes?.includes('admin') === false || expiresAt != null || rules.length > 0
}

/** Opens all of the workspace, for ever. */
const isWholeAdmin = and(
  sql`'admin' = any(${accessKeys.scopes})`,
  sql`${accessKeys.rules} = '[]'::jsonb`,
  eq(accessKeys.registeredOnly, false),
  isNull(accessKeys.expiresAt),
)

/** The environment presets a secret that was minted for another key, perhaps one of narrower scopes. */
function refuseTaken(error: unknown): never {
  if (driverError(error).constraint !== 'access_keys_hash') throw error
  throw new StartError(
    'PASSGATE_ADMIN_KEY holds the secret of another access key; delete that key or preset another secret.',
  )
}

function isOne(workspaceId: string, id: string) {
  return and(eq(accessKeys.workspaceId, workspaceId), eq(accessKeys.id, id))
}
