/** One operation of a document as an action: its input, its mapping and an example. */
import { GatewayError } from '../../errors.ts'
import { checkUrlText, refuseDotSegments } from '../../passthrough/path.ts'
import type { Method } from '../../passthrough/request.ts'
import { isObject } from '../../passthrough/scalar.ts'
import type { ActionDefinition, ActionInput, JsonSchema } from '../action.ts'
import { buildRequest } from '../build-request.ts'
import { findExample } from '../example.ts'
import { countSchemas } from '../schema-facts.ts'
import { compileSchema } from '../validate.ts'
import { type Node, type OpenApiDocument, textOf } from './document.ts'
import { InputFields } from './input-fields.ts'
import { addParameters, type Credentials, parametersOf } from './parameters.ts'
import { addBody } from './request-body.ts'
import { DocumentSchemas } from './schemas.ts'
import { upgradeOperation } from './swagger2.ts'

/** As it stands in the document. */
export interface FoundOperation {
  readonly method: Method
  /** The key in `paths`. */
  readonly path: string
  readonly item: Node
  readonly operation: Node
}

export interface ImportedOperation {
  readonly method: Method
  readonly path: string
  readonly description: string
  readonly deprecated: boolean
  readonly definition: ActionDefinition
}

export interface OperationReader {
  /** @throws {Error} whose message is the reason why it is no action */
  read(found: FoundOperation, prefix: string): ImportedOperation
}

const maxDescription = 2000
/** Of the input itself, without what it refers to. */
const maxSchemas = 1500

export function createOperationReader(
  document: OpenApiDocument,
  credentials: Credentials,
  warn: (warning: string) => void,
): OperationReader {
  const schemas = new DocumentSchemas(document, warn)
  return {
    read({ method, path, item, operation }, prefix) {
      const target = joinTarget(prefix, path)
      const listed = parametersOf(document, [item.parameters, operation.parameters])
      const { parameters, requestBody } = upgradeOperation(document, operation, listed)
      const references = new Set<string>()
      const fields = new InputFields()
      const parts = { fields, schemas, references, credentials, warn }
      addParameters(parameters, target, parts)
      const added = requestBody === undefined ? undefined : addBody(requestBody, parts)
      const { $defs, open } = schemas.collect(references)
      if (open > 0)
        warn('Some operations refer to more schemas than are kept; anything is taken where those are left out.')
      const own = fields.schema(added?.others ?? {})
      if (countSchemas(own) > maxSchemas) throw new Error(`its input has more than ${maxSchemas} schemas`)
      const input = withDefinitions(own, $defs)
      const definition = {
        input,
        parameters: fields.parameters,
        ...(added === undefined ? {} : { body: added.body }),
      }
      const validate = compileSchema(input)
      const fits = (candidate: ActionInput) => validate(candidate) && isSendable(method, target, definition, candidate)
      const example = findExample(input, fits, givenExample(added?.example, added?.body.template))
      return {
        method,
        path: target,
        description: describe(operation),
        deprecated: operation.deprecated === true,
        definition: { ...definition, ...(example === undefined ? {} : { example }) },
      }
    },
  }
}

/**
 * What the core would refuse at every call is refused now. A fragment, which is never sent, is how documents tell apart
 * operations of one path.
 */
function joinTarget(prefix: string, path: string): string {
  const target = `${prefix}/${path.replace(/^\/+/, '').replace(/#[^/]*$/, '')}`
  const mark = target.indexOf('?')
  refuseDotSegments('its path', mark === -1 ? target : target.slice(0, mark))
  if (target.includes('#')) throw new Error('its path has a fragment in its middle')
  if (/[{}]/.test(target.replace(/\{[^{}]+\}/g, ''))) throw new Error('its path has a brace that is no placeholder')
  return checkUrlText('its path', target)
}

/** A list without items fits a schema, but no path. */
function isSendable(method: Method, path: string, definition: ActionDefinition, input: ActionInput): boolean {
  try {
    buildRequest({ method, path }, definition, input, 'repeat')
    return true
  } catch (error) {
    if (error instanceof GatewayError) return false
    throw error
  }
}

function describe({ summary, description }: Node): string {
  const short = textOf(summary, maxDescription)
  const long = textOf(description, maxDescription)
  if (short === '' || long === '' || long.startsWith(short)) return long === '' ? short : long
  return `${short}\n\n${long}`.slice(0, maxDescription)
}

/** Only what the schema really leads to. */
function withDefinitions(schema: JsonSchema, $defs: Node): JsonSchema {
  const used = new Set<string>()
  const queue: unknown[] = [schema]
  for (const part of queue) {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)) {
      if (used.has(name) || !Object.hasOwn($defs, name)) continue
      used.add(name)
      queue.push($defs[name])
    }
  }
  if (used.size === 0) return schema
  return { ...schema, $defs: Object.fromEntries([...used].map(name => [name, $defs[name]])) }
}

/** The document's own, as fields of the input. */
function givenExample(example: unknown, template: unknown): Node | undefined {
  if (template === '{*}') return isObject(example) ? example : undefined
  return example === undefined ? undefined : { body: example }
}
