/** The operator's tenants: each is made with the one key that opens it. */
import { invalidInput } from '../errors.ts'
import type { Page, PageArgs } from '../store/page.ts'
import type { Workspace, WorkspaceStore } from '../store/workspaces.ts'
import { hashSecret, newAccessKeySecret, secretHint } from './secret.ts'

export interface NewWorkspace {
  readonly workspace: Workspace
  readonly keyId: string
  /** Of its first admin key: in this answer and nowhere else. */
  readonly secret: string
}

const maxNameLength = 100

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

  get(id: string): Promise<Workspace | undefined> {
    return this.#store.get(id)
  }

  list(page: PageArgs): Promise<Page<Workspace>> {
    return this.#store.list(page)
  }
}
