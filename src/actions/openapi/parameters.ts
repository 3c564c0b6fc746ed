/** The parameters of an operation as fields of its input; what carries a credential or belongs to the gateway is none. */
import { headerNamePattern } from '../../auth/header-names.ts'
import type { InjectedNames } from '../../auth/strategy.ts'
import { isReservedHeader } from '../../catalog/action-check.ts'
import { isObject } from '../../passthrough/scalar.ts'
import type { Place, Style } from '../styles.ts'
import { follow, followTo, listOf, type Node, type OpenApiDocument, objectOf, textOf } from './document.ts'
import type { InputFields } from './input-fields.ts'
import type { DocumentSchemas } from './schemas.ts'

export interface ParameterParts {
  readonly fields: InputFields
  readonly schemas: DocumentSchemas
  readonly references: Set<string>
  readonly credentials: Credentials
  readonly warn: (warning: string) => void
}

const places: ReadonlySet<unknown> = new Set(['path', 'query', 'header', 'cookie'])
const styles: ReadonlySet<unknown> = new Set([
  'matrix',
  'label',
  'simple',
  'form',
  'spaceDelimited',
  'pipeDelimited',
  'tabDelimited',
  'deepObject',
])

/**
 * Those of the operation and of its path; the operation's own replace others of the same name and place.
 * @throws {Error} for one that is described elsewhere: the operation would be another without it
 */
export function parametersOf(document: OpenApiDocument, lists: readonly unknown[]): Node[] {
  const found = new Map<string, Node>()
  for (const list of lists) {
    for (const item of listOf(list)) {
      const parameter = followTo(document, item, 'parameter')
      found.set(`${parameter.in} ${parameter.name}`, parameter)
    }
  }
  return [...found.values()]
}

/** @param path the placeholders of the path are parameters, declared or not */
export function addParameters(parameters: readonly Node[], path: string, parts: ParameterParts): void {
  const inPath = new Set([...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name))
  for (const name of inPath) {
    const declared = parameters.find(parameter => parameter.in === 'path' && parameter.name === name)
    addParameter(declared ?? { name, in: 'path', schema: { type: 'string' } }, parts)
  }
  for (const parameter of parameters) if (parameter.in !== 'path') addParameter(parameter, parts)
}

function addParameter(parameter: Node, parts: ParameterParts): void {
  const { name, in: place } = parameter
  if (typeof name !== 'string' || name === '' || name.length > 200 || !isPlace(place)) {
    const shown = JSON.stringify({ name, in: place }).slice(0, 200)
    parts.warn(`The parameter ${shown} is no input: it takes a name, and path, query, header or cookie as its place.`)
    return
  }
  const reason = explainLeftOut(parameter, place, name, parts)
  if (reason !== undefined) {
    if (reason !== '') parts.warn(reason)
    return
  }
  const { content, style, explode, allowReserved, required } = parameter
  const [mediaType] = Object.values(objectOf(content))
  const schema = describe(
    parts.schemas.convert(objectOf(mediaType).schema ?? parameter.schema ?? {}, parts.references),
    parameter,
  )
  parts.fields.parameters.push({
    in: place,
    name,
    field: parts.fields.add(name, place, schema, place === 'path' || required === true),
    style: styles.has(style) ? (style as Style) : place === 'path' || place === 'header' ? 'simple' : 'form',
    ...(typeof explode === 'boolean' ? { explode } : {}),
    ...(allowReserved === true ? { allowReserved } : {}),
    ...(mediaType === undefined ? {} : { isJson: true }),
  })
}

/** Why a parameter is no input, as a remark; empty where nobody misses it, undefined for an input. */
function explainLeftOut(
  { description }: Node,
  place: Place,
  name: string,
  { credentials }: ParameterParts,
): string | undefined {
  if (place === 'header' && ignoredHeaders.has(name.toLowerCase())) return ''
  if (credentials.injects(place, name)) return ''
  if (credentials.isOne(place, name, textOf(description, 1000)))
    return `The ${place} parameter ${name} is no input: it is a credential, which the connection has to bring.`
  if (place !== 'header' || isSettable(name)) return undefined
  return headerNamePattern.test(name)
    ? `The header ${name} is the gateway's to write, so it is no input.`
    : `The header ${JSON.stringify(name)} is no input: no header can have this name.`
}

/** What is said of the parameter is said of its field. */
function describe(schema: unknown, parameter: Node): unknown {
  if (!isObject(schema)) return schema
  const description = textOf(parameter.description, 1000)
  const [named] = Object.values(objectOf(parameter.examples))
  const example = parameter.example ?? objectOf(named).value
  return {
    ...schema,
    ...(description === '' ? {} : { description }),
    ...(parameter.deprecated === true ? { deprecated: true } : {}),
    ...(example === undefined || (JSON.stringify(example) ?? '').length > 1000 ? {} : { examples: [example] }),
  }
}

function isPlace(place: unknown): place is Place {
  return places.has(place)
}

/** OpenAPI 3.1 §4.8.12.2.1: described elsewhere, so that parameters of these names say nothing. */
const ignoredHeaders: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization'])

function isSettable(name: string): boolean {
  const lower = name.toLowerCase()
  return headerNamePattern.test(name) && !isReservedHeader(lower) && lower !== 'cookie'
}

/** Names of a credential wherever they stand. Those of a session or of a key pair name a thing as often. */
const secretNames =
  /^(?:x-)?(?:(?:access|api|auth|private|bearer)[-_]?token|(?:api|auth)[-_]?key)$|^(?:x-)?authorization$/i

/** What the connection's credential brings, or what a document says is one. */
export class Credentials {
  readonly #injected: ReadonlySet<string>
  readonly #declared: ReadonlySet<string>

  constructor(document: OpenApiDocument, injected: readonly InjectedNames[]) {
    const { root, version } = document
    const schemes = objectOf(version === '2.0' ? root.securityDefinitions : objectOf(root.components).securitySchemes)
    const declared = Object.values(schemes).flatMap(item => {
      const { type, in: place, name } = objectOf(follow(document, item))
      return type === 'apiKey' && typeof name === 'string' ? [key(String(place), name)] : []
    })
    const own = injected.flatMap(({ headers, query, body }) => [
      ...headers.map(name => key('header', name)),
      ...query.map(name => key('query', name)),
      ...body.map(name => key('body', name)),
    ])
    this.#injected = new Set(own)
    this.#declared = new Set(declared)
  }

  /** Whether the gateway writes it, with the connection's own. */
  injects(place: Place | 'body', name: string): boolean {
    return this.#injected.has(key(place, name))
  }

  /** @param description what a `token` is only tells what is said of it */
  isOne(place: Place, name: string, description: string): boolean {
    if (place === 'path') return false
    if (this.#declared.has(key(place, name)) || secretNames.test(name)) return true
    return /^token$/i.test(name) && /\bauth/i.test(description)
  }
}

function key(place: string, name: string): string {
  return `${place} ${name.toLowerCase()}`
}
