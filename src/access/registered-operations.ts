/** Documents that a workspace trusts: registered beforehand, run by their hash, and all that some keys may run. */
import { createHash } from 'node:crypto'
import { type ErrorDetail, GatewayError, invalidFields, invalidInput } from '../errors.ts'
import { Memo } from '../memo.ts'
import { newId } from '../store/ids.ts'
import type { Page, PageArgs } from '../store/page.ts'
import type {
  NewRegisteredOperationRow,
  RegisteredOperationRow,
  RegisteredOperationStore,
} from '../store/registered-operations.ts'
import type { Caller } from './caller.ts'

export type RegisteredOperation = RegisteredOperationRow

export interface Registration {
  readonly operations: readonly RegisteredOperation[]
  readonly created: readonly RegisteredOperation[]
}

export interface NewOperation {
  readonly name: string
  readonly document: string
}

/** What is wrong with a document, as sentences; none when the schema can run it. */
export type CheckDocument = (document: string) => readonly string[]

const maxAtOnce = 500
const maxInAll = 5000
const maxNameLength = 200
/** In characters: longer documents would not be run either. */
const maxDocumentLength = 100_000

export class RegisteredOperations {
  readonly #store: RegisteredOperationStore
  readonly #byHash = new Memo<RegisteredOperation>()

  constructor(store: RegisteredOperationStore) {
    this.#store = store
  }

  /**
   * All of them, in their order, or none. What is registered already, name and text, stays as it is.
   *
   * @returns all of them, and those that were not there before
   * @throws GatewayError `INVALID_INPUT` naming each operation that is wrong
   */
  async register(
    workspaceId: string,
    operations: readonly NewOperation[],
    check: CheckDocument,
  ): Promise<Registration> {
    if (operations.length === 0 || operations.length > maxAtOnce) {
      throw invalidInput('operations', `operations takes 1 to ${maxAtOnce} of them; got ${operations.length}.`)
    }
    const wrong = operations.flatMap((operation, index) => checkOperation(operation, `operations[${index}]`, check))
    if (wrong.length > 0) throw invalidFields(wrong)
    const wanted = operations.map(({ name, document }) => {
      return { id: newId('op'), name, hash: hashDocument(document), document }
    })
    const byHash = new Map(wanted.map(row => [row.hash, row]))
    const rows = await this.#store.register(workspaceId, [...byHash.values()], (taken, count) => {
      const clashes = wanted.flatMap((row, index) =>
        describeClash(row, `operations[${index}]`, [...taken, ...byHash.values()]),
      )
      if (clashes.length > 0) throw invalidFields(clashes)
      const fresh = [...byHash.values()].filter(row => !taken.some(({ hash }) => hash === row.hash))
      if (count + fresh.length <= maxInAll) return fresh
      throw invalidInput('operations', `A workspace has at most ${maxInAll} registered operations; it has ${count}.`)
    })
    return {
      operations: wanted.flatMap(({ hash }) => rows.find(row => row.hash === hash) ?? []),
      created: rows.filter(row => byHash.get(row.hash)?.id === row.id),
    }
  }

  /** @param hash SHA-256 of the text in hexadecimal, lower case */
  find(workspaceId: string, hash: string): Promise<RegisteredOperation | undefined> {
    return this.#byHash.get(`${workspaceId} ${hash}`, () => this.#store.findByHash(workspaceId, hash))
  }

  getMany(workspaceId: string, ids: readonly string[]): Promise<RegisteredOperation[]> {
    return this.#store.getMany(workspaceId, ids)
  }

  list(workspaceId: string, page: PageArgs): Promise<Page<RegisteredOperation>> {
    return this.#store.list(workspaceId, page)
  }

  /** By its id or its hash. @throws GatewayError `INVALID_INPUT` when there is no such operation */
  async delete(workspaceId: string, idOrHash: string): Promise<string> {
    const hash = readHash(idOrHash)
    const id = await this.#store.delete(workspaceId, hash === undefined ? { id: idOrHash } : { hash })
    this.#byHash.clear()
    if (id !== undefined) return id
    const message = 'id names no registered operation of the workspace.'
    throw new GatewayError('INVALID_INPUT', 'The workspace has no registered operation with this id.', {
      details: [{ field: 'id', message }],
    })
  }

  /** @throws GatewayError `FORBIDDEN` when this text is not registered */
  async require(workspaceId: string, document: string): Promise<void> {
    const found = await this.find(workspaceId, hashDocument(document))
    // Halves of surrogate pairs all hash alike.
    if (found?.document === document) return
    throw new GatewayError('FORBIDDEN', 'This access key runs registered operations only, and this is none of them.')
  }
}

/** A road on which there is no document. @throws GatewayError `FORBIDDEN` for a key of registered operations */
export function requireAnyRequest({ registeredOnly }: Pick<Caller, 'registeredOnly'>): void {
  if (!registeredOnly) return
  throw new GatewayError(
    'FORBIDDEN',
    'This access key runs registered operations only; it sends no requests of its own.',
  )
}

export function hashDocument(document: string): string {
  return createHash('sha256').update(document).digest('hex')
}

/** A hash as requests write it: hexadecimal in either case, with or without `sha256:`. Undefined for all else. */
export function readHash(text: string): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{64})$/i.exec(text)?.[1]?.toLowerCase()
}

function checkOperation({ name, document }: NewOperation, field: string, check: CheckDocument): ErrorDetail[] {
  const found: ErrorDetail[] = []
  function note(part: keyof NewOperation, reason: string): void {
    found.push({ field: `${field}.${part}`, message: `${field}.${part} ${reason}` })
  }
  if (name.trim() !== name || name === '' || name.length > maxNameLength) {
    note('name', `takes 1 to ${maxNameLength} characters without space around them; got ${name.length}.`)
  }
  if (document.length > maxDocumentLength) {
    note('document', `takes at most ${maxDocumentLength} characters; got ${document.length}.`)
  } else {
    for (const reason of check(document)) note('document', `is wrong: ${reason}`)
  }
  return found
}

/** A name says one text and a text has one name, so that a list can be read. */
function describeClash(
  { name, hash }: NewRegisteredOperationRow,
  field: string,
  others: readonly NewRegisteredOperationRow[],
): ErrorDetail[] {
  if (others.some(other => other.name === name && other.hash !== hash)) {
    const message = `${field}.name is the name of another document; delete that one first, or use a name of its own.`
    return [{ field: `${field}.name`, message }]
  }
  const sameText = others.find(other => other.hash === hash && other.name !== name)
  if (sameText === undefined) return []
  const message = `${field}.document is registered as ${JSON.stringify(sameText.name)} already.`
  return [{ field: `${field}.document`, message }]
}
