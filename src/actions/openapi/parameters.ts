/** The parameters of an operation as fields of its input; what carries a credential or belongs to the gateway is none. */
import { headerNamePattern, isFramingHeader } from '../../auth/header-names.ts'
import type { InjectedNames } from '../../auth/strategy.ts'
import { isObject } from '../../passthrough/scalar.ts'
import type { Place, Style } from '../styles.ts'
import { follow, listOf, type Node, type OpenApiDocument, objectOf, textOf } from './document.ts'
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

/** Those of the operation and of its path; the operation's own replace others of the same name and place. */
export function parametersOf(document: OpenApiDocument, lists: readonly unknown[]): Node[] {
  const found = new Map<string, Node>()
  for (const list of lists) {
    for (const item of listOf(list)) {
      const parameter = objectOf(follow(document, item))
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
  if (typeof name !== 'string' || name === '' || name.length > 200 || !isPlace(place)) return
  if (parts.credentials.has(place, name, textOf(parameter.description, 1000))) return
  if (place === 'header' && !isSettable(name)) {
    if (!ignoredHeaders.has(name.toLowerCase()))
      parts.warn(`The header ${name} is the gateway's to write, so it is no input.`)
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
  return (
    headerNamePattern.test(name) &&
    !ignoredHeaders.has(lower) &&
    !isFramingHeader(lower) &&
    !/^(?:proxy-|x-passgate-)|^http2-settings$|^cookie$/.test(lower)
  )
}

/** Names that are a credential wherever they stand. */
const secretNames = /^(?:x-)?(?:access|api|auth|private|bearer|session)[-_]?(?:token|key)$|^(?:x-)?authorization$/i

/** What the connection's credential brings, or what a document says is one. */
export class Credentials {
  readonly #names: ReadonlySet<string>

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
    this.#names = new Set([...declared, ...own])
  }

  /** @param description what a `token` is only tells what is said of it */
  has(place: Place | 'body', name: string, description = ''): boolean {
    if (place === 'path') return false
    if (this.#names.has(key(place, name))) return true
    if (place === 'body') return false
    return secretNames.test(name) || (/^token$/i.test(name) && /\bauth/i.test(description))
  }
}

function key(place: string, name: string): string {
  return `${place} ${name.toLowerCase()}`
}
