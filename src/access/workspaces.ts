/** The operator's tenants: each is made with the one key that opens it, and says how long its calls are kept. */
import { invalidInput } from '../errors.ts'
import { standardRetention } from '../store/call-retention.ts'
import type { Page, PageArgs } from '../store/page.ts'
import type { Workspace, WorkspaceStore } from '../store/workspaces.ts'
import { hashSecret, newAccessKeySecret, secretHint } from './secret.ts'

export interface NewWorkspace {
  readonly workspace: Workspace
  readonly keyId: string
  /** Of its first admin key: in this answer and nowhere else. */
  readonly secret: string
}

/** An absent field stays as it is, null goes back to the standard. */
export interface CallRetentionChange {
  readonly retentionDays?: number | null | undefined
  readonly maxCalls?: number | null | undefined
}

const maxNameLength = 100
const maxRetentionDays = 400
const largestMaxCalls = 2_000_000_000

export class Workspaces {
  readonly #store: WorkspaceStore

  constructor(store: WorkspaceStore) {
    this.#store = store
  }

  /** @throws {GatewayError} INVALID_INPUT for a name that is taken or none */
  async create(given: string): Promise<NewWorkspace> {
    const name = given.trim()
    if (name === '' || name.length > maxNameLength || /\p{Cc}/u.test(name)) {
      const takes = `name takes 1 to ${maxNameLength} characters without control characters`
      throw invalidInput('name', `${takes}; got ${JSON.stringify(name.slice(0, maxNameLength))}.`)
    }
    const secret = newAccessKeySecret()
    const key = { name: 'admin', hash: hashSecret(secret), hint: secretHint(secret), scopes: ['admin'] }
    const made = await this.#store.insert(name, key)
    if (made === undefined) throw invalidInput('name', `There is a workspace ${JSON.stringify(name)} already.`)
    return { ...made, secret }
  }

  /** @throws {GatewayError} INVALID_INPUT */
  async configureCallLog(id: string, { retentionDays, maxCalls }: CallRetentionChange): Promise<Workspace> {
    const before = (await this.#store.get(id))?.callRetention ?? standardRetention
    const retention = {
      days: retentionDays === undefined ? before.days : (retentionDays ?? standardRetention.days),
      maxCalls: maxCalls === undefined ? before.maxCalls : maxCalls,
    }
    checkWhole('retentionDays', retention.days, maxRetentionDays)
    if (retention.maxCalls !== null) checkWhole('maxCalls', retention.maxCalls, largestMaxCalls)
    const saved = await this.#store.saveCallRetention(id, retention)
    if (saved === undefined) throw new TypeError('the workspace of a caller vanished')
    return saved
  }

  get(id: string): Promise<Workspace | undefined> {
    return this.#store.get(id)
  }

  list(page: PageArgs): Promise<Page<Workspace>> {
    return this.#store.list(page)
  }
}

function checkWhole(field: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return
  throw invalidInput(field, `${field} takes a whole number from 1 to ${max}; got ${value}.`)
}
