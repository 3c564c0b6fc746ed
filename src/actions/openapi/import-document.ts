/** A document as actions: each operation is one, or is told of with the reason why it is none. */
import { injectedNames } from '../../auth/strategy.ts'
import type { IntegrationDefinition } from '../../catalog/entry.ts'
import { HostAllowlist } from '../../hosts.ts'
import { type Method, methods } from '../../passthrough/request.ts'
import { isObject } from '../../passthrough/scalar.ts'
import { follow, listOf, type Node, type OpenApiDocument, objectOf, parseDocument, textOf } from './document.ts'
import { createOperationReader, type FoundOperation, type ImportedOperation } from './operation.ts'
import { Credentials } from './parameters.ts'
import { createServerPlacer } from './servers.ts'
import { serversOf } from './swagger2.ts'

export interface ImportRequest {
  readonly text: string
  readonly definition: IntegrationDefinition
  /** The server of the document that stands for the integration's base URL. */
  readonly serverUrl?: string | undefined
  /** The hosts that may be sent to by plain http, as the operator lists them; none when absent. */
  readonly egressAllow?: string | undefined
}

export interface ImportedAction extends Omit<ImportedOperation, 'definition'> {
  readonly name: string
  /** JSON. */
  readonly definition: string
}

export interface SkippedOperation {
  readonly method: string
  readonly path: string
  readonly operationId: string | null
  readonly reason: string
}

export interface ImportedDocument {
  readonly title: string
  readonly version: string
  readonly actions: readonly ImportedAction[]
  /** The first of them. */
  readonly skipped: readonly SkippedOperation[]
  readonly skippedTotal: number
  readonly warnings: readonly string[]
}

const maxOperations = 5000
const maxSkipped = 500
/** Characters of all definitions of a document. */
const maxDefinitionsLength = 48 * 1024 * 1024
const maxWarnings = 100

/** @throws {DocumentError} */
export function importDocument({ text, ...request }: ImportRequest): ImportedDocument {
  const document = parseDocument(text)
  const warnings = new Set<string>()
  const warn = (warning: string) => {
    if (warnings.size < maxWarnings) warnings.add(warning)
  }
  const take = createTaker(document, { ...request, warn })
  const actions: ImportedAction[] = []
  const skipped: SkippedOperation[] = []
  let count = 0
  for (const found of operationsOf(document)) {
    count += 1
    const taken = count > maxOperations ? `it comes after the first ${maxOperations} operations` : take(found)
    if (typeof taken !== 'string') actions.push(taken)
    else if (skipped.length < maxSkipped) skipped.push(describeSkipped(found, taken))
  }
  const { title, version } = objectOf(document.root.info)
  return {
    title: textOf(title, 200) || 'OpenAPI document',
    version: textOf(typeof version === 'number' ? String(version) : version, 200),
    actions,
    skipped,
    skippedTotal: count - actions.length,
    warnings: [...warnings],
  }
}

interface TakerParts extends Omit<ImportRequest, 'text'> {
  readonly warn: (warning: string) => void
}

/** What makes an action of an operation, or says why it is none. */
function createTaker(document: OpenApiDocument, { definition, serverUrl, egressAllow = '', warn }: TakerParts) {
  const placeServers = createServerPlacer(definition, serverUrl, HostAllowlist.parse(egressAllow))
  const credentials = new Credentials(document, definition.auth.map(injectedNames))
  const reader = createOperationReader(document, credentials, warn)
  const naming = new Naming()
  let length = 0
  return (found: FoundOperation | Unreadable): ImportedAction | string => {
    if ('reason' in found) return found.reason
    const servers = [found.operation.servers, found.item.servers, serversOf(document)]
    const place = placeServers(servers.find(list => listOf(list).length > 0))
    if ('reason' in place) return place.reason
    try {
      const { definition: whole, ...facts } = reader.read(found, place.prefix)
      const json = JSON.stringify(whole)
      length += json.length
      if (length > maxDefinitionsLength) return 'the schemas of the operations before it fill what a document may have'
      return { ...facts, name: naming.choose(found), definition: json }
    } catch (error) {
      return reasonOf(error)
    }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return 'its schemas go round without end'
  return error instanceof Error ? error.message.slice(0, 300) : 'it cannot be read'
}

/** What is no operation that can be sent. */
interface Unreadable {
  readonly method: string
  readonly path: string
  readonly operation: Node
  readonly reason: string
}

const otherMethods = ['trace', 'query'] as const
const notObject = 'what stands there is no object'

function* operationsOf(document: OpenApiDocument): Generator<FoundOperation | Unreadable> {
  for (const [path, entry] of Object.entries(objectOf(document.root.paths))) {
    if (path.startsWith('x-')) continue
    const found = follow(document, entry)
    if (found === undefined) {
      yield { method: '*', path, operation: {}, reason: 'its path is described outside the document' }
      continue
    }
    if (found !== null && !isObject(found)) {
      yield { method: '*', path, operation: {}, reason: notObject }
      continue
    }
    // What stands beside a reference is of the same path.
    const item = { ...objectOf(found), ...objectOf(entry) }
    for (const method of methods) {
      const operation = item[method.toLowerCase()] ?? undefined
      if (isObject(operation)) yield { method, path, item, operation }
      else if (operation !== undefined) yield { method, path, operation: {}, reason: notObject }
    }
    for (const name of otherMethods) {
      if (item[name] == null) continue
      const method = name.toUpperCase()
      yield { method, path, operation: objectOf(item[name]), reason: `the method ${method} is not sent` }
    }
  }
}

function describeSkipped(found: FoundOperation | Unreadable, reason: string): SkippedOperation {
  const operationId = textOf(found.operation.operationId, 200)
  return {
    method: found.method,
    path: found.path.slice(0, 500).toWellFormed(),
    operationId: operationId || null,
    reason,
  }
}

/** Names of actions: the operation's id as far as it can be one, else its method and path; each once. */
class Naming {
  readonly #taken = new Set<string>()

  choose({ operation, method, path }: { operation: Node; method: Method; path: string }): string {
    const id = clean(textOf(operation.operationId, 500))
    const made = clean([method.toLowerCase(), ...path.split(/[^A-Za-z0-9.-]+/)].filter(part => part !== '').join('_'))
    const name = [id, made].find(candidate => candidate !== '' && !this.#taken.has(candidate)) ?? this.#count(made)
    this.#taken.add(name)
    return name
  }

  #count(name: string): string {
    let count = 2
    while (this.#taken.has(`${name}_${count}`)) count += 1
    return `${name}_${count}`
  }
}

function clean(name: string): string {
  return name
    .replace(/[^A-Za-z0-9_.\-/]+/g, '_')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, 120)
}
